// Tables whose header cells hold a button sort by that column; numbers by `data-value`, text by locale.

export function makeSortable(table) {
  const buttons = [...table.tHead.querySelectorAll("th button")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const header = button.closest("th");
      const direction = header.getAttribute("aria-sort") === "descending" ? "ascending" : "descending";
      for (const other of buttons) other.closest("th").removeAttribute("aria-sort");
      header.setAttribute("aria-sort", direction);
      sortRows(table.tBodies[0], header.cellIndex, direction === "descending" ? -1 : 1);
    });
  }
}

function sortRows(body, column, sign) {
  const keyed = [...body.rows].map((row) => ({ row, key: keyOf(row.cells[column]) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null); // unscored last, always
    return sign * (typeof a.key === "number" ? a.key - b.key : a.key.localeCompare(b.key));
  });
  body.append(...keyed.map(({ row }) => row));
}

function keyOf(cell) {
  if (!("value" in cell.dataset)) return cell.textContent.trim();
  return cell.dataset.value === "" ? null : Number(cell.dataset.value);
}

/** Show only rows whose text contains `words`, and say how many. */
export function filterRows(body, words, counter) {
  const wanted = words.trim().toLowerCase();
  let shown = 0;
  for (const row of body.rows) {
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
    shown += !row.hidden;
  }
  counter.textContent = `${shown} of ${body.rows.length}`;
}
