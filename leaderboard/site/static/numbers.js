// The same digits as leaderboard/site/ranking.py. A style is "number", or the digits of a metric: ".3f", ".3g".

export function written(style, value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (style !== "number") return digitsOf(Number.parseInt(style.slice(1), 10), style.endsWith("f"), value);
  const size = Math.abs(value);
  if (size >= 1e9 || (size > 0 && size < 1e-4)) return value.toExponential(2).replace(/e([+-])(\d)$/, "e$10$2");
  if (size >= 100) return (value + 1e-9).toFixed(0);
  return value.toFixed(2 - (size ? Math.floor(Math.log10(size)) : 0));
}

function digitsOf(digits, fixed, value) {
  if (fixed) return value.toFixed(digits);
  if (Math.abs(value) >= 100) return halfToEven(value);
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential(digits - 1).split("e").map(Number);
  if (power >= -4) return String(Number(value.toPrecision(digits)));
  return `${mantissa}e-${String(-power).padStart(2, "0")}`;
}

function halfToEven(value) {
  const whole = Math.floor(value);
  return value - whole === 0.5 ? String(whole % 2 ? whole + 1 : whole) : value.toFixed(0);
}

/** With a sign, for differences. */
export function signedText(style, value) {
  if (value === null || !Number.isFinite(value)) return "–";
  return (value < 0 ? "−" : "+") + written(style, Math.abs(value));
}
