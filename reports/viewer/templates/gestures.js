// Wheel, mouse and touch on the viewport.

const pointers = new Map(); // pointers that are down: id to {x, y} in their pane
const WHEEL_SPEED = 0.0015, LINE_HEIGHT = 16;
let draggedDivider = null;

// The place of an event in its pane; null outside of the panes.
function locate(event) {
  const pane = panes.find((candidate) => candidate.window.contains(event.target)) ?? (panes.length === 1 ? panes[0] : null);
  if (!pane) return null;
  const box = pane.window.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

viewport.addEventListener("wheel", (event) => {
  const point = locate(event);
  if (!point) return;
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode === 1 ? LINE_HEIGHT : 1);
  zoomAt(Math.exp(-pixels * WHEEL_SPEED * (event.ctrlKey ? 5 : 1)), point);
}, { passive: false });

viewport.addEventListener("pointerdown", (event) => {
  const point = locate(event);
  if (!point || event.button !== 0) return;
  viewport.setPointerCapture(event.pointerId);
  draggedDivider = event.target.closest(".divider");
  // a captured pointer's target is the viewport, so that its way is measured from here
  pointers.set(event.pointerId, { ...point, clientX: event.clientX, clientY: event.clientY });
  viewport.classList.add("dragging");
});

viewport.addEventListener("pointermove", (event) => {
  const last = pointers.get(event.pointerId);
  if (!last) {
    pointer = locate(event);
    if (isMagnifying) drawLens();
    return;
  }
  const point = { x: last.x + event.clientX - last.clientX, y: last.y + event.clientY - last.clientY };
  movePointer(event.pointerId, last, point);
});

function movePointer(id, last, point) {
  const other = [...pointers].find(([otherId]) => otherId !== id)?.[1];
  if (draggedDivider) moveCurtain(100 * point.x / paneSize.width);
  else if (other) {
    const distance = (first, second) => Math.hypot(first.x - second.x, first.y - second.y);
    moveBy((point.x - last.x) / 2, (point.y - last.y) / 2);
    zoomAt(distance(point, other) / Math.max(distance(last, other), 1), { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
  } else moveBy(point.x - last.x, point.y - last.y);
  pointer = point;
  pointers.set(id, { ...point, clientX: last.clientX + point.x - last.x, clientY: last.clientY + point.y - last.y });
  if (isMagnifying) drawLens();
}

function releasePointer(event) {
  pointers.delete(event.pointerId);
  if (!pointers.size) {
    draggedDivider = null;
    viewport.classList.remove("dragging");
  }
}
viewport.addEventListener("pointerup", releasePointer);
viewport.addEventListener("pointercancel", releasePointer);
viewport.addEventListener("dblclick", (event) => {
  const point = locate(event);
  if (point) zoomAt(view.scale > 1 ? 1 / view.scale : 3, point);
});
