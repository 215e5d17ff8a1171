// The case page: the observation, the truth and any chosen methods side by side, turned by one camera; slices above them.

import {} from "./common.js";
import { Camera } from "./camera.js";
import { canDecode } from "./decode.js";
import { $, $$, make } from "./dom.js";
import { SliceBoard } from "./slices.js";
import { Stage } from "./stage.js";
import { load, readHash, writeHash } from "./store.js";

const MOST = 12; // surfaces at once; more would only be small

async function start(viewer) {
  const { data, name } = viewer.dataset;
  const camera = new Camera();
  const scene = await load(`${data}/scene`);
  const board = scene.slices ? new SliceBoard($("#slices"), scene.slices, name) : null;
  const stage = startStage(camera, board);
  const views = $("#views");
  const shown = new Map(); // key of a method -> its figure, canvas and layers

  const figure = (kind, title, scores, note) => {
    const canvas = make("canvas", { tabindex: "0", role: "img", "aria-label": `3D view, ${title} of ${name}; arrow keys turn it` });
    const nothing = make("p", { class: "nothing", hidden: true });
    const caption = make("figcaption", {}, make("div", { class: "title", text: title }));
    if (scores.length) caption.append(make("dl", { class: "scores" }, ...scores.flatMap(([n, v]) => [make("dt", { text: n }), make("dd", { text: v })])));
    const words = make("p", { class: "note", text: note });
    caption.append(words);
    const element = make("figure", { class: `view ${kind}` }, make("div", { class: "well" }, canvas, nothing), caption);
    return { element, canvas, nothing, words };
  };
  const fixed = [["observation", "Observation", scene.note], ["truth", "Truth", ""]].filter(([kind]) => scene.layers[kind]).map(([kind, title, note]) => {
    const each = figure(kind, title, [], note);
    views.append(each.element);
    stage?.add(each.canvas, scene, scene.layers[kind]);
    if (!scene.layers[kind].length) show(each, "nothing to draw");
    return each;
  });

  function show(each, nothing) {
    each.canvas.hidden = Boolean(nothing);
    each.nothing.hidden = !nothing;
    each.nothing.textContent = nothing;
  }

  const paint = $("#paint");
  const layers = (each) => each.layers.map((layer) => (paint.value === "error" ? { ...layer, paint: "error" } : layer));
  const headings = $$("#case-scores thead th").slice(2, 2 + Number(viewer.dataset.under)).map((th) => th.textContent.trim());

  async function add(row) {
    const key = row.dataset.method;
    if (!shown.has(key)) {
      const scores = headings.map((title, i) => [title, row.cells[2 + i].textContent.trim()]);
      const each = { ...figure("prediction", $(".name", row).textContent, scores, ""), layers: [] };
      shown.set(key, each);
      views.insertBefore(each.element, fixed.at(-1).element);
      stage?.add(each.canvas, scene, []);
      const coming = load(`${data}/${key}`);
      // Outlines of one method at first: those of several hide each other.
      board?.add(key, $(".name", row).textContent, coming.then((found) => found.labels, () => undefined), shown.size === 1);
      try {
        const failed = $(".bad", row)?.textContent;
        const found = await coming;
        for (const [mesh, packed] of Object.entries(found.meshes)) scene.meshes[`${key}/${mesh}`] = packed;
        each.layers = found.layers.map((layer) => ({ ...layer, mesh: `${key}/${layer.mesh}` }));
        const drawn = each.layers.length > 0, { note } = found;
        each.words.textContent = [drawn && note, failed].filter(Boolean).join("; ");
        if (drawn) stage?.setLayers(each.canvas, layers(each));
        else show(each, note);
      } catch (error) {
        show(each, error.message);
      }
    }
    shown.get(key).element.hidden = false;
    board?.offer(key, true);
  }

  const rows = $$("#case-scores tbody tr");
  const box = (row) => $("input", row);
  const keep = () => {
    const methods = rows.filter((row) => box(row).checked).map((row) => row.dataset.method).join(" ");
    writeHash({ methods: methods === viewer.dataset.first ? "" : methods || "none", colour: paint.value === "error" ? "" : paint.value });
    for (const link of $$(".steps a")) link.hash = location.hash;
    const full = rows.filter((row) => box(row).checked).length >= MOST;
    for (const row of rows) box(row).disabled = full && !box(row).checked;
  };
  for (const row of rows) {
    box(row).addEventListener("change", () => {
      if (box(row).checked) add(row);
      else {
        shown.get(row.dataset.method).element.hidden = true;
        board?.offer(row.dataset.method, false);
      }
      keep();
    });
  }
  const repaint = () => {
    for (const each of shown.values()) if (each.layers.length) stage?.setLayers(each.canvas, layers(each));
    $("#ramp").hidden = paint.value !== "error";
    keep();
  };
  const asked = readHash();
  if (asked.get("colour") === "bone") paint.value = "bone";
  const first = (asked.get("methods") ?? viewer.dataset.first).split(" ").slice(0, MOST);
  for (const row of rows) {
    box(row).checked = first.includes(row.dataset.method);
    if (box(row).checked) add(row);
  }
  paint.addEventListener("change", repaint);
  repaint();
  for (const button of $$("[data-preset]")) button.addEventListener("click", () => camera.look(button.dataset.preset));
  $("#reset").addEventListener("click", () => camera.reset());
  document.addEventListener("genmed-theme", () => {
    stage?.repaint();
    board?.repaint();
  });
  document.documentElement.dataset.viewer = stage ? "webgl" : "slices";
}

/** What draws surfaces; where it cannot, slices do without. */
function startStage(camera, board) {
  try {
    return new Stage(camera);
  } catch (error) {
    if (!board) throw error;
    say(error);
    $("#views").hidden = true;
    return null;
  }
}

function say(error) {
  $(".no-viewer").hidden = false;
  $(".reason").textContent = error.message;
}

async function startOrSay(viewer) {
  try {
    if (!canDecode()) throw new Error("this browser is too old (no DecompressionStream)");
    await start(viewer);
  } catch (error) {
    document.documentElement.dataset.viewer = "none";
    say(error);
    $("#views").hidden = true;
    for (const each of $$("#case-scores input")) each.disabled = true;
  }
}

startOrSay($("#viewer"));
