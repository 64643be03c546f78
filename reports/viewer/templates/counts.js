// Counts of true positives, false negatives and false positives at any confidence.
// A match holds at every confidence up to that of its prediction, so that nothing is matched again.

function getThreshold(task, source, confidence) {
  if (confidence !== BEST) return confidence;
  return task.sources[source].best ?? data.confidence;
}

// Which true boxes a source finds: one number per box, 1 if found.
function findDetected(task, pair, source, confidence) {
  const rows = pair.boxes[source], threshold = getThreshold(task, source, confidence);
  const detected = new Uint8Array(pair.truth.length / TRUTH.stride);
  for (let i = 0; i < rows.length; i += BOX.stride) {
    if (rows[i + BOX.confidence] < threshold) break; // rows are sorted
    if (rows[i + BOX.match] >= 0) detected[rows[i + BOX.match]] = 1;
  }
  return detected;
}

// Counts of one source on one pair; classId -1: all classes.
function countBoxes(task, pair, source, confidence, classId) {
  const rows = pair.boxes[source], threshold = getThreshold(task, source, confidence);
  let hits = 0, predicted = 0, truth = 0;
  for (let i = 0; i < rows.length && rows[i + BOX.confidence] >= threshold; i += BOX.stride) {
    if (classId >= 0 && rows[i + BOX.classId] !== classId) continue;
    predicted += 1;
    if (rows[i + BOX.match] >= 0) hits += 1;
  }
  for (let i = 0; i < pair.truth.length; i += TRUTH.stride) {
    if (pair.truth[i + TRUTH.ignored] || (classId >= 0 && pair.truth[i + TRUTH.classId] !== classId)) continue;
    truth += 1;
  }
  return { hits, misses: truth - hits, false: predicted - hits };
}

function addCounts(first, second) {
  return { hits: first.hits + second.hits, misses: first.misses + second.misses, false: first.false + second.false };
}

// F1 of the counts; null if there is neither a true nor a predicted box.
function computeF1(counts) {
  const denominator = 2 * counts.hits + counts.misses + counts.false;
  return denominator ? (2 * counts.hits) / denominator : null;
}

// Pixels of one source on one pair: [truth, predicted, correct, gained, lost] of a class or of all.
function countPixels(pair, source, classId) {
  const rows = pair.counts?.[source] ?? [], sums = [0, 0, 0, 0, 0];
  for (let i = 0; i < rows.length; i += COUNT.stride) {
    if (classId >= 0 && rows[i] !== classId) continue;
    for (let column = 0; column < 5; column += 1) sums[column] += rows[i + 1 + column];
  }
  return sums;
}

// Pixel accuracy over all classes, IoU of one class; null if undefined.
function computePixelScore(pair, source, classId) {
  const [truth, predicted, correct] = countPixels(pair, source, classId);
  const denominator = classId >= 0 ? truth + predicted - correct : truth;
  return denominator ? correct / denominator : null;
}

// Score of one source on one pair, higher is better unless the metric says otherwise; null if undefined.
function computeScore(task, pair, source, choice) {
  if (!task.sources[source].isScored) return null;
  if (task.kind === "detection") return computeF1(countBoxes(task, pair, source, choice.confidence, choice.classId));
  if (task.kind === "segmentation") return computePixelScore(pair, source, choice.classId);
  return pair.scores[source][choice.metric] ?? null;
}

function getScoreTitle(task, choice) {
  if (task.kind === "detection") return "F1";
  if (task.kind === "segmentation") return choice.classId >= 0 ? "IoU" : "pixel accuracy";
  return task.metrics[choice.metric].title;
}

function getSign(task, choice) {
  return task.kind === "quality" && task.metrics[choice.metric].better === "lower" ? -1 : 1;
}

// Objects or pixels that the candidate finds and no sensor does, and that a sensor finds and it does not.
function compareWithSensors(task, pair, candidate, choice) {
  if (task.kind === "segmentation") {
    const sums = countPixels(pair, candidate, choice.classId);
    return { gained: sums[3], lost: sums[4] };
  }
  if (task.kind !== "detection") return { gained: 0, lost: 0 };
  const own = findDetected(task, pair, candidate, choice.confidence);
  const sensors = task.sensors.map((sensor) => findDetected(task, pair, sensor, choice.confidence));
  const result = { gained: 0, lost: 0 };
  own.forEach((isFound, box) => {
    if (choice.classId >= 0 && pair.truth[box * TRUTH.stride + TRUTH.classId] !== choice.classId) return;
    const isFoundBySensor = sensors.some((detected) => detected[box]);
    if (isFound && !isFoundBySensor) result.gained += 1;
    if (!isFound && isFoundBySensor) result.lost += 1;
  });
  return result;
}

// Everything that the gallery filters, sorts and prints of one pair.
function summarizePair(task, pair, candidate, choice) {
  const sign = getSign(task, choice);
  const scores = task.scored.map((source) => computeScore(task, pair, source, choice));
  const defined = scores.filter((score) => score !== null);
  const own = scores[task.scored.indexOf(candidate)] ?? null;
  const sensorScores = task.sensors.map((sensor) => scores[task.scored.indexOf(sensor)]).filter((score) => score !== null);
  const best = sensorScores.length ? sign * Math.max(...sensorScores.map((score) => sign * score)) : null;
  return {
    pair, score: own,
    gain: own === null || best === null ? null : own - best,
    spread: defined.length > 1 ? Math.max(...defined) - Math.min(...defined) : null,
    ...(task.sensors.length ? compareWithSensors(task, pair, candidate, choice) : { gained: 0, lost: 0 }),
    counts: task.kind === "detection" ? countBoxes(task, pair, candidate, choice.confidence, choice.classId) : null,
  };
}
