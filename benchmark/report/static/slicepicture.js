// One slice on one canvas: grey levels, hatching where nothing was observed, outlines, crosshair, directions.

import { cut, flat, greyAt, outlines } from "./volumes.js";

/** Dashes of the label maps in their order, in CSS pixels: the truth is whole. */
export const DASHES = [[], [5, 3], [2, 2.5], [9, 3], [9, 3, 2, 3], [5, 2, 1, 2, 1, 2], [1, 3]];
const MOST_PIXELS = 3;

/** Where a plane lies in a square of side `size`: its corner and the size of a pixel. */
export function frame(plane, shape, spacing, size) {
  const [width, height] = [plane.columns, plane.rows].map((axis) => shape[axis] * spacing[axis]);
  const scale = size / Math.max(width, height);
  return {
    left: (size - width * scale) / 2, top: (size - height * scale) / 2,
    wide: spacing[plane.columns] * scale, tall: spacing[plane.rows] * scale,
  };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {object} plane of PLANES
 * @param {object} view {shape, spacing, image, at, window, maps: [{labels, dash}], structures: Set of shown labels, colours}
 */
export function drawSlice(canvas, plane, view) {
  const size = canvas.clientWidth;
  if (!size) return;
  const scale = Math.min(devicePixelRatio || 1, MOST_PIXELS);
  const side = Math.round(size * scale);
  if (canvas.width !== side) Object.assign(canvas, { width: side, height: side });
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.fillStyle = view.colours.well;
  context.fillRect(0, 0, size, size);
  const place = frame(plane, view.shape, view.spacing, size);
  drawGrey(context, plane, view, place);
  for (const { labels, dash } of view.maps) {
    const section = cut(plane, view.at, view.shape, (voxel) => labels[flat(voxel, view.shape)]);
    for (const label of new Set(section.pixels)) {
      if (label && view.structures.has(label)) drawOutline(context, outlines(section, label), place, dash, view.colours, label);
    }
  }
  drawCrosshair(context, plane, view, place, size);
  canvas.dataset.drawn = "true";
}

function drawGrey(context, plane, view, { left, top, wide, tall }) {
  const { image } = view;
  const section = cut(plane, view.at, view.shape, (voxel) => (image ? greyAt(image, voxel) : 0));
  const [width, height] = [section.width * wide, section.height * tall];
  if (section.pixels.includes(0)) hatch(context, left, top, width, height, view.colours);
  if (!image) return;
  const table = greys(image, view.window);
  const rgba = new ImageData(section.width, section.height);
  section.pixels.forEach((level, i) => rgba.data.set([table[level], table[level], table[level], level ? 255 : 0], 4 * i));
  const small = Object.assign(document.createElement("canvas"), { width: section.width, height: section.height });
  small.getContext("2d").putImageData(rgba, 0, 0);
  context.imageSmoothingEnabled = false; // a voxel is a voxel
  context.drawImage(small, left, top, width, height);
}

/** Brightness of each grey level under a window. */
function greys({ low, high }, window) {
  const value = (level) => low + ((level - 1) * (high - low)) / 254;
  return Uint8ClampedArray.from({ length: 256 }, (_, level) => (255 * (value(level) - window.low)) / (window.high - window.low));
}

function hatch(context, left, top, width, height, { empty, hatched }) {
  context.save();
  context.fillStyle = empty;
  context.fillRect(left, top, width, height);
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.strokeStyle = hatched;
  context.lineWidth = 1;
  context.beginPath();
  for (let x = -height; x < width; x += 7) {
    context.moveTo(left + x, top + height);
    context.lineTo(left + x + height, top);
  }
  context.stroke();
  context.restore();
}

function drawOutline(context, loops, { left, top, wide, tall }, dash, colours, label) {
  context.save();
  context.beginPath();
  for (const loop of loops) {
    loop.forEach(([x, y], i) => (i ? context.lineTo(left + x * wide, top + y * tall) : context.moveTo(left + x * wide, top + y * tall)));
    context.closePath();
  }
  context.lineJoin = "round";
  if (dash.length) { // the gaps must show over the whole line of the truth
    context.strokeStyle = colours.halo;
    context.lineWidth = 2.4;
    context.stroke();
  }
  context.setLineDash(dash);
  context.lineWidth = dash.length ? 2 : 1.8;
  context.strokeStyle = colours.structure(label);
  context.stroke();
  context.restore();
}

function drawCrosshair(context, plane, view, { left, top, wide, tall }, size) {
  const x = left + (view.shape[plane.columns] - view.at[plane.columns] - 0.5) * wide;
  const y = top + (view.shape[plane.rows] - view.at[plane.rows] - 0.5) * tall;
  const gap = Math.max(6, 0.75 * Math.max(wide, tall));
  context.strokeStyle = view.colours.crosshair;
  context.lineWidth = 1;
  context.beginPath();
  for (const [fromX, fromY, toX, toY] of [[0, y, x - gap, y], [x + gap, y, size, y], [x, 0, x, y - gap], [x, y + gap, x, size]]) {
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
  }
  context.stroke();
  context.font = "600 12px system-ui, sans-serif";
  context.textBaseline = "middle";
  const [west, east, north, south] = plane.ends;
  for (const [text, atX, atY, align] of [[west, 6, size / 2, "left"], [east, size - 6, size / 2, "right"],
    [north, size / 2, 11, "center"], [south, size / 2, size - 10, "center"]]) {
    context.textAlign = align;
    context.strokeStyle = view.colours.well;
    context.lineWidth = 3;
    context.strokeText(text, atX, atY);
    context.fillStyle = view.colours.letters;
    context.fillText(text, atX, atY);
  }
}
