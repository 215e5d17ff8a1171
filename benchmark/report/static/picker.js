// Which case rows are shown, and in what order.

/** @param {HTMLElement} root section holding the controls, the chips and the rows */
export function makePicker(root) {
  const rows = [...root.querySelectorAll(".case")];
  const chips = new Map([...root.querySelectorAll(".chip")].map((chip) => [chip.dataset.case, chip]));
  const list = root.querySelector(".cases");
  const strip = root.querySelector(".chips");
  const [search, category, order] = ["search", "category", "order"].map((name) => root.querySelector(`[name=${name}]`));
  const all = root.querySelector(".show-all");
  const count = root.querySelector(".case-count");
  const chosen = new Set(); // empty: everything that matches

  const update = () => {
    const words = search.value.trim().toLowerCase();
    const sorted = [...rows].sort(comparison(order.value));
    let shown = 0;
    for (const row of sorted) {
      const chip = chips.get(row.dataset.case);
      const text = `${row.dataset.name} ${row.dataset.category} ${row.dataset.subject}`.toLowerCase();
      const matches = text.includes(words) && (!category.value || row.dataset.category === category.value);
      chip.hidden = !matches;
      row.hidden = !matches || (chosen.size > 0 && !chosen.has(row.dataset.case));
      chip.setAttribute("aria-pressed", String(chosen.has(row.dataset.case)));
      shown += !row.hidden;
      list.append(row);
      strip.append(chip);
    }
    all.setAttribute("aria-pressed", String(chosen.size === 0));
    count.textContent = `${shown} of ${rows.length} shown`;
  };

  for (const [name, chip] of chips) {
    chip.addEventListener("click", (event) => {
      const several = event.shiftKey || event.ctrlKey || event.metaKey;
      const had = chosen.has(name);
      if (!several) chosen.clear();
      if (had) chosen.delete(name);
      else chosen.add(name);
      update();
    });
  }
  all.addEventListener("click", () => {
    chosen.clear();
    update();
  });
  search.addEventListener("input", update);
  for (const choice of [category, order]) choice.addEventListener("change", update);
  update();
  return {
    show(name) {
      search.value = category.value = "";
      chosen.clear();
      chosen.add(name);
      update();
    },
  };
}

function comparison(order) {
  if (order === "name") return (a, b) => a.dataset.name.localeCompare(b.dataset.name);
  const sign = order === "worst" ? 1 : -1;
  const value = (row) => (row.dataset.goodness === "" ? -Infinity : Number(row.dataset.goodness));
  return (a, b) => sign * (value(a) - value(b)) || a.dataset.name.localeCompare(b.dataset.name);
}
