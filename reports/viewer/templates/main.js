// Start, navigation, keyboard.

let saveTimer = 0;

// Writes the view into the address, at most four times a second: browsers refuse more.
function saveView() {
  find("to-gallery").href = `#${writeFragment({ ...view, pair: null })}`;
  clearTimeout(saveTimer);
  saveTimer = setTimeout(() => history.replaceState(null, "", `#${writeFragment()}`), 250);
}

function drawViewer() {
  const { task, pair } = view;
  layoutPanes();
  drawControls();
  fillChoices();
  drawConfidence();
  drawSources();
  find("pair-title").textContent = `Pair ${pair.key}`;
  preloadSources();
  saveView();
  for (const button of find("views").children) button.disabled = task.sources.length < 2 && button.dataset.view !== "single";
}

// Shows what the view says: the gallery, or a pair.
function draw() {
  const { task, pair } = view;
  find("task").value = view.taskIndex;
  find("simulated").hidden = !task.simulated;
  find("gallery").hidden = Boolean(pair);
  find("viewer").hidden = !pair;
  find("to-gallery").hidden = !pair;
  find("pair-nav").hidden = !pair;
  document.body.classList.toggle("viewing", Boolean(pair));
  document.title = pair ? `${pair.key}, ${task.name}` : `${task.name}: all pairs`;
  drawLegend();
  if (pair) {
    if (!listed.some((summary) => summary.pair === pair)) listed = listPairs();
    if (!listed.some((summary) => summary.pair === pair)) listed = task.pairs.map((each) => ({ pair: each }));
    const place = listed.findIndex((summary) => summary.pair === pair);
    const condition = task.conditions[pair.condition];
    find("position").textContent = `${pair.key}${condition ? `, ${condition}` : ""} (${place + 1} of ${listed.length})`;
    find("previous").disabled = place <= 0;
    find("next").disabled = place >= listed.length - 1;
    drawViewer();
  } else drawGallery();
}

function goToPair(step) {
  const place = listed.findIndex((summary) => summary.pair === view.pair) + step;
  if (!listed[place]) return;
  Object.assign(view, { pair: listed[place].pair, scale: 1, x: null, y: null });
  draw();
  const following = listed[place + step];
  if (following) view.sources.forEach((source) => { new Image().src = getPictureFile(view.task, following.pair, source); });
}

function openFragment() {
  const wasPair = view.pair, wasTask = view.task;
  readFragment(location.hash.slice(1));
  if (wasTask !== view.task) [listed, cardCount] = [[], CARDS_AT_ONCE];
  draw();
  if (view.pair && wasPair === null) viewport.focus({ preventScroll: true });
  if (!view.pair && wasPair) {
    const place = listed.findIndex((summary) => summary.pair === wasPair);
    find("cards").children[place]?.firstElementChild.focus();
  }
}

// ---- controls

function onChange(id, change) {
  find(id).addEventListener("change", (event) => {
    change(event.target.value);
    saveView();
  });
}

function chooseClassOrMetric(value) {
  if (view.task.kind === "quality") view.metric = Number(value);
  else view.classId = Number(value);
}

function redrawGallery() {
  cardCount = CARDS_AT_ONCE;
  drawCards();
}

