// Two methods of one table, case by case. The choice is kept in the address after #.

import {} from "./common.js";
import { clusterBootstrap } from "./bootstrap.js";
import { differenceChart } from "./diffchart.js";
import { $, $$, make } from "./dom.js";
import { signedText, written } from "./numbers.js";
import { sortAgain } from "./sorting.js";
import { load, readHash, writeHash } from "./store.js";

const EXTREMES = 5;
const [table, first, second, metric] = ["#table", "#a", "#b", "#metric"].map((name) => $(name));
let turn = 0;

function options(select, choices, chosen) {
  select.replaceChildren(...choices.map(([value, text]) => make("option", { value, text })));
  if (choices.some(([value]) => value === chosen)) select.value = chosen;
}

async function choose(asked) {
  const now = ++turn;
  const about = await load(`${table.value}/cases`);
  if (now !== turn) return;
  const counts = new Map();
  for (const each of about.methods) counts.set(each.name, (counts.get(each.name) ?? 0) + 1);
  const label = (each) => `${each.name}${counts.get(each.name) > 1 ? ` (${each.key.slice(-8)})` : ""}${each.control ? " (control)" : ""}`;
  const choices = about.methods.map((each) => [each.key, label(each)]);
  options(first, choices, asked.a ?? choices[0]?.[0]);
  options(second, choices, asked.b ?? choices[1]?.[0]);
  options(metric, about.columns.map((column, i) => [String(i), column.title]), asked.metric ?? "0");
  await update();
}

async function update() {
  const now = ++turn;
  if (!first.value || !second.value) throw new Error("This table has no two methods to compare.");
  const [about, a, b] = await Promise.all([load(`${table.value}/cases`),
    ...[first, second].map((select) => load(`${table.value}/rows/${select.value}`))]);
  if (now !== turn) return;
  writeHash({ table: table.value, a: first.value, b: second.value, metric: metric.value === "0" ? "" : metric.value });
  const names = [first, second].map((select) => select.selectedOptions[0].textContent);
  const all = about.columns.map((column, i) => paired(about, a, b, i, column));
  showMeasures(about, all, names);
  showCases(about, all[Number(metric.value)], about.columns[Number(metric.value)], [a, b]);
  $("#problem").hidden = true;
  $("#result").hidden = false;
  drawBars();
}

/** The cases both have a value of, with means, the difference and its interval. */
function paired(about, a, b, column, { higher }) {
  const cases = about.cases.map(([id, category, subject, origin, page], i) => ({ id, category, subject, origin, page, at: i,
    a: a.values[column][i], b: b.values[column][i] })).filter((each) => each.a !== null && each.b !== null);
  for (const each of cases) {
    each.difference = each.a - each.b;
    each.gain = higher ? each.difference : -each.difference;
  }
  if (!cases.length) return { cases };
  const [categories, subjects] = ["category", "subject"].map((name) => cases.map((each) => each[name]));
  const over = (name, draws) => clusterBootstrap(cases.map((each) => each[name]), categories, subjects, draws);
  return { cases, a: over("a", 0).value, b: over("b", 0).value, difference: over("difference", 2000) };
}

function reading({ low, high }, higher) {
  if (low === null) return "too few subjects";
  if (low <= 0 && high >= 0) return "not told apart";
  if (higher === null) return "different; nobody here knows which is better";
  return (low > 0) === higher ? "A is better" : "B is better";
}

function inWords(read, names) {
  const words = { "A is better": `${names[0]} is better`, "B is better": `${names[1]} is better`,
    "not told apart": "the two are not told apart", "too few subjects": "too few subjects to tell" };
  return words[read] ?? read;
}

