// The viewport: one pane, or a grid of them; all show the same part of the pair.

const MAX_SCALE = 40;
const PRELOADED_SOURCES = 12;
const MIN_WIDTH_OF_NAMES = 600; // CSS pixels of a pane; in a smaller one, texts would hide the boxes
const LENS_SCALE = 4, LENS_SIZE = 180; // CSS pixels per pixel of the image at least; diameter
const viewport = find("viewport");
const stages = new Map(); // source to the element with its picture and overlays
let stagedPair = null, panes = [], paneSize = { width: 1, height: 1 }, isMagnifying = false, pointer = null;

// Picture, label maps and boxes of a source, created when they are first shown.
function getStage(source) {
  if (stagedPair !== view.pair) {
    stages.clear();
    stagedPair = view.pair;
  }
  if (!stages.has(source)) stages.set(source, createStage(source));
  return stages.get(source);
}

function createStage(source) {
  const { task, pair } = view, [width, height] = pair.size, name = task.sources[source].name;
  const stage = create("div", { class: "stage" });
  const addImage = (kind, src, alt) => {
    const image = create("img", { class: kind, alt, width, height, decoding: "sync", draggable: false, src });
    stage.append(image);
  };
  addImage("picture", getPictureFile(task, pair, source), `${name}, pair ${pair.key}`);
  if (task.kind === "segmentation") {
    const { labels, errors } = task.sources[source];
    addImage("truth-map", `${task.truthFolder}/${pair.file}.png`, "");
    if (labels) addImage("label-map", `${labels}/${pair.file}.png`, "");
    if (errors) addImage("error-map", `${errors}/${pair.file}.png`, "");
  }
  const svg = createSvg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
  stage.append(svg);
  Object.assign(stage.style, { width: `${width}px`, height: `${height}px` });
  return stage;
}

// Rebuilds the panes for the sources of the view.
function layoutPanes() {
  const { mode } = view;
  const groups = mode === "grid" ? view.sources.map((source) => [source]) : [view.sources.slice(0, mode === "curtain" ? 2 : 1)];
  if (panes.length !== groups.length || (panes[0] && panes[0].mode !== mode)) {
    panes = groups.map(() => createPane(mode));
    viewport.replaceChildren(...panes.map((pane) => pane.figure));
    viewport.className = mode;
  }
  groups.forEach((group, index) => fillPane(panes[index], group));
  measurePanes();
  drawOverlays();
}

function createPane(mode) {
  const window_ = create("div", { class: "window" }), caption = create("figcaption");
  const lens = create("div", { class: "lens", hidden: true });
  const figure = create("figure", { class: "pane" }, window_, caption);
  const divider = mode === "curtain" ? createDivider() : null;
  return { mode, figure, window: window_, caption, lens, divider, sources: [] };
}

function createDivider() {
  const divider = create("div", { class: "divider", tabIndex: 0, role: "slider", "aria-label": "Curtain: share of the left image", "aria-valuemin": 0, "aria-valuemax": 100 });
  divider.append(create("span", { class: "grip", "aria-hidden": "true" }, "\u2194"));
  divider.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -2, ArrowRight: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
    if (!(event.key in steps) || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    moveCurtain(view.curtain + steps[event.key]);
  });
  return divider;
}

function fillPane(pane, sources) {
  pane.sources = sources;
  const shown = sources.map(getStage);
  for (const child of [...pane.window.children]) if (!shown.includes(child)) child.remove();
  shown.forEach((stage, index) => {
    stage.style.zIndex = index;
    if (stage.parentNode !== pane.window) pane.window.append(stage);
  });
  if (pane.mode === "single") keepHidden(pane, shown[0]);
  else shown.forEach((stage) => { stage.classList.remove("behind"); });
  if (pane.divider) pane.window.append(pane.divider);
  pane.window.append(pane.lens);
}

// Pictures of the other sources stay in the pane, so that they appear at once.
function keepHidden(pane, shown) {
  for (const stage of stages.values()) {
    if (stage.parentNode !== pane.window) pane.window.prepend(stage);
    stage.classList.toggle("behind", stage !== shown);
  }
}

// Loads the pictures of the other sources when nothing else is to do.
function preloadSources() {
  const { pair, task } = view;
  setTimeout(() => {
    if (view.pair !== pair || view.mode === "grid") return;
    task.sources.slice(0, PRELOADED_SOURCES).forEach((_, source) => getStage(source));
    if (view.mode === "single") keepHidden(panes[0], getStage(view.sources[0]));
    drawOverlays();
    applyTransform();
  }, 120);
}

// Chooses the number of columns with the largest images, and measures the panes.
function measurePanes() {
  const { width, height } = viewport.getBoundingClientRect(), count = panes.length, [imageWidth, imageHeight] = view.pair.size;
  let columns = 1, best = 0;
  for (let n = 1; n <= count; n += 1) {
    const scale = Math.min(width / n / imageWidth, height / Math.ceil(count / n) / imageHeight);
    if (scale > best) [columns, best] = [n, scale];
  }
  viewport.style.setProperty("--columns", columns);
  viewport.style.setProperty("--rows", Math.ceil(count / columns));
  const box = panes[0].window.getBoundingClientRect();
  paneSize = { width: Math.max(1, box.width), height: Math.max(1, box.height) };
  applyTransform();
}

