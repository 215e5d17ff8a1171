// What every page has: the theme, tables that sort and filter, commands to copy.

import { $, $$ } from "./dom.js";
import { filterAll, makeSortable } from "./sorting.js";
import { makeTheme } from "./theme.js";

makeTheme($("#theme"), () => document.dispatchEvent(new Event("genmed-theme")));
for (const table of $$("table.sortable")) makeSortable(table);
for (const field of $$("[data-filter]")) {
  const what = document.getElementById(field.dataset.filter);
  const elements = [...(what.tBodies ? what.tBodies[0].rows : what.children)];
  field.addEventListener("input", () => filterAll(elements, field.value, document.getElementById(`${what.id}-count`)));
}
for (const button of $$("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const said = $("#copied");
    try {
      await navigator.clipboard.writeText($("code", button.parentElement).textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "This browser does not allow copying here; select the text instead.";
    }
    said.classList.remove("unseen");
  });
}
