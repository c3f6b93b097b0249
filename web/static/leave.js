/* On every page of somebody signed in: whose phone this is now, what waits on it, and nothing left behind at log-out. */

import { able, expire, forget, forgetForm, some, waiting, writes } from "./drafts.js";

const form = document.querySelector("form.leave");
const who = form?.dataset.who;

if (who && able) {
  writes(who);
  form.addEventListener("submit", leave);
  if (some() && !document.getElementById("drafts")) expired().then(remind).catch(console.warn);
}

/* Those that are too old go on every page; the page for registering, which sees to it itself, says how many went. */
async function expired() {
  const gone = await expire(who);
  if (gone) sessionStorage.setItem("tuoke.expired", gone + Number(sessionStorage.getItem("tuoke.expired")));
}

async function remind() {
  const { mine } = await waiting(who), link = document.querySelector(`.menu a[href="${form.dataset.register}"]`);
  if (!mine.length || !link) return;
  const count = document.createElement("span");
  count.className = "count";
  count.textContent = mine.length;
  count.setAttribute("role", "img");
  count.ariaLabel = count.title = form.dataset.waits.replace("{n}", mine.length);
  link.append(count);
}

async function leave(event) {
  event.preventDefault();
  try {
    const { mine } = await waiting(who);
    if (mine.length && !confirm(form.dataset.sure.replace("{n}", mine.length))) return;
    await forget(who);
    await forgetForm();
  } catch (broken) {
    console.warn(broken);
  }
  form.submit();
}
