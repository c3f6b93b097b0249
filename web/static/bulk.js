/* Ticking all leads of a page, or none, and how many are ticked. Without this script the link asks for the page with all ticked. */
"use strict";

(() => {
  const form = document.getElementById("bulk");
  if (!form) return;
  const all = form.querySelector("[data-tick-all]");
  const count = form.querySelector("[data-count]");
  const boxes = () => [...document.querySelectorAll("[name=pick][form=bulk]")];
  const words = all.textContent;

  const tell = () => {
    const ticked = boxes().filter((box) => box.checked).length;
    count.textContent = ticked ? form.dataset.ticked.replace("{n}", ticked) : "";
    all.textContent = ticked === boxes().length ? all.dataset.none : words;
  };
  all.addEventListener("click", (event) => {
    event.preventDefault();
    const to = boxes().some((box) => !box.checked);
    for (const box of boxes()) box.checked = to;
    tell();
  });
  document.addEventListener("change", (event) => { if (event.target.name === "pick") tell(); });
  addEventListener("pageshow", tell);
})();
