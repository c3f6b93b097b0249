/* Dragging on the board with a mouse, beside the menu of each card. A drop goes to the form of the step that leads there; where
   none does, the board says why. Nothing moves before its form was sent. */

const board = document.querySelector(".board"), note = document.getElementById("drag-note");
const end = document.querySelector(".drop-end"), columns = [...board.querySelectorAll(".column")];
let dragged = null;

for (const card of board.querySelectorAll("[data-card]")) {
  card.draggable = true;
  for (const link of card.querySelectorAll("a")) link.draggable = false;
  card.addEventListener("dragstart", lift);
  card.addEventListener("dragend", settle);
}

for (const column of [...columns, end]) {
  column.addEventListener("dragover", (event) => over(event, column));
  column.addEventListener("drop", (event) => drop(event, column));
}

function lift(event) {
  dragged = event.currentTarget;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", "");
  note.hidden = true;
  // Chromium ends a drag whose page is rearranged while it begins.
  setTimeout(() => {
    if (!dragged) return;
    end.hidden = false;
    for (const column of columns) column.classList.add(target(column)?.dataset.url ? "open-to" : "shut-to");
    home().classList.remove("open-to", "shut-to");
  });
}

function settle() {
  dragged = null;
  end.hidden = true;
  for (const column of columns) column.classList.remove("open-to", "shut-to");
}

const home = () => dragged.closest(".column");
const target = (column) => dragged.querySelector(`.drops [data-state="${column.dataset.state}"]`);

function over(event, column) {
  if (!dragged || column === home()) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "move";
}

function drop(event, column) {
  if (!dragged || column === home()) return;
  event.preventDefault();
  const card = dragged, way = target(column);
  settle();
  if (way?.dataset.url) {
    location.assign(way.dataset.url);
  } else if (column === end) {
    card.querySelector("details").open = true;
    card.querySelector("summary").focus();
    tell(board.dataset.how);
  } else {
    tell(way.textContent);
  }
}

function tell(words) {
  note.textContent = words;
  note.hidden = false;
}
