// Mouse, pen, touch and keys on a view, turned into moves of the shared camera.

const ROTATE = 0.009; // radians per CSS pixel
const STEP = Math.PI / 24;
const PRESET_KEYS = { 1: "anterior", 2: "lateral", 3: "superior", 4: "posterior" };

/** Make `canvas` steer `camera`: drag turns; Shift, right button or two fingers move; wheel or pinch zooms. */
export function steer(canvas, camera) {
  const pointers = new Map();

  canvas.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, event);
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const side = Math.min(canvas.clientWidth, canvas.clientHeight);
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    if (pointers.size === 2) {
      const other = [...pointers.values()].find((each) => each.pointerId !== event.pointerId);
      camera.zoomBy(spread(event, other) / Math.max(spread(before, other), 1));
      camera.panBy(dx / 2 / side, -dy / 2 / side);
    } else if (event.shiftKey || event.buttons & 2) {
      camera.panBy(dx / side, -dy / side);
    } else {
      camera.orbit(-dx * ROTATE, dy * ROTATE);
    }
    pointers.set(event.pointerId, event);
  });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("dblclick", () => camera.reset());
  canvas.addEventListener("wheel", (event) => {
    // A page must scroll past its pictures: the wheel is ours only once the view was clicked.
    if (!event.ctrlKey && document.activeElement !== canvas) return;
    event.preventDefault();
    camera.zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !press(event, camera)) return;
    event.preventDefault();
  });
}

function press(event, camera) {
  const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (arrow) {
    const [x, y] = arrow;
    if (event.shiftKey) camera.panBy(x * 0.05, y * 0.05);
    else camera.orbit(x * STEP, y * STEP);
  } else if (event.key === "+" || event.key === "=") camera.zoomBy(1.15);
  else if (event.key === "-") camera.zoomBy(1 / 1.15);
  else if (event.key === "0" || event.key === "Home") camera.reset();
  else if (PRESET_KEYS[event.key]) camera.look(PRESET_KEYS[event.key]);
  else return false;
  return true;
}

function spread(a, b) {
  return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
}
