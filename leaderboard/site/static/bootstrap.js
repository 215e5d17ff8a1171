// The paired cluster bootstrap of benchmark.statistics, drawn here with a fixed seed: subjects are resampled.

/** Uniform numbers in [0, 1) from a 32-bit seed (mulberry32, public domain). */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Class-macro mean and its 95 % percentile interval over resampled subjects.
 * @param {number[]} values @param {string[]} categories @param {string[]} subjects all of one length
 * @returns {{value: number, low: number|null, high: number|null}} without an interval for fewer than two subjects
 */
export function clusterBootstrap(values, categories, subjects, draws = 2000, seed = 1) {
  const [category, categoryCount] = numbered(categories);
  const [subject, subjectCount] = numbered(subjects);
  const sums = new Float64Array(subjectCount * categoryCount);
  const counts = new Float64Array(subjectCount * categoryCount);
  values.forEach((value, i) => {
    const at = subject[i] * categoryCount + category[i];
    sums[at] += value;
    counts[at] += 1;
  });
  const macro = (weights) => {
    let total = 0;
    let present = 0;
    for (let c = 0; c < categoryCount; c++) {
      let sum = 0;
      let count = 0;
      for (let s = 0; s < subjectCount; s++) {
        sum += weights[s] * sums[s * categoryCount + c];
        count += weights[s] * counts[s * categoryCount + c];
      }
      if (count) {
        total += sum / count;
        present += 1;
      }
    }
    return total / present;
  };
  const value = macro(new Float64Array(subjectCount).fill(1));
  if (subjectCount < 2) return { value, low: null, high: null };
  const next = uniform(seed);
  const drawn = new Float64Array(draws);
  for (let d = 0; d < draws; d++) {
    const weights = new Float64Array(subjectCount);
    for (let s = 0; s < subjectCount; s++) weights[Math.floor(next() * subjectCount)] += 1;
    drawn[d] = macro(weights);
  }
  drawn.sort();
  return { value, low: percentile(drawn, 0.025), high: percentile(drawn, 0.975) };
}

function numbered(names) {
  const places = new Map();
  const index = names.map((name) => {
    if (!places.has(name)) places.set(name, places.size);
    return places.get(name);
  });
  return [index, places.size];
}

function percentile(sorted, fraction) {
  const place = fraction * (sorted.length - 1);
  const low = Math.floor(place);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (place - low);
}
