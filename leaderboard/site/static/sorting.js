// Tables whose heading cells hold a button sort by that column: numbers by `data-value`, texts by locale.

/** @param {HTMLTableElement} table @param {() => void} sorted called after rows have moved */
export function makeSortable(table, sorted = () => {}) {
  const headers = [...table.tHead.rows[0].cells];
  for (const header of headers) {
    header.querySelector("button")?.addEventListener("click", () => {
      const other = { ascending: "descending", descending: "ascending" };
      sortBy(table, header, other[header.getAttribute("aria-sort")] ?? header.dataset.first ?? "ascending");
      sorted();
    });
  }
}

/** Sort by the heading that is marked, e.g. after values have changed. */
export function sortAgain(table) {
  const header = table.querySelector("th[aria-sort]");
  if (header) sortBy(table, header, header.getAttribute("aria-sort"));
}

export function sortBy(table, header, direction) {
  for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction);
  const sign = direction === "descending" ? -1 : 1;
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => ({ row, key: keyOf(row.cells[header.cellIndex]) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null); // without a value: last, always
    return sign * (typeof a.key === "number" ? a.key - b.key : a.key.localeCompare(b.key));
  });
  body.append(...keyed.map(({ row }) => row));
}

function keyOf(cell) {
  if (!("value" in cell.dataset)) return cell.textContent.trim();
  return cell.dataset.value === "" ? null : Number(cell.dataset.value);
}

/** Show only the elements whose text has all the words, and say how many. */
export function filterAll(elements, words, counter) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const element of elements) {
    const text = element.textContent.toLowerCase();
    element.hidden = !wanted.every((word) => text.includes(word));
    shown += !element.hidden;
  }
  counter.textContent = `${shown} of ${elements.length}`;
}
