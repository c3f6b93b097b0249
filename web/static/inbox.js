/* The approval inbox at a desk: keys, the case beside the list, what would come of it, a moment to take it back, and who was
   faster. Without this script the same form decides the same requests. */
"use strict";

(() => {
  const form = document.getElementById("decide");
  if (!form) return;
  const beside = document.getElementById("beside");
  const hold = document.getElementById("hold");
  const help = document.getElementById("keys-help");
  const checking = document.getElementById("check-dialog");
  const rows = () => [...form.querySelectorAll(".request[data-code]:not(.gone)")].filter((row) => row.querySelector("[name=pick]"));
  const ticked = () => [...form.querySelectorAll("[name=pick]:checked")];
  const wide = matchMedia("(min-width: 1200px)");
  let current = null;
  let held = null;

  const part = async (url, options = {}) => {
    const answer = await fetch(url, { ...options, headers: { "X-Part": "1" }, credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    return answer;
  };

  // -- the case beside the list

  const stand = async (row) => {
    if (!row) return;
    current?.classList.remove("current");
    current = row;
    row.classList.add("current");
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    if (!wide.matches || !row.dataset.beside) return;
    try {
      const text = await (await part(row.dataset.beside)).text();
      if (current === row) {
        beside.innerHTML = text;
        beside.hidden = false;
      }
    } catch {
      beside.hidden = true;
    }
  };

  const step = (by) => {
    const all = rows();
    const at = all.indexOf(current);
    stand(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))]);
  };

  form.addEventListener("click", (event) => {
    const row = event.target.closest(".request[data-code]");
    if (row && !event.target.closest("a, button, input, label, summary")) stand(row);
  });

  // -- deciding: what would come of it, then a moment to take it back

  const say = (words) => {
    hold.querySelector("p").textContent = words;
    hold.classList.add("plain");
    hold.hidden = false;
    setTimeout(() => { if (!held) hold.hidden = true; }, 3000);
  };

  const decide = (source, decision) => {
    const data = new FormData(source);
    data.set("decision", decision);
    const count = data.getAll("pick").length;
    const send = document.createElement("form");
    send.method = "post";
    send.action = form.getAttribute("action");
    send.hidden = true;
    for (const [name, value] of data) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      send.append(field);
    }
    document.body.append(send);
    const seconds = Number(form.dataset.hold);
    hold.style.setProperty("--hold", `${seconds}s`);
    hold.querySelector("p").textContent = (decision === "approve" ? form.dataset.approving : form.dataset.rejecting).replace("{n}", count);
    hold.classList.remove("plain");
    hold.hidden = false;
    hold.querySelector("button").focus({ preventScroll: true });
    held = { send, timer: setTimeout(() => { held = null; send.submit(); }, seconds * 1000) };
  };

  const undo = () => {
    if (!held) return;
    clearTimeout(held.timer);
    held.send.remove();
    held = null;
    say(form.dataset.undone);
  };

  // Whoever leaves the page meant what they decided: it is sent on the way out.
  addEventListener("pagehide", () => {
    if (!held) return;
    clearTimeout(held.timer);
    navigator.sendBeacon(held.send.action, new FormData(held.send));
    held = null;
  });

  const ask = async (decision) => {
    if (held) return;
    if (!ticked().length) {
      return say(form.dataset.none);
    }
    if (ticked().length === 1) return decide(form, decision);
    const data = new FormData(form);
    data.set("decision", decision);
    try {
      checking.innerHTML = await (await part(form.dataset.check, { method: "POST", body: data })).text();
      checking.showModal();
    } catch {
      decide(form, decision);
    }
  };

  form.addEventListener("submit", (event) => {
    if (event.submitter?.formAction === new URL(form.dataset.check, location).href) return;
    event.preventDefault();
    ask(event.submitter?.value ?? "approve");
  });
  checking.addEventListener("submit", (event) => {
    event.preventDefault();
    checking.close();
    decide(event.target, event.submitter.value);
  });
  checking.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) {
      event.preventDefault();
      checking.close();
    }
  });
  hold.querySelector("button").addEventListener("click", undo);

  // -- keys, which can be switched off

  const keys = {
    on: () => localStorage.getItem("tuoke.keys") !== "off",
    set: (on) => localStorage.setItem("tuoke.keys", on ? "on" : "off"),
  };
  const box = help.querySelector("[data-keys-switch]");
  document.getElementById("keys-line").hidden = false;
  document.querySelector("[data-keys-help]").addEventListener("click", () => { box.checked = keys.on(); help.showModal(); });
  box.addEventListener("change", () => keys.set(box.checked));

  const pick = () => {
    const tick = current?.querySelector("[name=pick]");
    if (tick && !ticked().length) tick.checked = true;
  };
  const pressed = {
    j: () => step(1),
    k: () => step(-1),
    x: () => { const tick = current?.querySelector("[name=pick]"); if (tick) tick.checked = !tick.checked; },
    a: () => { pick(); ask("approve"); },
    r: () => { pick(); form.querySelector("#note").focus(); },
    u: undo,
    "?": () => { box.checked = keys.on(); help.showModal(); },
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox]), textarea, select, dialog");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys.on() || !pressed[event.key]) return;
    event.preventDefault();
    pressed[event.key]();
  });
  form.querySelector("#note").addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      ask("reject");
    }
  });

  // -- who was faster

  const news = async () => {
    if (document.hidden || held) return;
    const codes = rows().map((row) => `code=${encodeURIComponent(row.dataset.code)}`).join("&");
    try {
      const told = await (await part(`${form.dataset.news}?${codes}`)).json();
      for (const [code, words] of Object.entries(told.gone)) {
        const row = document.getElementById(`r-${code}`);
        const line = document.createElement("p");
        line.className = "gone-line";
        line.setAttribute("role", "status");
        line.textContent = words;
        row.querySelector(".request-body").prepend(line);
        row.querySelector(".request-pick").replaceChildren();
        row.classList.add("gone");
      }
      const line = document.getElementById("news");
      line.hidden = !told.new || "part" in form.dataset; // beside a part of the list, all the rest would look new
      line.firstElementChild.textContent = form.dataset.new.replace("{n}", told.new);
    } catch {
      return;
    }
  };
  setInterval(news, 8000);
  addEventListener("focus", news);
})();
