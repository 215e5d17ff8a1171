// Scales and round ticks of the plots.

/** Straight scale from [low, high] to [from, to]; one value alone lies in the middle. */
export function linear(low, high, from, to) {
  const span = high - low;
  return (value) => (span ? from + ((value - low) / span) * (to - from) : (from + to) / 2);
}

/** Round numbers that enclose all values: {low, high, ticks}. */
export function roundTicks(values, most = 6) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (!(high > low)) [low, high] = [low - Math.abs(low || 1) * 0.05, high + Math.abs(high || 1) * 0.05];
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((each) => each * power >= rough) * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = [];
  for (let i = first; i <= last; i++) ticks.push(Number((i * step).toPrecision(10)));
  return { low: ticks[0], high: ticks[ticks.length - 1], ticks };
}

/** Controls near enough to the methods' values not to squeeze them on an axis, and the others. */
export function nearAndFar(controls, values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const reach = 0.8 * Math.max(high - low, 0.05 * Math.abs(high));
  const near = controls.filter(({ value }) => value >= low - reach && value <= high + reach);
  return { near, far: controls.filter((each) => !near.includes(each)) };
}

/** Powers of ten, with 2 and 5 between them where there are few: {low, high, ticks}, all logarithms. */
export function logTicks(values) {
  const low = Math.log10(Math.min(...values)) - 0.08;
  const high = Math.log10(Math.max(...values)) + 0.08;
  const inner = high - low > 3 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    for (const each of inner) {
      const tick = power + Math.log10(each);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return { low, high, ticks };
}

/** Move labels apart: places in ascending order, at least `gap` between neighbours, none beyond `most`. */
export function spread(places, gap, most) {
  const out = [...places];
  for (let i = 1; i < out.length; i++) out[i] = Math.max(out[i], out[i - 1] + gap);
  if (out.length && out[out.length - 1] > most) {
    out[out.length - 1] = most;
    for (let i = out.length - 2; i >= 0; i--) out[i] = Math.min(out[i], out[i + 1] - gap);
  }
  return out;
}

/** A text cut to what fits. */
export function fitted(text, width, perLetter = 7) {
  const most = Math.max(Math.floor(width / perLetter), 3);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
