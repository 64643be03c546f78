// The view: what is shown and how; written to and read from the fragment of the address.

const ALL_LAYERS = ["truth", "hits", "misses", "false", "labels", "errors", "names"];
const DEFAULT_LAYERS = { detection: ["hits", "misses", "false", "names"], segmentation: ["labels"], quality: [] };
const SHOWS = { all: "all pairs", gained: "found what both sensors missed", lost: "missed what a sensor found", false: "has false positives" };
const SORTS = {
  key: "name", gain: "largest gain over the better sensor", loss: "largest loss against the better sensor",
  spread: "largest spread between sources", low: "worst score", high: "best score",
};

const view = {};

// The view of a task before anything is chosen.
function resetView(taskIndex) {
  const task = data.tasks[taskIndex];
  Object.assign(view, {
    task, taskIndex, pair: null, mode: "single",
    candidate: task.candidate,
    scale: 1, x: null, y: null, curtain: 50,
    confidence: data.confidence, classId: -1, metric: 0, condition: -1,
    layers: new Set(DEFAULT_LAYERS[task.kind]), opacity: 60,
    show: "all", sort: "key", before: null,
  });
  view.sources = [view.candidate];
}

function readList(text) { return text ? text.split(",").map(decodeText) : []; }

function decodeText(text) {
  try { return decodeURIComponent(text); } catch { return text; } // a stray %
}

function readNumber(text, low, high, otherwise) {
  const number = parseFloat(text);
  return Number.isFinite(number) ? Math.min(Math.max(number, low), high) : otherwise;
}

// Reads a fragment without its #; whatever does not fit is left at its default.
function readFragment(fragment) {
  const values = Object.fromEntries(fragment.split("&").map((part) => {
    const place = part.indexOf("=");
    return place < 0 ? [part, ""] : [part.slice(0, place), part.slice(place + 1)];
  }));
  const get = (name) => decodeText(values[name] ?? "");
  resetView(Math.max(0, data.tasks.findIndex((task) => task.name === get("task"))));
  const { task } = view;
  view.pair = values.image === undefined ? null : task.pairs.find((pair) => pair.key === get("image")) ?? null;
  const findSource = (name) => task.sources.findIndex((source) => source.name === name);
  if (["single", "curtain", "grid"].includes(get("view"))) view.mode = get("view");
  const sources = [...new Set(readList(values.sources).map(findSource))].filter((index) => index >= 0);
  if (sources.length) view.sources = sources;
  else if (view.mode !== "single") view.sources = chooseSources(view.mode);
  if (view.mode === "curtain" && view.sources.length < 2) view.sources = chooseSources("curtain");
  const [scale, x, y] = (values.zoom ?? "").split(",");
  view.scale = readNumber(scale, 1, MAX_SCALE, 1);
  view.x = readNumber(x, -1e6, 1e6, null);
  view.y = readNumber(y, -1e6, 1e6, null);
  view.curtain = readNumber(get("curtain"), 0, 100, 50);
  view.confidence = get("confidence") === BEST && hasBest(task) ? BEST
    : Math.round(readNumber(get("confidence"), 0, 1, data.confidence / MILLION) * MILLION);
  view.classId = task.classes.indexOf(get("class"));
  view.metric = Math.max(0, task.metrics.findIndex((metric) => metric.title === get("metric")));
  if (values.layers !== undefined) view.layers = new Set(readList(values.layers).filter((name) => ALL_LAYERS.includes(name)));
  view.opacity = readNumber(get("opacity"), 0, 100, 60);
  view.condition = task.conditions.indexOf(get("condition"));
  if (get("show") in SHOWS) view.show = get("show");
  if (get("sort") in SORTS) view.sort = get("sort");
  const candidate = findSource(get("candidate"));
  if (task.scored.includes(candidate)) view.candidate = candidate;
  if (!values.sources && view.mode === "single") view.sources = [view.candidate];
}

function hasBest(task) { return task.scored.some((source) => task.sources[source].best != null); }

// Sources of a view that shows several: curtain: candidate and the other sensor; grid: the first nine.
function chooseSources(mode) {
  const { task } = view, count = task.sources.length;
  const indices = [...task.sources.keys()];
  if (mode === "grid") return indices.slice(0, 9);
  const first = view.sources[0] ?? view.candidate;
  const partners = [...task.sources.keys()].filter((index) => index !== first);
  partners.sort((a, b) => task.sources[b].isSensor - task.sources[a].isSensor);
  return count > 1 ? [first, partners[0]] : [first, first];
}

// The fragment that `readFragment` reads; without what has its default.
function writeFragment(shown = view) {
  const { task } = shown, encode = encodeURIComponent, parts = [["task", encode(task.name)]];
  const add = (name, value, isDefault) => { if (!isDefault) parts.push([name, value]); };
  const defaults = DEFAULT_LAYERS[task.kind];
  const layers = ALL_LAYERS.filter((name) => shown.layers.has(name));
  if (shown.pair) parts.push(["image", encode(shown.pair.key)]);
  add("view", shown.mode, shown.mode === "single");
  add("sources", shown.sources.map((index) => encode(task.sources[index].name)).join(","), !shown.pair && shown.mode === "single");
  if (shown.pair) {
    const zoom = [[shown.scale, 3], [shown.x, 1], [shown.y, 1]].map(([value, digits]) => String(Number((value ?? 0).toFixed(digits))));
    add("zoom", zoom.join(","), shown.scale === 1 || shown.x === null);
    add("curtain", shown.curtain.toFixed(1), shown.mode !== "curtain" || shown.curtain === 50);
  }
  add("layers", layers.join(","), layers.join() === ALL_LAYERS.filter((name) => defaults.includes(name)).join());
  add("opacity", shown.opacity, shown.opacity === 60);
  const confidence = shown.confidence === BEST ? BEST : String(shown.confidence / MILLION);
  add("confidence", confidence, shown.confidence === data.confidence);
  add("class", encode(task.classes[shown.classId] ?? ""), shown.classId < 0);
  add("metric", encode(task.metrics[shown.metric]?.title ?? ""), shown.metric === 0);
  add("condition", encode(task.conditions[shown.condition] ?? ""), shown.condition < 0);
  add("show", shown.show, shown.show === "all");
  add("sort", shown.sort, shown.sort === "key");
  add("candidate", encode(task.sources[shown.candidate].name), shown.candidate === task.candidate);
  return parts.map(([name, value]) => `${name}=${value}`).join("&");
}
