// Starts the page: sorting, filters, light and dark.

import { filterRows, makeSortable } from "./tables.js";
import { makeTheme } from "./theme.js";

function start() {
  const at = (id) => document.getElementById(id);
  for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
  const filter = at("filter-categories");
  filter.addEventListener("input", () => filterRows(at("categories").tBodies[0], filter.value, at("filter-count")));
  const search = at("filter-gallery");
  search.addEventListener("input", () => filterKinds([...document.querySelectorAll(".kind")], search.value, at("gallery-count")));
  makeTheme(at("theme"), () => {});
}

function filterKinds(kinds, words, counter) {
  const wanted = words.trim().toLowerCase().replaceAll("_", " ");
  for (const kind of kinds) kind.hidden = !kind.querySelector("h3").textContent.toLowerCase().includes(wanted);
  counter.textContent = `${kinds.filter((kind) => !kind.hidden).length} of ${kinds.length}`;
}

start();
