// The task page: the table's filters, the values of a category or origin, and the plots that follow them.

import { costChart } from "./costchart.js";
import { $, $$, make } from "./dom.js";
import { written } from "./numbers.js";
import { rankChart } from "./rankchart.js";
import { makeSortable, sortAgain } from "./sorting.js";
import { load } from "./store.js";

/** @param {HTMLElement} section */
export function startRanking(section) {
  const table = $("#ranking", section);
  const rows = [...table.tBodies[0].rows];
  const headers = $$("thead th", table);
  const texts = new Map(rows.map((row) => [row, row.cells[1].textContent.toLowerCase()]));
  const measured = headers.filter((header) => header.dataset.column !== undefined);
  const place = (name) => headers.findIndex((header) => header.dataset.name === name);
  const whole = new Map(); // cell -> what it says of the whole task
  let wanted = 0;

  const filter = () => {
    const words = $("#words").value.toLowerCase().split(/\s+/).filter(Boolean);
    const tier = $("#tier").value;
    const controls = $("#controls")?.checked ?? true;
    let shown = 0;
    for (const row of rows) {
      const control = "control" in row.dataset;
      row.hidden = !words.every((word) => texts.get(row).includes(word)) || (tier && row.dataset.tier !== tier) || (control && !controls);
      shown += !row.hidden;
    }
    $("#count").textContent = `${shown} of ${rows.length}`;
    plot();
  };

  const showGroup = async (select) => {
    for (const other of $$("select.group")) if (other !== select) other.value = "";
    const turn = ++wanted;
    const note = $("#group-note");
    let values = null;
    if (select.value) {
      try {
        values = await load(`${section.dataset.task}/${select.dataset.kind}/${select.value}`);
      } catch (error) {
        note.textContent = error.message;
        note.hidden = false;
        select.value = "";
      }
    }
    if (turn !== wanted) return;
    rows.forEach((row, line) => measured.forEach((header, column) => {
      setCell(row.cells[header.cellIndex], values && values[line][column], header.dataset.style, values !== null);
    }));
    if (values) note.textContent = `Values are means over ${select.dataset.kind} “${select.selectedOptions[0].textContent}”. Places and plots are of the whole task.`;
    if (values || !select.value) note.hidden = !values;
    sortAgain(table);
  };

  const setCell = (cell, value, style, grouped) => {
    if (!whole.has(cell)) whole.set(cell, { nodes: [...cell.childNodes], value: cell.dataset.value });
    const before = whole.get(cell);
    if (grouped) cell.textContent = written(style, value);
    else cell.replaceChildren(...before.nodes);
    cell.dataset.value = grouped ? value ?? "" : before.value;
  };

  const note = (text) => make("p", { class: "note", text });
  const number = (text) => (text === undefined || text === "" ? null : Number(text));
  const valueCell = (row) => row.cells[measured[0].cellIndex];
  const wholeValue = (row) => number(whole.get(valueCell(row))?.value ?? valueCell(row).dataset.value);
  const nameOf = (row) => ($("a", row.cells[1]) ?? row.cells[1]).textContent.trim();

  const plot = () => {
    if (!measured.length) return;
    const shown = rows.filter((row) => !row.hidden && wholeValue(row) !== null);
    const headline = { title: measured[0].textContent.split(/[▲▼]/)[0].trim(), style: measured[0].dataset.style,
      higher: measured[0].dataset.first === "descending" };
    const controls = shown.filter((row) => "control" in row.dataset).map((row) => ({ name: nameOf(row), value: wholeValue(row) }));
    const lines = shown.filter((row) => !("control" in row.dataset));
    const ranked = lines.filter((row) => number(row.cells[0].dataset.value) !== null).map((row) => ({
      name: nameOf(row), value: wholeValue(row), low: number(valueCell(row).dataset.low), high: number(valueCell(row).dataset.high),
      rankLow: number(row.cells[0].dataset.value), rankHigh: number(row.cells[0].dataset.high) }));
    ranked.sort((a, b) => a.rankLow - b.rankLow || a.rankHigh - b.rankHigh || (headline.higher ? b.value - a.value : a.value - b.value));
    const beside = (far) => (far.length ? [note(`Beyond the axis: ${far.map((each) => `${each.name} ${written(headline.style, each.value)}`).join(", ")}.`)] : []);
    put($("[data-chart=ranks]"), ranked.length, (width) => {
      const { svg, far, more } = rankChart(width, ranked, controls, headline);
      const rest = more > 0 ? [note(`The first ${ranked.length - more} of ${ranked.length}; filter the table to see others.`)] : [];
      return [svg, ...beside(far), ...rest];
    });
    const axis = $("#cost-axis");
    if (!axis) return;
    const at = place(axis.value);
    const points = lines.map((row) => ({ name: nameOf(row), value: wholeValue(row), cost: number(row.cells[at].dataset.value),
      ranked: number(row.cells[0].dataset.value) !== null }))
      .filter((each) => each.cost > 0);
    put($("[data-chart=cost]"), points.length, (width) => {
      const { svg, far } = costChart(width, points, controls, headline, axis.selectedOptions[0].textContent);
      return [svg, ...beside(far)];
    });
  };

  const put = (chart, count, drawn) => {
    if (!chart) return;
    const width = Math.floor(chart.clientWidth);
    if (count && width) chart.replaceChildren(...drawn(width));
    else chart.replaceChildren(make("p", { class: "soft", text: "Nothing to draw: no ranked method is shown." }));
  };

  makeSortable(table);
  $("#words").addEventListener("input", filter);
  for (const each of [$("#tier"), $("#controls")]) each?.addEventListener("change", filter);
  for (const select of $$("select.group")) select.addEventListener("change", () => showGroup(select));
  $("#cost-axis")?.addEventListener("change", plot);
  $("#all-columns").addEventListener("click", (event) => {
    const all = event.currentTarget.getAttribute("aria-pressed") !== "true";
    event.currentTarget.setAttribute("aria-pressed", String(all));
    table.classList.toggle("all", all);
  });
  let width = 0;
  const charts = $("[data-chart]");
  if (charts) new ResizeObserver(() => {
    if (charts.clientWidth === width) return;
    width = charts.clientWidth;
    plot();
  }).observe(charts);
}
