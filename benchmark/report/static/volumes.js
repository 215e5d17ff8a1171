// Packed images and label maps (benchmark/drawing/slices.py) back to arrays, and planes cut out of them.

import { unpackBytes } from "./decode.js";

/**
 * The three planes of a volume that runs to the right, front and top of the subject, as radiologists look at them: axial
 * from the feet, coronal from the front, sagittal from the left. Both axes of a picture run against those of the volume.
 */
export const PLANES = {
  axial: { across: 2, columns: 0, rows: 1, ends: ["R", "L", "A", "P"] },
  coronal: { across: 1, columns: 0, rows: 2, ends: ["R", "L", "S", "I"] },
  sagittal: { across: 0, columns: 1, rows: 2, ends: ["A", "P", "S", "I"] },
};

/** @returns {Promise<Uint8Array>} grey levels, 0 where nothing was observed, in C order */
export async function decodeImage({ shape, data }) {
  const change = await unpackBytes(data);
  const [, ny, nz] = shape;
  const out = new Uint8Array(change.length);
  for (let i = 0; i < out.length; i++) {
    const z = i % nz;
    const y = Math.floor(i / nz) % ny;
    const before = (i >= ny * nz ? out[i - ny * nz] : 0) + (y ? out[i - nz] : 0) + (z ? out[i - 1] : 0);
    out[i] = change[i] + Math.floor(before / 3);
  }
  return out;
}

/** @returns {Promise<Uint8Array>} a label for every voxel, in C order */
export async function decodeLabels(data, shape) {
  const raw = await unpackBytes(data);
  const count = raw.length / 5;
  const out = new Uint8Array(shape[0] * shape[1] * shape[2]);
  let place = 0;
  for (let run = 0; run < count; run++) {
    const length = raw[run] + (raw[count + run] << 8) + (raw[2 * count + run] << 16) + raw[3 * count + run] * 2 ** 24;
    out.fill(raw[4 * count + run], place, place + length);
    place += length;
  }
  return out;
}

/** Index in C order of a voxel. */
export function flat([x, y, z], [, ny, nz]) {
  return (x * ny + y) * nz + z;
}

/** The voxel that is drawn at (column, row) of a plane through `at`. */
export function voxelAt(plane, at, column, row, shape) {
  const voxel = [...at];
  voxel[plane.columns] = shape[plane.columns] - 1 - column;
  voxel[plane.rows] = shape[plane.rows] - 1 - row;
  return voxel;
}

/** Grey level of a voxel of the case in an image on its own grid; 0 where nothing was observed. */
export function greyAt({ places, shape, grey }, voxel) {
  const own = voxel.map((place, axis) => places[axis][place]);
  return own.some((place) => place < 0) ? 0 : grey[flat(own, shape)];
}

/** What a plane of width x height shows: `read(voxel)` for each of its pixels, row by row. */
export function cut(plane, at, shape, read) {
  const [width, height] = [shape[plane.columns], shape[plane.rows]];
  const out = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      out[row * width + column] = read(voxelAt(plane, at, column, row, shape));
    }
  }
  return { width, height, pixels: out };
}

/**
 * Closed outlines of one label: lines through the middles of the pixel sides that part it from the rest, so corners are cut.
 * @returns {number[][][]} loops of [column, row] in pixels, the upper left corner of the picture at 0, 0
 */
export function outlines({ width, height, pixels }, label) {
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && pixels[y * width + x] === label;
  const next = new Map(); // corner -> corners that a side leads to, with the inside on its right
  const side = (x, y, toX, toY) => {
    const from = y * (width + 1) + x;
    if (!next.has(from)) next.set(from, []);
    next.get(from).push(toY * (width + 1) + toX);
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!inside(x, y)) continue;
      if (!inside(x, y - 1)) side(x, y, x + 1, y);
      if (!inside(x + 1, y)) side(x + 1, y, x + 1, y + 1);
      if (!inside(x, y + 1)) side(x + 1, y + 1, x, y + 1);
      if (!inside(x - 1, y)) side(x, y + 1, x, y);
    }
  }
  const corner = (place) => [place % (width + 1), Math.floor(place / (width + 1))];
  const loops = [];
  for (const start of next.keys()) {
    while (next.get(start).length) {
      const loop = [];
      let here = start;
      do {
        const to = next.get(here).pop();
        const [[x, y], [toX, toY]] = [corner(here), corner(to)];
        loop.push([(x + toX) / 2, (y + toY) / 2]);
        here = to;
      } while (here !== start);
      loops.push(loop);
    }
  }
  return loops;
}
