// Headline against cost: who is neither beaten in quality nor in cost.

import { fitted, linear, logTicks, nearAndFar, roundTicks, spread } from "./axes.js";
import { draw } from "./dom.js";
import { written } from "./numbers.js";

/** Points nobody is both better and cheaper than, in the order of cost. */
export function front(points, higher) {
  const sorted = [...points].sort((a, b) => a.cost - b.cost || (higher ? b.value - a.value : a.value - b.value));
  let best = null;
  return sorted.filter((each) => {
    if (best !== null && (higher ? each.value <= best : each.value >= best)) return false;
    best = each.value;
    return true;
  });
}

/**
 * @param {number} width
 * @param {{name: string, value: number, cost: number, ranked: boolean}[]} points only ranked ones can be best
 * @param {{name: string, value: number}[]} controls drawn as lines
 * @param {{title: string, style: string, higher: boolean}} headline
 * @param {string} cost what it is, with its unit
 */
export function costChart(width, points, controls, headline, cost) {
  const narrow = width < 560;
  const [left, right, top, bottom] = [52, narrow ? 12 : 150, 24, 44];
  const height = narrow ? 320 : 400;
  const { near, far } = nearAndFar(controls, points.map((each) => each.value));
  const y0 = roundTicks([...points, ...near].map((each) => each.value));
  const x0 = logTicks(points.map((each) => each.cost));
  const y = linear(y0.low, y0.high, height - bottom, top);
  const along = linear(x0.low, x0.high, left, width - right);
  const x = (value) => along(Math.log10(value));
  const svg = draw("svg", { class: "plot small", width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-labelledby": "cost-chart-title cost-chart-description" });
  svg.append(
    draw("title", { id: "cost-chart-title", text: `${headline.title} against ${cost}` }),
    draw("desc", { id: "cost-chart-description", text: `A point a method; ${cost} on a logarithmic axis. The table above has the same numbers.` }),
    draw("text", { class: "tick", x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle", text: cost }),
    draw("text", { class: "tick", x: -(top + height - bottom) / 2, y: 12, transform: "rotate(-90)", "text-anchor": "middle", text: headline.title }),
  );
  for (const tick of y0.ticks) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
      draw("text", { class: "tick", x: left - 6, y: y(tick) + 4, "text-anchor": "end", text: String(tick) }));
  }
  for (const tick of x0.ticks) {
    svg.append(draw("line", { class: "grid", x1: along(tick), x2: along(tick), y1: top, y2: height - bottom }),
      draw("text", { class: "tick", x: along(tick), y: height - bottom + 16, "text-anchor": "middle",
        text: String(Number((10 ** tick).toPrecision(2))) }));
  }
  const lines = [...near].sort((a, b) => y(a.value) - y(b.value));
  const labels = spread(lines.map((each) => y(each.value)), 13, height - bottom);
  lines.forEach((each, i) => svg.append(
    draw("line", { class: "control", x1: left, x2: width - right, y1: y(each.value), y2: y(each.value) }),
    draw("text", { class: "tick", x: width - right + (narrow ? -2 : 6), y: labels[i] + (narrow ? -3 : 4), "text-anchor": narrow ? "end" : "start",
      text: fitted(`${each.name} ${written(headline.style, each.value)}`, narrow ? width : right - 8, 6.2) })));
  const best = front(points.filter((each) => each.ranked), headline.higher);
  svg.append(draw("polyline", { class: "front", points: best.map((each) => `${x(each.cost)},${y(each.value)}`).join(" ") }));
  for (const each of points) {
    svg.append(draw("circle", { class: best.includes(each) ? "dot best" : "dot", cx: x(each.cost), cy: y(each.value), r: 5 },
      draw("title", { text: `${each.name}: ${written(headline.style, each.value)}, ${written("number", each.cost)} ${cost}` })));
  }
  label(svg, best, x, y, { left, width: width - right });
  return { svg, far };
}

function label(svg, best, x, y, { left, width }) {
  const taken = [];
  for (const each of [...best].reverse()) {
    const [px, py] = [x(each.cost), y(each.value)];
    const end = px > (left + width) / 2;
    const text = fitted(each.name, end ? px - left : width - px, 6.6);
    const box = { x: end ? px - text.length * 6.6 : px, y: py - 9, w: text.length * 6.6 };
    if (taken.some((t) => Math.abs(t.y - box.y) < 13 && box.x < t.x + t.w && t.x < box.x + box.w)) continue;
    taken.push(box);
    svg.append(draw("text", { class: "name", x: px, y: py - 9, "text-anchor": end ? "end" : "start", text }));
  }
}
