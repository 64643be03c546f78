"use strict";
// Sorting of tables, and selection of the sources shown. The page is complete without it.

const MINUS = /\u2212/g;

function readSortKey(row, column) {
  const text = row.cells[column].textContent.trim();
  if (column === 0) return text.toLowerCase();
  const number = parseFloat(text.replace(MINUS, "-"));
  return Number.isNaN(number) ? null : number;
}

// Rows without a number stay at the end in both directions.
function compareRows(column, sign) {
  return (first, second) => {
    const a = readSortKey(first, column), b = readSortKey(second, column);
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  };
}

function sortTable(table, column, direction) {
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => row.dataset.source !== undefined);
    rows.forEach((row, index) => { row.dataset.index ??= index; });
    if (direction === "none") rows.sort((a, b) => a.dataset.index - b.dataset.index);
    else rows.sort(compareRows(column, direction === "ascending" ? 1 : -1));
    body.append(...rows);
  }
}

// Order of the clicks: best first, worst first, order of the task file.
function listDirections(header, column) {
  const ascendingFirst = column === 0 || header.dataset.better === "lower";
  return ascendingFirst ? ["ascending", "descending", "none"] : ["descending", "ascending", "none"];
}

function makeSortable(table) {
  const headerRow = table.tHead.rows[table.tHead.rows.length - 1]; // the one above has groups
  const headers = [...headerRow.cells];
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const directions = listDirections(header, column);
      const current = directions.indexOf(header.getAttribute("aria-sort"));
      const direction = directions[(current + 1) % directions.length];
      headers.forEach((other) => other.setAttribute("aria-sort", "none"));
      header.setAttribute("aria-sort", direction);
      sortTable(table, column, direction);
      announce(direction === "none" ? "In the order of the task file" : `Sorted by ${button.innerText}, ${direction}`);
    });
  });
}

// For screen readers.
function announce(text) {
  document.getElementById("status").textContent = text.replace(/\s+/g, " ");
}

function updateSources() {
  const boxes = [...document.querySelectorAll(".controls fieldset input")];
  const hidden = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
  for (const element of document.querySelectorAll("[data-source]")) {
    element.hidden = hidden.has(element.dataset.source);
  }
  const text = `(${boxes.length - hidden.size} of ${boxes.length} sources shown)`;
  document.getElementById("source-count").textContent = text;
  return text;
}

function onChange(box, update) {
  box.addEventListener("change", update);
  update(); // the browser may have kept the state of an earlier visit
}

// Collapsed parts are printed open, because paper cannot be clicked.
function openForPrint() {
  const collapsed = [...document.querySelectorAll("main details:not([open])")];
  collapsed.forEach((part) => { part.open = true; });
  window.addEventListener("afterprint", () => collapsed.forEach((part) => { part.open = false; }), { once: true });
}

function start() {
  document.querySelectorAll("table.sortable").forEach(makeSortable);
  const controls = document.querySelector(".controls");
  controls.hidden = false;
  controls.querySelector("fieldset").addEventListener("change", () => announce(updateSources()));
  updateSources(); // the browser may have kept the state of an earlier visit
  const classes = document.body.classList;
  const deviation = document.getElementById("show-deviation");
  onChange(deviation, () => classes.toggle("hide-deviation", !deviation.checked));
  const uncertainty = document.getElementById("show-uncertainty"); // null without bootstrap
  if (uncertainty) onChange(uncertainty, () => classes.toggle("show-uncertainty", uncertainty.checked));
  window.addEventListener("beforeprint", openForPrint);
}

start();
