/* What waits on this phone to be sent: captures, each sealed with a key that cannot leave the browser, one key per writer.
   In the open stand only the one-time key, the writer's mark, and when it was written down and is thrown away. */

const WRITER = "tuoke.writer", WAITING = "tuoke.waiting";
export const able = Boolean(
  self.isSecureContext && self.indexedDB && self.crypto?.subtle && crypto.randomUUID && AbortSignal.timeout && remembers(),
);

function remembers() {
  try {
    return Boolean(self.localStorage);
  } catch {
    return false;
  }
}

/* Who wrote on this phone last; a page of somebody signed in says it anew. */
export const writer = () => localStorage.getItem(WRITER) || "";
export const writes = (who) => localStorage.setItem(WRITER, who);

const done = (request) => new Promise((good, bad) => {
  request.onsuccess = () => good(request.result);
  request.onerror = () => bad(request.error);
});

async function within(mode, work) {
  const opening = indexedDB.open("tuoke", 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore("keys", { keyPath: "who" });
    opening.result.createObjectStore("drafts", { keyPath: "id" });
  };
  const base = await done(opening);
  try {
    const change = base.transaction(["keys", "drafts"], mode);
    const ended = new Promise((good, bad) => {
      change.oncomplete = good;
      change.onabort = change.onerror = () => bad(change.error);
    });
    ended.catch(() => {}); // said below, or by the work
    const found = await work(change.objectStore("drafts"), change.objectStore("keys"));
    await ended;
    return found;
  } finally {
    base.close();
  }
}

async function keyOf(who) {
  const kept = await within("readonly", (_, keys) => done(keys.get(who)));
  if (kept) return kept.key;
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  return within("readwrite", async (_, keys) => {
    const first = await done(keys.get(who));
    if (!first) await done(keys.put({ who, key }));
    return first ? first.key : key;
  });
}

const lock = ({ id, who, at, until }, iv) =>
  ({ name: "AES-GCM", iv, additionalData: new TextEncoder().encode([id, who, at, until].join(" ")) });

/* Keep a draft, or keep it anew: {id, who, at, until, fields, why}. */
export async function keep(draft) {
  const { id, who, at, until, fields, why = "" } = draft;
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const plain = new TextEncoder().encode(JSON.stringify({ fields, why }));
  const sealed = await crypto.subtle.encrypt(lock(draft, iv), await keyOf(who), plain);
  await within("readwrite", (drafts) => done(drafts.put({ id, who, at, until, iv, sealed })));
  await counted();
}

/* The drafts of this writer, opened, the oldest first, and how many others wait. */
export async function waiting(who) {
  const rows = await within("readonly", (drafts) => done(drafts.getAll()));
  const mine = rows.filter((row) => row.who === who).sort((a, b) => a.at - b.at);
  const key = mine.length ? await keyOf(who) : null;
  const opened = await Promise.all(mine.map((row) => open(row, key)));
  return { mine: opened, others: rows.length - mine.length };
}

async function open(row, key) {
  const { id, who, at, until } = row;
  const plain = await crypto.subtle.decrypt(lock(row, row.iv), key, row.sealed);
  return { id, who, at, until, ...JSON.parse(new TextDecoder().decode(plain)) };
}

export async function drop(id) {
  await within("readwrite", (drafts) => done(drafts.delete(id)));
  await counted();
}

/* Throw away what is too old, whoever wrote it; how many of them this writer's were. */
export async function expire(who) {
  const old = (await within("readonly", (drafts) => done(drafts.getAll()))).filter((row) => row.until <= Date.now());
  for (const row of old) await drop(row.id);
  return old.filter((row) => row.who === who).length;
}

/* Nothing of this writer stays: their drafts, their key, and the form that opened without a network. */
export async function forget(who) {
  await within("readwrite", async (drafts, keys) => {
    for (const row of await done(drafts.getAll())) if (row.who === who) await done(drafts.delete(row.id));
    await done(keys.delete(who));
  });
  await counted();
}

export async function forgetForm() {
  localStorage.removeItem(WRITER);
  if (self.caches) {
    for (const name of await caches.keys()) if (name.startsWith("tuoke-register-")) await caches.delete(name);
  }
  for (const worker of (await navigator.serviceWorker?.getRegistrations()) || []) await worker.unregister();
}

/* How many wait, whoever wrote them, so that other pages need not look when there are none. */
export const some = () => Number(localStorage.getItem(WAITING)) > 0;

async function counted() {
  localStorage.setItem(WAITING, await within("readonly", (drafts) => done(drafts.count())));
}
