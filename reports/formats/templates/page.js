"use strict";
// Sorts tables and hides sources. The page can be read without it.

const minus = /\u2212/g;

function key(row, column) {
  const text = row.cells[column].textContent.trim();
  if (column === 0) return text.toLowerCase();
  const number = parseFloat(text.replace(minus, "-"));
  return Number.isNaN(number) ? null : number;
}

// Rows without a number stay at the end, whichever way is up.
function compare(column, sign) {
  return (one, other) => {
    const a = key(one, column), b = key(other, column);
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  };
}

function sort(table, column, direction) {
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => row.dataset.source !== undefined);
    rows.forEach((row, place) => { row.dataset.place ??= place; });
    if (direction === "none") rows.sort((a, b) => a.dataset.place - b.dataset.place);
    else rows.sort(compare(column, direction === "ascending" ? 1 : -1));
    body.append(...rows);
  }
}

// First the best on top, then the worst, then the order of the task file.
function turns(head, column) {
  const up = column === 0 || head.dataset.better === "lower";
  return up ? ["ascending", "descending", "none"] : ["descending", "ascending", "none"];
}

function sortable(table) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells]; // under what groups them
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const order = turns(head, column);
      const now = order.indexOf(head.getAttribute("aria-sort"));
      const direction = order[(now + 1) % order.length];
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", direction);
      sort(table, column, direction);
      say(direction === "none" ? "In the order of the task file" : `Sorted by ${button.innerText}, ${direction}`);
    });
  });
}

function say(text) {
  document.getElementById("status").textContent = text.replace(/\s+/g, " ");
}

function show() {
  const boxes = [...document.querySelectorAll(".controls fieldset input")];
  const hidden = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
  for (const part of document.querySelectorAll("[data-source]")) {
    part.hidden = hidden.has(part.dataset.source);
  }
  const said = `(${boxes.length - hidden.size} of ${boxes.length} sources shown)`;
  document.getElementById("shown").textContent = said;
  return said;
}

function follow(box, change) {
  box.addEventListener("change", change);
  change();
}

// Paper cannot be unfolded: what is folded is printed open.
function unfold() {
  const folded = [...document.querySelectorAll("main details:not([open])")];
  folded.forEach((part) => { part.open = true; });
  window.addEventListener("afterprint", () => folded.forEach((part) => { part.open = false; }), { once: true });
}

function start() {
  document.querySelectorAll("table.sortable").forEach(sortable);
  const controls = document.querySelector(".controls");
  controls.hidden = false;
  controls.querySelector("fieldset").addEventListener("change", () => say(show()));
  show(); // the browser may have kept the boxes of an earlier visit
  const spread = document.getElementById("spread");
  follow(spread, () => document.body.classList.toggle("bare", !spread.checked));
  window.addEventListener("beforeprint", unfold);
  const certain = document.getElementById("certain"); // not where nothing was resampled
  if (certain) follow(certain, () => document.body.classList.toggle("certain", certain.checked));
}

start();
