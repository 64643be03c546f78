// The panel beside the viewport: sources with their counts, layers, classes and confidence.

const LABEL_TITLES = { labels: "predicted label map", truth: "true label map", errors: "wrong pixels" };

function describeScore(task, pair, source) {
  if (!task.sources[source].isScored) return "not scored";
  if (task.kind === "detection") {
    const counts = countBoxes(task, pair, source, view.confidence, view.classId);
    return `${counts.hits} TP, ${counts.misses} FN, ${counts.false} FP`;
  }
  const score = computeScore(task, pair, source, view);
  const title = getScoreTitle(task, view);
  if (score === null) return `${title}: none`;
  return task.kind === "segmentation" ? `${title} ${formatShare(score, 1)} %` : `${title} ${score.toPrecision(4)}`;
}

// Cells of a source's row: of the pair, then of all pairs.
function listCells(source) {
  const { task, pair } = view;
  if (!task.sources[source].isScored) return listHeaders().map(() => "\u2013");
  if (task.kind === "detection") {
    const own = countBoxes(task, pair, source, view.confidence, view.classId);
    const all = countAllPairs(task, source);
    return [...OUTCOMES.map((name) => own[name]), ...OUTCOMES.map((name) => all[name]), formatShare(computeF1(all))];
  }
  if (task.kind === "segmentation") {
    return [computePixelScore(pair, source, view.classId), scoreAllPixels(task, source)].map((score) => formatShare(score, 1));
  }
  const values = task.pairs.map((each) => each.scores[source][view.metric]).filter((value) => value !== null);
  const mean = values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
  return [pair.scores[source][view.metric], mean].map((value) => (value === null ? "\u2013" : value.toPrecision(4)));
}

function countAllPairs(task, source) {
  return task.pairs.map((pair) => countBoxes(task, pair, source, view.confidence, view.classId))
    .reduce(addCounts, { hits: 0, misses: 0, false: 0 });
}

function scoreAllPixels(task, source) {
  const sums = [0, 0, 0];
  for (const pair of task.pairs) countPixels(pair, source, view.classId).slice(0, 3).forEach((value, i) => { sums[i] += value; });
  const denominator = view.classId >= 0 ? sums[0] + sums[1] - sums[2] : sums[0];
  return denominator ? sums[2] / denominator : null;
}

function listHeaders() {
  const title = getScoreTitle(view.task, view), count = view.task.pairs.length;
  if (view.task.kind !== "detection") {
    const unit = view.task.kind === "segmentation" ? ", %" : "";
    return [[`${title}${unit}`, `${title} on this pair`], [`${view.task.kind === "quality" ? "mean of" : "all"} ${count}`, `${title} on all ${count} pairs`]];
  }
  const short = [["TP", "true positives"], ["FN", "false negatives"], ["FP", "false positives"]];
  return [
    ...short.map(([text, long]) => [text, `${long} on this pair`]),
    ...short.map(([text, long]) => [text, `${long} on all ${count} pairs`]), ["F1", `F1 in percent on all ${count} pairs`],
  ];
}

function drawSources() {
  const { task } = view, isDetection = task.kind === "detection", half = isDetection ? 3 : 1;
  const head = listHeaders().map(([text, long], i) => create("th", { scope: "col", title: long, class: i === half ? "first" : "" }, create("abbr", { title: long }, text)));
  const rows = [create("tr", {}, create("th", { scope: "col" }, "Source"), ...head)];
  if (isDetection) rows.unshift(create("tr", {}, create("td"), create("th", { scope: "colgroup", colSpan: 3 }, "this pair"), create("th", { scope: "colgroup", colSpan: 4, class: "first" }, `all ${task.pairs.length} pairs`)));
  find("sources").tHead.replaceChildren(...rows);
  const body = find("sources").tBodies[0];
  if (body.rows.length !== task.sources.length || body.dataset.task !== task.name) {
    body.dataset.task = task.name;
    body.replaceChildren(...task.sources.map((source, index) => {
      const button = create("button", { type: "button" }, create("kbd", {}, index < 9 ? String(index + 1) : ""), ` ${source.name}`);
      button.addEventListener("click", () => chooseSource(index));
      return create("tr", {}, create("th", { scope: "row" }, button));
    }));
  }
  [...body.rows].forEach((row, source) => {
    row.querySelector("button").setAttribute("aria-pressed", view.sources.includes(source));
    row.replaceChildren(row.cells[0], ...listCells(source).map((text, i) => create("td", { class: i === half ? "first" : "" }, String(text))));
  });
  const faults = view.sources.filter((source) => view.pair.missing?.[source]);
  find("fault").hidden = !faults.length;
  find("fault").textContent = faults.map((source) => `${task.sources[source].name}: ${view.pair.missing[source]}`).join(" ");
}