// Scale in CSS pixels per pixel of the image, and the place of the image's corner in a pane.
function computeTransform() {
  const [width, height] = view.pair.size;
  const scale = computeFit() * view.scale;
  const limit = (center, size, room) => (room / scale >= size ? size / 2 : Math.min(Math.max(center ?? size / 2, room / scale / 2), size - room / scale / 2));
  view.x = limit(view.x, width, paneSize.width);
  view.y = limit(view.y, height, paneSize.height);
  return { scale, left: paneSize.width / 2 - view.x * scale, top: paneSize.height / 2 - view.y * scale };
}

function applyTransform() {
  const { scale, left, top } = computeTransform();
  viewport.classList.toggle("pixelated", scale * devicePixelRatio >= 2);
  viewport.style.setProperty("--unit", 1 / scale);
  const edge = (view.curtain / 100 * paneSize.width - left) / scale;
  for (const pane of panes) {
    for (const stage of pane.window.querySelectorAll(".stage")) stage.style.transform = `translate(${left}px,${top}px) scale(${scale})`;
    pane.sources.forEach((source, index) => {
      getStage(source).style.clipPath = pane.mode === "curtain" && index === 1 ? `inset(-9999px -9999px -9999px ${edge}px)` : "none";
    });
    if (pane.divider) {
      pane.divider.style.left = `${view.curtain}%`;
      pane.divider.setAttribute("aria-valuenow", Math.round(view.curtain));
      pane.divider.setAttribute("aria-valuetext", `${Math.round(view.curtain)} % ${view.task.sources[view.sources[0]].name}`);
    }
  }
  find("zoom-text").value = `${Math.round(100 * scale)} %`;
  drawLens();
}

// Draws boxes, texts and label maps of what is shown.
function drawOverlays() {
  const { task, pair } = view, isWide = paneSize.width > MIN_WIDTH_OF_NAMES;
  const shown = new Set(panes.flatMap((pane) => pane.sources));
  for (const [source, stage] of stages) {
    for (const [kind, layer] of [["truth-map", "truth"], ["label-map", "labels"], ["error-map", "errors"]]) {
      const image = stage.querySelector(`.${kind}`);
      if (!image) continue;
      image.hidden = !view.layers.has(layer);
      image.style.opacity = view.opacity / 100;
    }
    if (task.kind === "detection" && shown.has(source)) {
      const withNames = view.layers.has("names") && isWide;
      drawBoxes(stage.querySelector("svg"), task, source, classifyBoxes(task, pair, source, view), { withNames });
    }
  }
  for (const pane of panes) writeCaption(pane);
}

function writeCaption(pane) {
  const parts = pane.sources.map((source, index) => create("span", { class: index ? "on-right" : "" }, `${source + 1} ${view.task.sources[source].name}`, create("small", {}, describeScore(view.task, view.pair, source))));
  pane.caption.replaceChildren(...parts);
}

function moveCurtain(percent) {
  view.curtain = Math.min(Math.max(percent, 0), 100);
  applyTransform();
  saveView();
}

// Zooms by a factor so that a point of a pane, in CSS pixels from its corner, stays where it is.
function zoomAt(factor, point) {
  const before = computeTransform();
  const x = (point.x - before.left) / before.scale, y = (point.y - before.top) / before.scale;
  view.scale = Math.min(Math.max(view.scale * factor, 1), MAX_SCALE);
  const scale = computeFit() * view.scale;
  view.x = x - (point.x - paneSize.width / 2) / scale;
  view.y = y - (point.y - paneSize.height / 2) / scale;
  applyTransform();
  saveView();
}

function computeFit() {
  return Math.min(paneSize.width / view.pair.size[0], paneSize.height / view.pair.size[1]);
}

function zoomAtCenter(factor) { zoomAt(factor, { x: paneSize.width / 2, y: paneSize.height / 2 }); }

function moveBy(x, y) {
  const { scale } = computeTransform();
  view.x -= x / scale;
  view.y -= y / scale;
  applyTransform();
  saveView();
}

function showWholeImage() {
  Object.assign(view, { scale: 1, x: null, y: null });
  applyTransform();
  saveView();
}

// The magnifier shows the same place in every pane, enlarged.
function drawLens() {
  const { task, pair } = view, transform = computeTransform();
  const point = pointer ?? { x: paneSize.width / 2, y: paneSize.height / 2 };
  const scale = Math.max(LENS_SCALE, 2 * transform.scale);
  const x = (point.x - transform.left) / transform.scale, y = (point.y - transform.top) / transform.scale;
  for (const pane of panes) {
    pane.lens.hidden = !isMagnifying;
    if (!isMagnifying) continue;
    const isRight = pane.mode === "curtain" && point.x > view.curtain / 100 * paneSize.width;
    const source = pane.sources[isRight ? 1 : 0];
    Object.assign(pane.lens.style, {
      left: `${point.x - LENS_SIZE / 2}px`, top: `${point.y - LENS_SIZE / 2}px`,
      backgroundImage: `url("${getPictureFile(task, pair, source)}")`,
      backgroundSize: `${pair.size[0] * scale}px ${pair.size[1] * scale}px`,
      backgroundPosition: `${LENS_SIZE / 2 - x * scale}px ${LENS_SIZE / 2 - y * scale}px`,
    });
  }
}
