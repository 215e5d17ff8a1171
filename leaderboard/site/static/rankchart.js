// One line a method: the headline with its interval on the left, the interval of ranks on the right.

import { fitted, linear, nearAndFar, roundTicks } from "./axes.js";
import { draw } from "./dom.js";
import { written } from "./numbers.js";

const ROW = 22;
const MOST = 60;

/**
 * @param {number} width in CSS pixels
 * @param {{name: string, value: number, low: number?, high: number?, rankLow: number, rankHigh: number}[]} lines best first
 * @param {{name: string, value: number}[]} controls
 * @param {{title: string, style: string}} headline
 */
export function rankChart(width, lines, controls, headline) {
  const shown = lines.slice(0, MOST);
  const narrow = width < 560;
  const spans = shown.flatMap((each) => [each.value, each.low ?? each.value, each.high ?? each.value]);
  const { near, far } = nearAndFar(controls, spans);
  const names = Math.min(220, width * (narrow ? 0.34 : 0.3));
  const gap = 18;
  const values = { from: names + gap, to: names + gap + (width - names - 2 * gap - 16) * 0.56 };
  const ranks = { from: values.to + gap + 8, to: width - 12 };
  const top = 26 + 13 * near.length;
  const height = top + ROW * shown.length + 34;
  const axis = roundTicks([...spans, ...near.map((each) => each.value)], narrow ? 3 : 6);
  const x = linear(axis.low, axis.high, values.from, values.to);
  const places = roundTicks([1, Math.max(2, ...shown.map((each) => each.rankHigh))], narrow ? 3 : 8);
  const most = Math.max(2, ...shown.map((each) => each.rankHigh));
  const r = linear(1, most, ranks.from, ranks.to);
  const floor = height - 30;

  const svg = draw("svg", { class: "plot small", width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-labelledby": "rank-chart-title rank-chart-description" });
  svg.append(
    draw("title", { id: "rank-chart-title", text: `${headline.title} and ranks of ${shown.length} methods` }),
    draw("desc", { id: "rank-chart-description", text: "For every method a dot with a bar, the value and its 95 % interval, and a bar from the best to the worst rank it may have. The table above has the same numbers." }),
    draw("text", { class: "tick strong", x: values.from, y: 12, text: headline.title }),
    draw("text", { class: "tick strong", x: ranks.from, y: 12, text: "rank" }),
  );
  for (const tick of axis.ticks) {
    svg.append(draw("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top, y2: floor }),
      draw("text", { class: "tick", x: x(tick), y: floor + 15, "text-anchor": "middle", text: String(tick) }));
  }
  for (const tick of [1, ...places.ticks].filter((each, i, all) => Number.isInteger(each) && each >= 1 && each <= most && all.indexOf(each) === i)) {
    svg.append(draw("line", { class: "grid", x1: r(tick), x2: r(tick), y1: top, y2: floor }),
      draw("text", { class: "tick", x: r(tick), y: floor + 15, "text-anchor": "middle", text: String(tick) }));
  }
  [...near].sort((a, b) => a.value - b.value).forEach((control, i) => {
    const y = 24 + 13 * i;
    const right = x(control.value) > (values.from + values.to) / 2;
    svg.append(draw("line", { class: "control", x1: x(control.value), x2: x(control.value), y1: y - 3, y2: floor }),
      draw("text", { class: "tick", x: x(control.value) + (right ? -4 : 4), y: y + 4, "text-anchor": right ? "end" : "start",
        text: fitted(`${control.name} ${written(headline.style, control.value)}`, right ? x(control.value) : width - x(control.value), 6.2) }));
  });
  shown.forEach((each, i) => svg.append(line(each, top + ROW * (i + 0.5), { names, x, r, headline, even: i % 2, width })));
  return { svg, far, more: lines.length - shown.length };
}

function line(each, y, { names, x, r, headline, even, width }) {
  const interval = each.low === null ? "" : ` [${written(headline.style, each.low)}, ${written(headline.style, each.high)}]`;
  const span = each.rankLow === each.rankHigh ? `rank ${each.rankLow}` : `ranks ${each.rankLow} to ${each.rankHigh}`;
  const group = draw("g", {}, draw("title", { text: `${each.name}: ${written(headline.style, each.value)}${interval}, ${span}` }));
  if (even) group.append(draw("rect", { class: "band", x: 0, y: y - ROW / 2, width, height: ROW }));
  group.append(draw("text", { x: names, y: y + 4.5, "text-anchor": "end", text: fitted(each.name, names) }));
  if (each.low !== null) group.append(draw("line", { class: "whisker", x1: x(each.low), x2: x(each.high), y1: y, y2: y }));
  group.append(draw("circle", { class: "mean", cx: x(each.value), cy: y, r: 4.5 }),
    draw("rect", { class: "rank-bar", x: r(each.rankLow) - 5, y: y - 5, width: r(each.rankHigh) - r(each.rankLow) + 10, height: 10, rx: 5 }));
  return group;
}
