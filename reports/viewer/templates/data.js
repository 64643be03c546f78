// Data of the page, and elements.

const data = JSON.parse(document.getElementById("data").textContent);
const MILLION = 1e6; // confidences are whole numbers of millionths
const TENTHS = 10; // coordinates are whole numbers of tenths of a pixel
const TRUTH = { stride: data.truthColumns, classId: 4, ignored: 5 };
const BOX = { stride: data.boxColumns, classId: 4, confidence: 5, match: 6 };
const COUNT = { stride: data.countColumns, classId: 0, truth: 1, predicted: 2, correct: 3, gained: 4, lost: 5 };
const BEST = "best"; // confidence: each source's own
const OUTCOMES = ["hits", "misses", "false"];
const OUTCOME_TITLES = {
  truth: "ground truth", hits: "true positives", misses: "false negatives", false: "false positives",
};
const find = (id) => document.getElementById(id);

for (const task of data.tasks) {
  task.scored = task.sources.flatMap((source, index) => (source.isScored ? [index] : []));
  task.sensors = task.scored.filter((index) => task.sources[index].isSensor);
  const others = task.scored.filter((index) => !task.sources[index].isSensor);
  const isReference = (index) => task.sources[index].isReference;
  // fused images first: the gallery opens on one of them
  task.fused = [...others.filter((index) => !isReference(index)), ...others.filter(isReference)];
  task.pairs.forEach((pair, index) => { pair.index = index; });
}

// An element with attributes and children; texts never become markup.
function create(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") element.className = value;
    else if (key in element && key !== "list") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

// The options of a selection: [value, title] each.
function fillSelect(select, options, value) {
  select.replaceChildren(...options.map(([key, title]) => create("option", { value: key }, title)));
  select.value = value;
}

function formatShare(value, digits = 0) {
  return value === null ? "\u2013" : `${(100 * value).toFixed(digits)}`;
}

function formatSigned(text, value) {
  return value > 0 ? `+${text}` : text.replace("-", "\u2212");
}

function getPictureFile(task, pair, source) {
  return `${task.sources[source].folder}/${pair.file}.webp`;
}
