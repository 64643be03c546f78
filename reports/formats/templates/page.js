"use strict";
// Sorting of tables, selection of the sources shown, theme, values of plots under the pointer, and the
// current section in the navigation. The page is complete without it.

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

// A link into a folded part opens it.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folds = [];
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") folds.push(part);
  if (folds.every((part) => part.open)) return;
  folds.forEach((part) => { part.open = true; });
  target.scrollIntoView();
}

const THEMES = ["automatic", "light", "dark"];

function setTheme(theme) {
  const root = document.documentElement, button = document.getElementById("theme");
  if (theme === "automatic") delete root.dataset.theme; else root.dataset.theme = theme;
  button.textContent = `Theme: ${theme}`;
  try { localStorage.setItem("fusebench-theme", theme); } catch { /* not stored on this page */ }
}

function startTheme() {
  let theme = "automatic";
  try { theme = localStorage.getItem("fusebench-theme") ?? theme; } catch { /* as above */ }
  const button = document.getElementById("theme");
  button.hidden = false;
  setTheme(THEMES.includes(theme) ? theme : "automatic");
  button.addEventListener("click", () => {
    const current = document.documentElement.dataset.theme ?? "automatic";
    setTheme(THEMES[(THEMES.indexOf(current) + 1) % THEMES.length]);
  });
}

// Source, column, value and interval of the cell under the pointer.
function describeCell(cell) {
  const headerRow = cell.closest("table").tHead.rows, title = headerRow[headerRow.length - 1].cells[cell.cellIndex];
  const readText = (part) => {
    const copy = part.cloneNode(true);
    copy.querySelectorAll(".remark, .ticks, .uncertainty, svg").forEach((child) => child.remove());
    return copy.textContent.trim().replace(/\s+/g, " ");
  };
  const lines = [`${readText(cell.parentElement.cells[0])}, ${readText(title)}`, readText(cell)];
  return [...lines, (cell.dataset.interval ?? "").replace("], p", "]\np")].filter(Boolean).join("\n");
}

function startTips() {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  for (const cell of document.querySelectorAll("td.iv[title]")) {
    cell.dataset.interval = cell.title; // shown in the tip, not twice
    cell.removeAttribute("title");
  }
  document.addEventListener("pointerover", (event) => {
    const cell = event.target.closest?.("td.iv");
    tip.hidden = !cell;
    if (!cell) return;
    tip.textContent = describeCell(cell);
    const box = cell.getBoundingClientRect(), width = tip.offsetWidth, height = tip.offsetHeight;
    tip.style.left = `${Math.max(4, Math.min(innerWidth - width - 4, box.left + box.width / 2 - width / 2))}px`;
    tip.style.top = `${box.top > height + 12 ? box.top - height - 6 : box.bottom + 6}px`;
  });
  document.addEventListener("scroll", () => { tip.hidden = true; }, { capture: true, passive: true });
}

// Marks the section at the top of the window in the navigation.
function startNavigation() {
  const items = [...document.querySelectorAll(".side nav > ul > li")].filter((item) => item.firstElementChild.hash);
  const targets = items.map((item) => document.getElementById(item.firstElementChild.hash.slice(1)));
  const update = () => {
    let current = 0;
    targets.forEach((target, index) => { if (target.getBoundingClientRect().top < innerHeight / 3) current = index; });
    items.forEach((item, index) => {
      if (item.classList.toggle("current", index === current)) item.firstElementChild.setAttribute("aria-current", "true");
      else item.firstElementChild.removeAttribute("aria-current");
    });
  };
  let isPlanned = false;
  document.addEventListener("scroll", () => {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => { isPlanned = false; update(); });
  }, { passive: true });
  update();
}

function start() {
  document.documentElement.classList.add("scripted");
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
  startTheme();
  startTips();
  startNavigation();
  window.addEventListener("beforeprint", openForPrint);
  window.addEventListener("hashchange", openTarget);
  openTarget();
}

start();