function showMeasures(about, all, names) {
  const body = $("#measures tbody");
  body.replaceChildren(...about.columns.map((column, i) => {
    const found = all[i];
    if (!found.cases.length) return make("tr", {}, make("td", { text: column.title }), make("td", { colspan: 4, text: "no case with both" }));
    const { difference } = found;
    const cell = make("td", { text: `${signedText(column.style, difference.value)} ` });
    if (difference.low !== null) cell.append(make("span", { class: "interval", text: `[${signedText(column.style, difference.low)}, ${signedText(column.style, difference.high)}]` }));
    return make("tr", { class: i === Number(metric.value) ? "focus" : null }, make("td", { class: "wrap", text: column.title }), make("td", { text: written(column.style, found.a) }),
      make("td", { text: written(column.style, found.b) }), cell, make("td", { class: "left wrap", text: reading(difference, column.higher) }));
  }));
  const column = about.columns[Number(metric.value)];
  const found = all[Number(metric.value)];
  const better = found.cases.filter((each) => each.gain > 0).length;
  const worse = found.cases.filter((each) => each.gain < 0).length;
  $("#verdict-title").textContent = `${names[0]} and ${names[1]}`;
  $("#verdict").textContent = found.cases.length
    ? `${column.title}: ${inWords(reading(found.difference, column.higher), names)}. ` +
      `Of ${counted(found.cases)} A is better on ${better}, B on ${worse}.`
    : "They have no case in common.";
}

/** How many cases, and in how many categories of them where one has several. */
function counted(pairs) {
  const cases = new Set(pairs.map((each) => each.id)).size;
  return cases === pairs.length ? `${cases} cases` : `${pairs.length} categories in ${cases} cases`;
}

let drawn = null;

function drawBars() {
  const chart = $("#differences");
  const width = Math.floor(chart.clientWidth);
  if (!drawn || !width) return;
  chart.replaceChildren(drawn.cases.length ? differenceChart(width, drawn.cases, drawn.column) : make("p", { class: "soft", text: "Nothing to draw." }));
}

function caseLink({ id, page }, name) {
  const words = name ?? id;
  if (!page) return make("span", { text: words });
  return make("a", { href: `cases/${table.value}/${page}.html#methods=${first.value}+${second.value}`, text: words });
}

function showCases(about, found, column, [a, b]) {
  const sorted = [...found.cases].sort((x, y) => x.gain - y.gain || x.at - y.at);
  drawn = { column, cases: sorted.map((each) => ({ ...each, name: each.id })) };
  const failed = [a, b].map((each) => new Map(each.failed));
  const extreme = (cases) => cases.map((each) => make("li", {}, caseLink(each), make("span", {
    text: ` ${signedText(column.style, each.difference)} ` }), make("span", { class: "soft", text: each.category.replaceAll("_", " ") })));
  $("#best").replaceChildren(...extreme(sorted.filter((each) => each.gain > 0).reverse().slice(0, EXTREMES)));
  $("#worst").replaceChildren(...extreme(sorted.filter((each) => each.gain < 0).slice(0, EXTREMES)));
  for (const list of $$("#best, #worst")) if (!list.children.length) list.replaceChildren(make("li", { class: "soft", text: "on no case" }));
  const value = (number, place, which) => make("td", { "data-value": number, text: written(column.style, number),
    class: failed[which].has(place) ? "bad" : null, title: failed[which].get(place) ?? null });
  $("#every tbody").replaceChildren(...sorted.toReversed().map((each) => make("tr", {},
    make("td", {}, caseLink(each)), make("td", { class: "left extra", text: each.category.replaceAll("_", " ") }),
    make("td", { class: "left extra", text: each.subject }), value(each.a, each.at, 0), value(each.b, each.at, 1),
    make("td", { "data-value": each.difference, text: signedText(column.style, each.difference) }))));
  sortAgain($("#every"));
}

function say(error) {
  $("#problem").textContent = error.message;
  $("#problem").hidden = false;
  $("#result").hidden = true;
}

function fromHash() {
  const asked = Object.fromEntries(readHash());
  if ([...table.options].some((each) => each.value === asked.table)) table.value = asked.table;
  choose(asked).catch(say);
}

table.addEventListener("change", () => choose({}).catch(say));
for (const select of [first, second, metric]) select.addEventListener("change", () => update().catch(say));
$("#swap").addEventListener("click", () => {
  [first.value, second.value] = [second.value, first.value];
  update().catch(say);
});
window.addEventListener("hashchange", fromHash);
new ResizeObserver(drawBars).observe($("#differences"));
if (table.value) fromHash();
else say(new Error("There are no tables yet."));
