// The same digits as leaderboard/site/numbers.py.

export function written(style, value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (style === "fraction") return value.toFixed(3);
  const size = Math.abs(value);
  if (size >= 1e9 || (size > 0 && size < 1e-4)) return value.toExponential(2).replace(/e([+-])(\d)$/, "e$10$2");
  if (size >= 100) return (value + 1e-9).toFixed(0);
  return value.toFixed(2 - (size ? Math.floor(Math.log10(size)) : 0));
}

/** With a sign, for differences. */
export function signedText(style, value) {
  if (value === null || !Number.isFinite(value)) return "–";
  return (value < 0 ? "−" : "+") + written(style, Math.abs(value));
}
