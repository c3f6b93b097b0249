/* An import under way: how far it is, looked up every second or two; the page is loaded anew when it comes to another state.
   Without this script there is a link that looks again. */
"use strict";

(() => {
  const far = document.getElementById("far");
  if (!far) return;
  const part = (name) => far.querySelector(`[data-${name}]`);
  const bar = far.querySelector("progress");
  part("again").hidden = true;
  let pause = 1500;

  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(far.dataset.news, { headers: { "X-Part": "1" }, credentials: "same-origin" });
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        const told = await answer.json();
        if (told.state !== far.dataset.state) return location.reload();
        bar.value = told.done;
        for (const name of ["done", "good", "bad", "already", "line"]) {
          for (const place of document.querySelectorAll(`[data-${name}]`)) place.textContent = told[name];
        }
        part("idle").hidden = !told.idle;
        pause = 1500;
      } catch {
        part("again").hidden = false;
        pause = Math.min(pause * 2, 30000);
      }
    }
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
})();
