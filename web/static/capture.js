/* Registering on a phone: the answer to a number while it is typed, and drafts where there is no network.
   Without the means for drafts the form is sent by the browser, as everywhere. */

import { able, drop, expire, keep, waiting, writer, writes } from "./drafts.js";

const form = document.querySelector("form.capture"), panel = document.getElementById("drafts");
const words = panel.dataset, phone = form.elements.phone, refusal = document.getElementById("refusal");
const part = (name) => panel.querySelector(name);
/* Who writes here: whose page it is, or, on the form that was kept, who wrote on this phone last. */
const me = () => words.who || writer();
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

let turn = Promise.resolve(); // one thing at a time: what is being sent is not sent again beside it
const inTurn = (work) => (turn = turn.then(work, work));

// -- the number --

const digits = (text) => text.normalize("NFKC").replace(/[^\d+]/g, "").replace(/^(\+|00)?86(?=1\d{10}$)/, "");
let asked = "", typing = 0;

phone.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(ask, 50);
});
form.addEventListener("change", (event) => {
  if (event.target !== phone) return;
  if (!navigator.onLine) ask();
  if (!navigator.onLine || digits(phone.value) === asked) event.stopPropagation(); // was asked while it was typed
}, true);

function ask() {
  const number = digits(phone.value);
  if (number.length !== 11 || number === asked) return;
  asked = number;
  if (navigator.onLine && self.htmx) phone.dispatchEvent(new Event("enough"));
  else if (!navigator.onLine) answer(words.later);
}

function answer(text) {
  const small = document.createElement("small");
  small.textContent = text;
  document.getElementById("phone-answer").replaceChildren(small);
}

// -- writing down --

if (able) {
  if (words.who) writes(words.who);
  panel.hidden = true;
  renew();
  form.addEventListener("submit", register);
  form.addEventListener("input", (event) => event.target.setCustomValidity?.(""));
  part(".send").addEventListener("click", () => inTurn(flush));
  addEventListener("online", () => inTurn(flush));
  inTurn(opened).catch(console.warn);
  navigator.serviceWorker?.register(words.worker, { scope: words.scope }).catch(console.warn);
}

function renew() {
  if (!form.elements.once.value || form.dataset.used) form.elements.once.value = crypto.randomUUID();
  form.dataset.used = "";
}

function complete() {
  const { name, channel, consent } = form.elements, number = digits(phone.value);
  phone.setCustomValidity(!number ? words.needed : /^1\d{10}$/.test(number) ? "" : words.digits);
  name.setCustomValidity(name.value.trim() ? "" : words.needed);
  channel[0].setCustomValidity(channel.value ? "" : words.needed);
  consent.setCustomValidity(consent.checked ? "" : words.consent);
  return form.reportValidity();
}

