// Boxes as layers of SVG: color and dashes tell what a box is; the style has the dashes.

const SVG = "http://www.w3.org/2000/svg";

function createSvg(name, attributes = {}) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// The boxes of one source on one pair by layer: {corners, classId, confidence} each.
function classifyBoxes(task, pair, source, choice) {
  const layers = { truth: [], ignored: [], hits: [], misses: [], false: [] };
  const isCounted = (classId) => choice.classId < 0 || classId === choice.classId;
  const rows = pair.boxes[source] ?? [], isScored = task.sources[source].isScored;
  const threshold = getThreshold(task, source, choice.confidence), found = new Set();
  for (let i = 0; i < rows.length && rows[i + BOX.confidence] >= threshold; i += BOX.stride) {
    const match = rows[i + BOX.match];
    if (match >= 0) found.add(match);
    if (isCounted(rows[i + BOX.classId])) {
      layers[match >= 0 ? "hits" : "false"].push({
        corners: rows.slice(i, i + 4), classId: rows[i + BOX.classId], confidence: rows[i + BOX.confidence],
      });
    }
  }
  for (let i = 0; i < pair.truth.length; i += TRUTH.stride) {
    const classId = pair.truth[i + TRUTH.classId];
    if (!isCounted(classId)) continue;
    const box = { corners: pair.truth.slice(i, i + 4), classId, confidence: null };
    layers[pair.truth[i + TRUTH.ignored] ? "ignored" : "truth"].push(box);
    if (isScored && !pair.truth[i + TRUTH.ignored] && !found.has(i / TRUTH.stride)) layers.misses.push(box);
  }
  return layers;
}

function buildOutline(boxes) {
  return boxes.map(({ corners }) => {
    const [left, top, right, bottom] = corners.map((value) => value / TENTHS);
    return `M${left} ${top}H${right}V${bottom}H${left}Z`;
  }).join("");
}

// Draws the layers that are switched on; a dark line under each keeps it visible on bright images.
function drawBoxes(svg, task, source, layers, { withNames }) {
  const parts = [], shown = ["truth", "misses", "false", "hits"].filter((name) => view.layers.has(name));
  if (shown.includes("truth")) shown.unshift("ignored");
  for (const name of shown) {
    if (!layers[name].length) continue;
    const d = buildOutline(layers[name]), color = data.boxColors[name] ?? data.boxColors.truth;
    parts.push(createSvg("path", { class: "under", d }));
    parts.push(createSvg("path", { class: name, d, stroke: color }));
  }
  for (const name of withNames ? shown : []) {
    for (const { corners, classId, confidence } of layers[name]) {
      const isBelow = name === "false"; // most lie on another box, whose text is above
      const text = createSvg("text", { class: isBelow ? "below" : "", x: corners[0] / TENTHS, y: corners[isBelow ? 3 : 1] / TENTHS, fill: data.boxColors[name] ?? data.boxColors.truth });
      const share = confidence === null ? "" : ` ${(Math.floor(confidence / 1e4) / 100).toFixed(2)}`;
      text.textContent = `${task.classes[classId]}${share}`;
      parts.push(text);
    }
  }
  svg.replaceChildren(...parts);
}

// A short line as it is drawn, for legends.
function createSwatch(name) {
  const svg = createSvg("svg", { class: "swatch", viewBox: "0 0 28 10", "aria-hidden": "true" });
  svg.append(createSvg("rect", { width: 28, height: 10, rx: 2 }));
  const line = createSvg("path", { d: "M2 5H26", class: name, stroke: data.boxColors[name] });
  svg.append(line);
  return svg;
}