onChange("task", (value) => {
  resetView(Number(value));
  [listed, cardCount] = [[], CARDS_AT_ONCE];
  draw();
});
onChange("candidate", (value) => { view.candidate = Number(value); view.sources = [view.candidate]; view.mode = "single"; redrawGallery(); });
onChange("show", (value) => { view.show = value; redrawGallery(); });
onChange("sort", (value) => { view.sort = value; redrawGallery(); });
onChange("condition", (value) => { view.condition = Number(value); redrawGallery(); });
onChange("gallery-class", (value) => { chooseClassOrMetric(value); redrawGallery(); });
onChange("choice", (value) => { chooseClassOrMetric(value); drawOverlays(); drawSources(); });
onChange("left", (value) => { view.sources = [Number(value), view.sources[1]]; drawViewer(); });
onChange("right", (value) => { view.sources = [view.sources[0], Number(value)]; drawViewer(); });
find("opacity").addEventListener("input", (event) => {
  view.opacity = Number(event.target.value);
  drawControls();
  drawOverlays();
  saveView();
});
const CLICKS = {
  "swap": showSourceBefore, "fit": showWholeImage, "magnifier": () => toggleMagnifier(),
  "zoom-in": () => zoomAtCenter(1.5), "zoom-out": () => zoomAtCenter(1 / 1.5),
  "previous": () => goToPair(-1), "next": () => goToPair(1),
  "more": showMoreCards,
};
for (const [id, act] of Object.entries(CLICKS)) find(id).addEventListener("click", act);
for (const button of find("views").children) button.addEventListener("click", () => chooseMode(button.dataset.view));

function toggleMagnifier() {
  isMagnifying = !isMagnifying;
  find("magnifier").setAttribute("aria-pressed", isMagnifying);
  drawLens();
}

// ---- keyboard

const KEYS = {
  "+": () => zoomAtCenter(1.25), "=": () => zoomAtCenter(1.25), "-": () => zoomAtCenter(0.8), "0": showWholeImage,
  "s": () => chooseMode("single"), "c": () => chooseMode("curtain"), "g": () => chooseMode("grid"),
  "b": toggleOverlays, "m": toggleMagnifier, " ": showSourceBefore,
};
const MOVES = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const MOVE_PIXELS = 60;

function pressKey(event) {
  const { target, key } = event;
  if (!view.pair || event.ctrlKey || event.altKey || event.metaKey) return false;
  if (key === "Escape" && !target.matches("select")) { location.hash = find("to-gallery").hash; return true; }
  const isField = target.matches("select, [type=range]");
  if (key in MOVES && !isField) {
    if (event.shiftKey) moveBy(...MOVES[key].map((value) => value * MOVE_PIXELS));
    else if (MOVES[key][0] && !target.closest(".scroll")) goToPair(-MOVES[key][0]);
    else return false;
    return true;
  }
  if (!find("shortcuts").checked || target.matches("select")) return false;
  if (key === " " && target.matches("button, input, summary, a")) return false;
  if (/^[1-9]$/.test(key)) chooseSource(Number(key) - 1);
  else if (Object.hasOwn(KEYS, key)) KEYS[key]();
  else return false;
  return true;
}
document.addEventListener("keydown", (event) => { if (pressKey(event)) event.preventDefault(); });

// ---- start

// The fused source with the highest mean score over the pairs, or the best of all without any.
function chooseCandidate(task) {
  const choice = { confidence: data.confidence, classId: -1, metric: 0 }, sign = getSign(task, choice);
  const means = (task.fused.length ? task.fused : task.scored).map((source) => {
    const scores = task.pairs.map((pair) => computeScore(task, pair, source, choice)).filter((score) => score !== null);
    return [scores.length ? sign * scores.reduce((sum, score) => sum + score, 0) / scores.length : -Infinity, source];
  });
  return means.reduce((best, next) => (next[0] > best[0] ? next : best))[1];
}

for (const task of data.tasks) task.candidate = chooseCandidate(task);
fillSelect(find("task"), data.tasks.map((task, index) => [index, task.name]), 0);
buildLayers();
buildConfidence("gallery-confidence", "Confidence at least");
buildConfidence("viewer-confidence", "Confidence at least");
new ResizeObserver(() => { if (view.pair && panes.length) measurePanes(); }).observe(viewport);
new IntersectionObserver((entries) => { if (entries.at(-1).isIntersecting) showMoreCards(); }, { rootMargin: "50%" }).observe(find("more"));
window.addEventListener("hashchange", openFragment);
openFragment();
