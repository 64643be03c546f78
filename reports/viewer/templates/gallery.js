// The gallery: a card per pair, filtered and sorted.

const CARDS_AT_ONCE = 60; // more follow when the end of the list comes into view
let cardCount = CARDS_AT_ONCE, listed = [];

// Summaries of the pairs that the filters leave, in the order of the gallery.
function listPairs() {
  const { task, candidate } = view, sign = getSign(task, view);
  const summaries = task.pairs
    .filter((pair) => view.condition < 0 || pair.condition === view.condition)
    .filter((pair) => view.classId < 0 || hasClass(task, pair, view.classId))
    .map((pair) => summarizePair(task, pair, candidate, view));
  const isShown = {
    all: () => true, gained: (summary) => summary.gained > 0, lost: (summary) => summary.lost > 0,
    false: (summary) => summary.counts?.false > 0,
  }[view.show];
  const kept = summaries.filter(isShown);
  const keys = {
    gain: (summary) => (summary.gain === null ? null : -sign * summary.gain),
    loss: (summary) => (summary.gain === null ? null : sign * summary.gain),
    spread: (summary) => (summary.spread === null ? null : -summary.spread),
    low: (summary) => (summary.score === null ? null : sign * summary.score),
    high: (summary) => (summary.score === null ? null : -sign * summary.score),
  };
  if (view.sort === "key") return kept; // pairs are sorted by key
  const order = kept.map((summary) => [keys[view.sort](summary), summary]);
  order.sort(([a, first], [b, second]) => (a === null) - (b === null) || a - b || first.pair.index - second.pair.index);
  return order.map(([, summary]) => summary);
}

// Whether a pair has true boxes or pixels of a class, or a prediction of it at this confidence.
function hasClass(task, pair, classId) {
  if (task.kind === "segmentation") return task.scored.some((source) => countPixels(pair, source, classId)[0] > 0);
  if (task.kind !== "detection") return true;
  return task.scored.some((source) => {
    const counts = countBoxes(task, pair, source, view.confidence, classId);
    return counts.hits + counts.misses + counts.false > 0;
  });
}

// A text about both sensors, for a task with one of them too.
function nameSensors(text) {
  return view.task.sensors.length > 1 ? text : text.replace(/both sensors|the better sensor|a sensor/g, "the sensor");
}

function drawGallery() {
  const { task } = view, isModel = task.kind !== "quality", hasSensors = task.sensors.length > 0;
  fillSelect(find("candidate"), task.scored.map((index) => [index, task.sources[index].name]), view.candidate);
  const shows = Object.entries(SHOWS).filter(([name]) => name === "all" || (name === "false" ? task.kind === "detection" : isModel && hasSensors));
  fillSelect(find("show"), shows.map(([name, title]) => [name, nameSensors(title)]), view.show);
  find("show").parentElement.hidden = shows.length < 2;
  const sorts = Object.entries(SORTS).filter(([name]) => hasSensors || !["gain", "loss"].includes(name));
  fillSelect(find("sort"), sorts.map(([name, title]) => [name, nameSensors(title)]), view.sort);
  fillSelect(find("condition"), [[-1, "all"], ...task.conditions.map((name, index) => [index, name])], view.condition);
  find("condition-label").hidden = !task.conditions.length;
  fillChoices();
  drawConfidence();
  drawGalleryLegend();
  drawCards();
}

// What the lines and colors on the cards are.
function drawGalleryLegend() {
  const names = view.task.kind === "detection" ? OUTCOMES : [];
  const parts = names.map((name) => create("span", {}, createSwatch(name), OUTCOME_TITLES[name]));
  if (view.task.kind === "segmentation") parts.push("Orange: wrong pixels; black: unlabeled.");
  find("gallery-legend").replaceChildren(...parts);
}

function drawCards() {
  listed = listPairs();
  const { task } = view, name = task.sources[view.candidate].name;
  find("cards").replaceChildren(...listed.slice(0, cardCount).map(createCard));
  find("more").hidden = listed.length <= cardCount;
  find("gallery-status").textContent = `${listed.length} of ${task.pairs.length} pairs${task.kind === "quality" ? "" : `; predictions on ${name}`}${task.sources[view.candidate].seed === null ? "" : `, seed ${task.sources[view.candidate].seed}`}`;
}

function showMoreCards() {
  if (view.pair || listed.length <= cardCount) return;
  find("cards").append(...listed.slice(cardCount, cardCount + CARDS_AT_ONCE).map(createCard));
  cardCount += CARDS_AT_ONCE;
  find("more").hidden = listed.length <= cardCount;
}

function createCard(summary) {
  const { task, candidate } = view, { pair } = summary, [width, height] = pair.size;
  const image = create("img", { alt: "", loading: "lazy", decoding: "async", width, height });
  image.src = getPictureFile(task, pair, candidate);
  const thumb = create("span", { class: "thumb" }, image);
  thumb.style.aspectRatio = `${width} / ${height}`;
  if (task.kind === "segmentation" && task.sources[candidate].errors) {
    const errors = create("img", { alt: "", loading: "lazy", decoding: "async", width, height, class: "error-map" });
    errors.src = `${task.sources[candidate].errors}/${pair.file}.png`;
    thumb.append(errors);
  }
  if (task.kind === "detection") {
    const svg = createSvg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const layers = classifyBoxes(task, pair, candidate, view);
    for (const layer of OUTCOMES) {
      if (layers[layer].length) svg.append(createSvg("path", { class: layer, d: buildOutline(layers[layer]), stroke: data.boxColors[layer] }));
    }
    thumb.append(svg);
  }
  const condition = task.conditions[pair.condition];
  const link = create("a", { class: "card" }, thumb, create("strong", {}, pair.key), condition ? create("span", { class: "condition" }, condition) : "", create("span", { class: "facts" }, describeSummary(summary)));
  link.href = `#${writeFragment({ ...view, pair, sources: view.mode === "single" ? [candidate] : view.sources, scale: 1, x: null, y: null })}`;
  return create("li", {}, link);
}

function describeSummary({ score, gain, gained, lost, counts }) {
  const { task } = view, parts = [], unit = task.kind === "segmentation" ? " %" : "";
  const title = getScoreTitle(task, view);
  if (counts) parts.push(`${counts.hits} TP, ${counts.misses} FN, ${counts.false} FP`);
  const format = (value) => (task.kind === "quality" ? value.toPrecision(3) : formatShare(value));
  const isCompared = gain !== null && !task.sources[view.candidate].isSensor;
  const comparison = isCompared ? ` (${formatSigned(format(gain), gain)} against the better sensor)` : "";
  parts.push(score === null ? `no ${title}` : `${title} ${format(score)}${unit}${comparison}`);
  if (task.kind === "detection" && gained) parts.push(`found ${gained} that both sensors missed`);
  if (task.kind === "detection" && lost) parts.push(`missed ${lost} that a sensor found`);
  return nameSensors(parts.join("; "));
}
