// One bar a case, sorted by how much better the first method is.

import { linear, roundTicks } from "./axes.js";
import { draw } from "./dom.js";
import { signedText } from "./numbers.js";

/** @param {number} width @param {{name: string, gain: number, difference: number}[]} cases sorted @param {{title: string, style: string}} column */
export function differenceChart(width, cases, column) {
  const [left, right, top, bottom, height] = [52, 10, 10, 26, 240];
  const axis = roundTicks([0, ...cases.map((each) => each.gain)]);
  const y = linear(axis.low, axis.high, height - bottom, top);
  const step = (width - left - right) / Math.max(cases.length, 1);
  const svg = draw("svg", { class: "plot small", width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-labelledby": "difference-title difference-description" });
  svg.append(draw("title", { id: "difference-title", text: `Difference in ${column.title} on ${cases.length} cases` }),
    draw("desc", { id: "difference-description", text: "Sorted bars, one a case; upwards A is better. The table below has the same numbers." }));
  for (const tick of axis.ticks) {
    svg.append(draw("line", { class: tick === 0 ? "zero" : "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
      draw("text", { class: "tick", x: left - 6, y: y(tick) + 4, "text-anchor": "end", text: String(Math.abs(tick)) }));
  }
  cases.forEach((each, i) => svg.append(draw("rect", { class: each.gain < 0 ? "loss" : "gain", x: left + i * step + step * 0.1,
    width: Math.max(step * 0.8, 0.8), y: Math.min(y(each.gain), y(0)), height: Math.max(Math.abs(y(each.gain) - y(0)), 0.6) },
  draw("title", { text: `${each.name}: ${signedText(column.style, each.difference)}` }))));
  svg.append(draw("text", { class: "tick", x: left, y: height - 6, text: "B better" }),
    draw("text", { class: "tick", x: width - right, y: height - 6, "text-anchor": "end", text: "A better" }));
  return svg;
}
