/* Keeps the empty form for a new customer and the files it is made of, so that it opens without a network. Nothing else is
   kept: no other page, no answer, nothing about anybody. */
"use strict";
const CACHE = "tuoke-register-{{ version }}";
const SHELL = {{ shell|tojson }};
const FILES = {{ files|tojson }};
const PAGE = {{ url_for("capture.capture")|tojson }};
const PATIENCE = 4000;
let away = 0;

addEventListener("install", (event) => event.waitUntil(keep()));
addEventListener("activate", (event) => event.waitUntil(forget()));
addEventListener("fetch", (event) => {
  const request = event.request, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (url.pathname === PAGE) event.respondWith(page(request));
  } else if (FILES.includes(url.pathname)) event.respondWith(file(request));
});

async function keep() {
  const cache = await caches.open(CACHE);
  await cache.addAll([SHELL, ...FILES].map((url) => new Request(url, { cache: "no-cache" })));
  await skipWaiting();
}

async function forget() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("tuoke-register-") && name !== CACHE).map((name) => caches.delete(name)));
  await clients.claim();
}

/* The office's own page where it answers in time, else the empty form. */
async function page(request) {
  const answer = fetch(request);
  answer.catch(() => {}); // may come after it was no longer waited for
  try {
    const slow = new Promise((_, stop) => setTimeout(stop, PATIENCE));
    const found = await Promise.race([answer, slow]);
    if (found.status < 500) {
      away = 0;
      return found;
    }
  } catch { /* no network, or one that does not answer */ }
  away = Date.now();
  return (await (await caches.open(CACHE)).match(SHELL)) || answer;
}

/* A file from the office, or as it was kept; at once as it was kept where the page was. */
async function file(request) {
  const kept = async () => (await caches.open(CACHE)).match(request, { ignoreSearch: true });
  if (Date.now() - away < 10000) return (await kept()) || fetch(request);
  try {
    return await fetch(request);
  } catch {
    return (await kept()) || Response.error();
  }
}
