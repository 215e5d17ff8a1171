// Colours come from the style sheet, so that pictures, legends and themes cannot disagree.

const LABELS = ["--observed", "--spurious", "--unobserved"]; // by the labels of benchmark/report/observed.py
const ERROR_STOPS = ["--error-0", "--error-1", "--error-2", "--error-3", "--error-4"];

/**
 * @param {string} paint "labels" (value = label), "error" (value 0..255 = most negative..most positive
 *   distance), or the name of a colour in the style sheet
 * @returns {(value: number) => number[]} value of a vertex -> [r, g, b]
 */
export function paletteFor(paint) {
  if (paint === "labels") {
    const colours = LABELS.map(read);
    return (value) => colours[value] ?? colours[0];
  }
  if (paint === "error") {
    const stops = ERROR_STOPS.map(read);
    const table = Array.from({ length: 256 }, (_, value) => between(stops, value / 255));
    return (value) => table[value];
  }
  const colour = read(`--${paint}`);
  return () => colour;
}

function between(stops, fraction) {
  const place = fraction * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  return stops[low].map((channel, i) => Math.round(channel + (stops[low + 1][i] - channel) * (place - low)));
}

function read(name) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim().replace("#", "");
  return [0, 2, 4].map((start) => parseInt(hex.slice(start, start + 2), 16) || 0);
}
