// Packed surfaces (benchmark/drawing/packing.py) back to typed arrays.

/** Whether this browser has what the pictures need. */
export function canDecode() {
  return typeof DecompressionStream === "function";
}

/** @param {string} text gzipped bytes in base64 @returns {Promise<Uint8Array>} */
export async function unpackBytes(text) {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * @param {{vertices: number, faces: number, data: string}} record
 * @returns {Promise<{position: Float32Array, normal: Int8Array, openness: Uint8Array, value: Uint8Array,
 *   index: Uint16Array}>} positions in voxels from the grid's centre, normals in 1/127
 */
export async function decodeSurface(record) {
  const raw = await unpackBytes(record.data);
  const n = record.vertices;
  let offset = 0;
  const column = (length, width) => {
    const bytes = raw.subarray(offset, offset + length * width);
    offset += length * width;
    return width === 2 ? sumWords(bytes, length) : sumBytes(bytes);
  };
  const position = interleave([column(n, 2), column(n, 2), column(n, 2)], Float32Array, (word) => signed(word) / 64);
  const normal = interleave([column(n, 1), column(n, 1), column(n, 1)], Int8Array, (byte) => byte);
  return { position, normal, openness: column(n, 1), value: column(n, 1), index: column(3 * record.faces, 2) };
}

function sumBytes(bytes) {
  const out = new Uint8Array(bytes.length);
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) out[i] = sum = (sum + bytes[i]) & 0xff;
  return out;
}

function sumWords(bytes, length) {
  const out = new Uint16Array(length);
  let sum = 0;
  for (let i = 0; i < length; i++) out[i] = sum = (sum + bytes[i] + (bytes[length + i] << 8)) & 0xffff;
  return out;
}

function signed(word) {
  return word > 0x7fff ? word - 0x10000 : word;
}

function interleave(columns, Kind, convert) {
  const out = new Kind(columns[0].length * 3);
  columns.forEach((column, axis) => {
    for (let i = 0; i < column.length; i++) out[3 * i + axis] = convert(column[i]);
  });
  return out;
}