async function register(event) {
  event.preventDefault();
  if (!complete() || form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  await inTurn(once).finally(() => { form.ariaBusy = "false"; });
}

/* First it is kept, then it is sent: whatever happens on the way, it is there. */
async function once() {
  const { csrf_token: token, once: key } = form.elements;
  const at = Date.now(), fields = Object.fromEntries(new FormData(form));
  delete fields.csrf_token;
  delete fields.once;
  const draft = { id: key.value, who: me(), at, until: at + words.hours * 3600e3, fields };
  if (!draft.who) return tell(words.nobody);
  try {
    await keep(draft);
  } catch (broken) {
    console.warn(broken);
    if (navigator.onLine && token) form.submit();
    else tell(words.full);
    return;
  }
  const came = navigator.onLine ? await send(draft, token?.value, false) : { state: "away" };
  if (came.to) {
    await drop(draft.id);
    location.assign(came.to);
  } else if (came.why) {
    await drop(draft.id); // it is on the screen, to be put right
    refused(came);
    await draw();
  } else {
    empty();
    tell(came.state === "away" ? words.kept : words[came.state]);
    part(".login").hidden = came.state !== "login";
    await draw();
    panel.scrollIntoView({ block: "center" });
  }
}

function refused({ why, errors }) {
  const list = document.createElement("ul"), title = document.createElement("p");
  title.append(Object.assign(document.createElement("b"), { textContent: why }));
  for (const [name, text] of Object.entries(errors)) {
    const link = Object.assign(document.createElement("a"), { href: `#${name}`, textContent: text });
    list.append(Object.assign(document.createElement("li")));
    list.lastChild.append(link);
    document.getElementById(name)?.setAttribute("aria-invalid", "true");
  }
  refusal.replaceChildren(title, list);
  refusal.hidden = false;
  refusal.focus();
}

function empty() {
  form.reset();
  for (const field of form.querySelectorAll("input:not([type=hidden],[type=radio],[type=checkbox]), textarea")) field.value = "";
  for (const field of form.querySelectorAll(":checked")) field.checked = false;
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  refusal.hidden = true;
  asked = "";
  answer("");
  form.dataset.used = "yes";
  renew();
  phone.focus();
}

// -- sending --

/* {to}: it is there. {why, errors}: refused. {state}: away, login or foreign, and it waits. */
async function send(draft, token, waited) {
  for (const more of [true, false]) {
    if (!token) {
      const fresh = await freshToken(draft.who);
      if (!fresh.token) return fresh;
      token = fresh.token;
    }
    const body = new URLSearchParams({ ...draft.fields, once: draft.id, csrf_token: token });
    if (waited) body.set("noted_ago", Math.max(0, Math.round((Date.now() - draft.at) / 1000)));
    const got = await fetched(words.scope, { method: "POST", body });
    if (!got || got.status >= 500 || got.status === 429) return { state: "away" };
    if (got.said) return got.status < 300 ? got.said : { why: got.said.reason, errors: got.said.errors };
    if (!more || got.status !== 400) return { why: fill(words.odd, got), errors: {} };
    token = ""; // an old page: a fresh token, and once more
  }
}

async function freshToken(who) {
  const got = await fetched(words.token);
  if (!got || got.status >= 500) return { state: "away" };
  if (!got.said?.token) return { state: "login" };
  return got.said.who === who ? got.said : { state: "foreign" };
}

/* {status, said}, or nothing where no answer came. */
async function fetched(url, more = {}) {
  try {
    const got = await fetch(url, { ...more, headers: { Accept: "application/json" }, signal: AbortSignal.timeout(20000) });
    const json = got.headers.get("Content-Type")?.startsWith("application/json");
    return { status: got.status, said: json ? await got.json() : null };
  } catch {
    return null;
  }
}

async function flush() {
  const { mine } = await waiting(me());
  let sent = 0, state = "";
  for (const draft of mine.filter((each) => !each.why)) {
    const came = navigator.onLine ? await send(draft, "", true) : { state: "away" };
    if (came.to) {
      await drop(draft.id);
      sent += 1;
    } else if (came.why) await keep({ ...draft, why: reasons(came) });
    else {
      state = came.state;
      break;
    }
  }
  if (sent || state) tell([sent ? fill(words.sent, { n: sent }) : "", state ? words[state] : ""].join(" "));
  part(".login").hidden = state !== "login";
  await draw();
}

const reasons = ({ why, errors }) => [why, ...Object.values(errors || {})].join(" ");

// -- what waits --

async function opened() {
  const gone = (await expire(me())) + Number(sessionStorage.getItem("tuoke.expired"));
  sessionStorage.removeItem("tuoke.expired");
  await flush();
  const here = form.elements.csrf_token, saved = new URLSearchParams(location.search).has("saved");
  if (saved && !here) tell(fill(words.sent, { n: 1 })); // it was sent, then the network went
  if (gone) tell(`${part(".told").textContent} ${fill(words.expired, { n: gone })}`);
}

function tell(text) {
  part(".told").textContent = text.trim();
  panel.hidden = false;
}

async function draw() {
  const { mine, others } = await waiting(me()), unsent = mine.filter((each) => !each.why).length;
  const refusedOnes = mine.length - unsent;
  const title = [unsent === 1 ? words.one : unsent ? fill(words.many, { n: unsent }) : "",
    refusedOnes ? fill(words.refused, { n: refusedOnes }) : ""].filter(Boolean).join(" · ");
  part("h2 span").textContent = title || words.none;
  part("ul").replaceChildren(...mine.map(row));
  part(".send").hidden = !unsent;
  part(".which").hidden = !mine.length;
  if (refusedOnes) part(".which").open = true;
  part(".foreign").hidden = !others;
  part(".foreign").textContent = fill(words.others, { n: others });
  panel.hidden = !mine.length && !others && !part(".told").textContent;
}

function row(draft) {
  const line = part("template").content.firstElementChild.cloneNode(true), at = (name) => line.querySelector(name);
  const when = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  at(".name").textContent = draft.fields.name;
  at(".phone").textContent = draft.fields.phone;
  at(".when").textContent = fill(words.when, { when: when.format(draft.at) });
  at(".why").textContent = draft.why;
  at(".correct").addEventListener("click", () => correct(draft));
  at(".throw").addEventListener("click", () => confirm(words.throw) && inTurn(() => drop(draft.id).then(draw)));
  return line;
}

const filled = (field) => field.type === "radio" ? field.checked : field.value !== "";

/* Back into the form; saved again it takes the place of what was kept. */
function correct(draft) {
  empty();
  form.elements.once.value = draft.id;
  for (const [name, value] of Object.entries(draft.fields)) {
    const field = form.elements[name];
    if (field?.type === "checkbox") field.checked = true;
    else if (field) field.value = value;
  }
  for (const more of form.querySelectorAll("details")) more.open = [...more.querySelectorAll("input, textarea")].some(filled);
  if (draft.why) refused({ why: draft.why, errors: {} });
  form.scrollIntoView();
  phone.focus();
}
