// Starts the report: tables and picker always, pictures where the browser can draw them.

import { Camera } from "./camera.js";
import { canDecode } from "./decode.js";
import { makePicker } from "./picker.js";
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
  const stage = startStage(camera);
  makeTheme($("#theme"), () => stage?.repaint());
  if (!$("#viewer")) return;
  const picker = makePicker($("#viewer"));
  for (const button of $$("[data-show-case]")) {
    button.addEventListener("click", () => {
      picker.show(button.dataset.showCase);
      $("#viewer").scrollIntoView();
    });
  }
  if (stage) startControls(camera, stage);
}

function startStage(camera) {
  try {
    if (!canDecode()) throw new Error("this browser is too old (no DecompressionStream)");
    const stage = new Stage(camera);
    for (const row of $$(".case")) {
      const scene = JSON.parse($("script[type='application/json']", row).textContent);
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

function startControls(camera, stage) {
  for (const button of $$("[data-preset]")) {
    button.addEventListener("click", () => camera.look(button.dataset.preset));
  }
  $("#reset").addEventListener("click", () => camera.reset());
  for (const box of $$("[data-toggle-method]")) {
    box.addEventListener("change", () => {
      for (const view of $$(`.view[data-method="${CSS.escape(box.dataset.toggleMethod)}"]`)) view.hidden = !box.checked;
    });
  }
  const errorOf = $("#error-of");
  errorOf?.addEventListener("change", () => {
    for (const view of $$(".view.error")) {
      const mesh = `prediction-${errorOf.value}`;
      const drawn = stage.setLayers($("canvas", view), [{ mesh, paint: "error", style: "surface" }]);
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