// A key or a click on a source: what it does depends on the view.
function chooseSource(source) {
  if (!view.task.sources[source]) return;
  if (view.mode === "grid") {
    const others = view.sources.filter((index) => index !== source);
    const isShown = others.length < view.sources.length;
    if (!isShown) view.sources = [...others, source].sort((a, b) => a - b);
    else if (others.length) view.sources = others;
  } else if (view.mode === "curtain") view.sources = [view.sources[0], source];
  else if (source !== view.sources[0]) {
    view.before = view.sources[0];
    view.sources = [source];
  }
  drawViewer();
}

function showSourceBefore() {
  if (view.mode === "curtain") view.sources = [view.sources[1], view.sources[0]];
  else if (view.mode === "single") return chooseSource(view.before ?? chooseSources("curtain")[1]);
  return drawViewer();
}

function chooseMode(mode) {
  if (mode === "single") view.sources = view.sources.slice(0, 1);
  else if (mode === "grid" || view.sources.length !== 2) view.sources = chooseSources(mode);
  view.mode = mode;
  drawViewer();
}

function drawControls() {
  const { task, mode } = view;
  for (const button of find("views").children) button.setAttribute("aria-pressed", button.dataset.view === mode);
  find("sides").hidden = mode !== "curtain";
  const names = task.sources.map((source, index) => [index, source.name]);
  fillSelect(find("left"), names, view.sources[0]);
  fillSelect(find("right"), names, view.sources[1] ?? view.sources[0]);
  find("box-controls").hidden = task.kind !== "detection";
  find("label-controls").hidden = task.kind !== "segmentation";
  find("opacity").value = view.opacity;
  find("opacity-text").value = `${view.opacity} %`;
  for (const box of document.querySelectorAll(".layers input")) box.checked = view.layers.has(box.value);
}

// Class of boxes or label maps, or metric of a quality task; in the gallery and beside the viewport.
function fillChoices() {
  const { task } = view, isQuality = task.kind === "quality";
  const options = isQuality ? task.metrics.map((metric, index) => [index, metric.title]) : [[-1, "all"], ...task.classes.map((name, index) => [index, name])];
  for (const [select, title] of [["choice", "choice-title"], ["gallery-class", "gallery-class-title"]]) {
    fillSelect(find(select), options, isQuality ? view.metric : view.classId);
    find(title).textContent = isQuality ? "Metric" : "Class";
  }
}

function buildLayers() {
  const buildBox = (value, title, swatch) => {
    const input = create("input", { type: "checkbox", value });
    input.addEventListener("change", () => toggleLayer(value));
    return create("label", {}, input, ...(swatch ? [swatch] : []), ` ${title}`);
  };
  find("box-layers").append(...Object.entries(OUTCOME_TITLES).map(([name, title]) => buildBox(name, title, createSwatch(name))), buildBox("names", "class and confidence"));
  find("label-layers").append(...Object.entries(LABEL_TITLES).map(([name, title]) => buildBox(name, title)));
}

function drawLegend() {
  const { task } = view;
  find("legend").replaceChildren(...task.colors.map((color, index) => {
    const swatch = create("span", { class: "color", "aria-hidden": "true" });
    swatch.style.background = color;
    return create("li", {}, swatch, task.classes[index]);
  }));
}

function toggleLayer(name) {
  if (!view.layers.delete(name)) view.layers.add(name);
  drawControls();
  drawOverlays();
  saveView();
}

// Hides all overlays; a second time it shows those that were hidden, or the usual ones.
let hiddenLayers = null;
function toggleOverlays() {
  if (view.layers.size) [hiddenLayers, view.layers] = [view.layers, new Set()];
  else view.layers = hiddenLayers ?? new Set(DEFAULT_LAYERS[view.task.kind]);
  drawControls();
  drawOverlays();
  saveView();
}

// The slider of the confidence, twice on the page: in the gallery and beside the viewport.
function buildConfidence(place, title) {
  const range = create("input", { type: "range", min: 0.05, max: 0.95, step: 0.01, "aria-label": title });
  const output = create("output", { class: "confidence-text" });
  const best = create("input", { type: "checkbox", class: "best" });
  range.addEventListener("input", () => changeConfidence(Math.round(range.value * 100) * 1e4));
  best.addEventListener("change", () => changeConfidence(best.checked ? BEST : data.confidence));
  find(place).append(create("label", {}, "Confidence at least ", range, output), create("label", { class: "best-label", title: "The confidence with the highest mean F1 over the classes, for each source" }, best, " each source's best F1"));
}

function changeConfidence(confidence) {
  view.confidence = confidence;
  drawConfidence();
  if (view.pair) {
    drawOverlays();
    drawSources();
  } else redrawGallery();
  saveView();
}

function drawConfidence() {
  const isBest = view.confidence === BEST, share = isBest ? data.confidence / MILLION : view.confidence / MILLION;
  for (const part of document.querySelectorAll(".confidence")) {
    part.hidden = view.task.kind !== "detection";
    part.querySelector("[type=range]").value = share;
    part.querySelector("[type=range]").disabled = isBest;
    part.querySelector("output").value = isBest ? "best" : String(share);
    part.querySelector(".best").checked = isBest;
    part.querySelector(".best-label").hidden = !hasBest(view.task);
  }
}
