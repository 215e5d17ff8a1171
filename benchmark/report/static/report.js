// Starts the report: tables and picker always, pictures where the browser can draw them.

import { Camera } from "./camera.js";
import { canDecode } from "./decode.js";
import { makePicker } from "./picker.js";
import { SliceBoard } from "./slices.js";
import { Stage } from "./stage.js";
import { filterRows, makeSortable } from "./tables.js";
import { makeTheme } from "./theme.js";

const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const $ = (selector, root = document) => root.querySelector(selector);

function start() {
  for (const table of $$("table.sortable")) makeSortable(table);
  const filter = $("#filter-cases");
  const body = $("#all-cases tbody");
  filter?.addEventListener("input", () => filterRows(body, filter.value, $("#filter-count")));
  const camera = new Camera();
  const scenes = new Map($$(".case").map((row) => [row, JSON.parse($("script[type='application/json']", row).textContent)]));
  const boards = canDecode() ? startSlices(scenes) : [];
  const stage = startStage(camera, scenes);
  makeTheme($("#theme"), () => {
    stage?.repaint();
    for (const board of boards) board.repaint();
  });
  if (!$("#viewer")) return;
  const picker = makePicker($("#viewer"));
  for (const button of $$("[data-show-case]")) {
    button.addEventListener("click", () => {
      picker.show(button.dataset.showCase);
      $("#viewer").scrollIntoView();
    });
  }
  startMethods(boards);
  if (stage) startControls(camera, stage, scenes);
}

function startSlices(scenes) {
  const drawn = [...scenes].filter(([, scene]) => scene.slices);
  return drawn.map(([row, scene]) => {
    const board = new SliceBoard($(".slices", row), scene.slices, row.dataset.name);
    const focus = $(".view.focus", row)?.dataset.method; // one prediction at first: outlines of several hide each other
    for (const [method, labels] of scene.labels) board.add(method, method, labels, method === focus);
    return board;
  });
}

function startMethods(boards) {
  for (const box of $$("[data-toggle-method]")) {
    box.addEventListener("change", () => {
      const method = box.dataset.toggleMethod;
      for (const view of $$(`.view[data-method="${CSS.escape(method)}"]`)) view.hidden = !box.checked;
      for (const board of boards) board.show(method, box.checked);
    });
  }
}

function startStage(camera, scenes) {
  try {
    if (!canDecode()) throw new Error("this browser is too old (no DecompressionStream)");
    const stage = new Stage(camera);
    for (const [row, scene] of scenes) {
      for (const canvas of $$(".view canvas", row)) stage.add(canvas, scene, scene.views[canvas.dataset.view]);
    }
    document.documentElement.dataset.viewer = "webgl";
    return stage;
  } catch (error) {
    document.documentElement.dataset.viewer = "none";
    for (const note of $$(".no-viewer")) {
      note.hidden = false;
      $(".reason", note).textContent = error.message;
    }
    return null;
  }
}

function startControls(camera, stage, scenes) {
  for (const button of $$("[data-preset]")) {
    button.addEventListener("click", () => camera.look(button.dataset.preset));
  }
  $("#reset").addEventListener("click", () => camera.reset());
  const errorOf = $("#error-of");
  errorOf?.addEventListener("change", () => {
    for (const view of $$(".view.error")) {
      const row = view.closest(".case");
      const canvas = $(`.view[data-method="${CSS.escape(errorOf.value)}"] canvas`, row);
      const layers = canvas ? scenes.get(row).views[canvas.dataset.view] : [];
      const drawn = stage.setLayers($("canvas", view), layers.map((layer) => ({ ...layer, paint: "error" })));
      $(".nothing", view).hidden = drawn;
      $(".error-method", view).textContent = errorOf.selectedOptions[0].textContent;
    }
  });
  const spin = $("#spin");
  let last = 0;
  const turn = (now) => {
    if (spin.getAttribute("aria-pressed") !== "true") return;
    if (last) camera.orbit(-(now - last) * 0.0005, 0);
    last = now;
    requestAnimationFrame(turn);
  };
  spin.addEventListener("click", () => {
    spin.setAttribute("aria-pressed", String(spin.getAttribute("aria-pressed") !== "true"));
    last = 0;
    requestAnimationFrame(turn);
  });
}

start();
