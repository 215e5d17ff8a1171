// Three linked slices of one case: one crosshair, one window, outlines of the truth and of predictions that can be chosen.
// Everything on the page is made as elements and text, so no name can become markup.

import { element, slider } from "./elements.js";
import { paletteFor } from "./palette.js";
import { DASHES, drawSlice, frame } from "./slicepicture.js";
import { decodeImage, decodeLabels, flat, greyAt, PLANES, voxelAt } from "./volumes.js";

const STRUCTURE_PAINTS = 10;
const BIG_STEP = 5;

export class SliceBoard {
  /**
   * @param {HTMLElement} root an empty element
   * @param {object} record of `Slices.data`
   * @param {string} name of the case, for labels
   */
  constructor(root, record, name) {
    Object.assign(this, { root, record, name, at: [...record.start], maps: new Map(), pending: 0 });
    this.window = { ...(record.image?.windows[0] ?? { low: 0, high: 1 }) };
    this.structures = new Set(record.structures.map((_, index) => index + 1));
    this.views = Object.entries(PLANES).map(([title, plane]) => this.#view(title, plane));
    this.readout = element("p", { class: "readout", role: "status" });
    this.legend = element("div", { class: "bar lines", role: "group", "aria-label": "Outlines shown" });
    root.append(
      element("div", { class: "planes" }, ...this.views.map((view) => view.figure)),
      this.readout, this.legend, this.#structureBar(), ...(record.image ? [this.#windowBar()] : []),
      ...(record.note ? [element("p", { class: "note", text: record.note })] : []),
    );
    this.add("", "Truth", record.truth);
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      this.#decode();
    }, { rootMargin: "200px" }).observe(root);
    new ResizeObserver(() => this.refresh()).observe(root);
  }

  /**
   * A label map more, in the next dashes.
   * @param {string} key, title
   * @param {string|Promise<string|undefined>} packed nothing where there is no prediction
   * @param {boolean} shown at first
   */
  add(key, title, packed, shown = true) {
    const dash = DASHES[Math.min(this.maps.size, DASHES.length - 1)];
    const box = element("input", { type: "checkbox", checked: shown });
    const line = element("canvas", { class: "line", width: "52", height: "12", "aria-hidden": "true" });
    const label = element("label", {}, box, line, element("span", { text: title }));
    const map = { key, title, packed, dash, shown, line, label, box, labels: null };
    box.addEventListener("change", () => this.show(key, box.checked));
    this.maps.set(key, map);
    this.legend.append(label);
    if (this.decoding) this.#decode();
    this.#drawLine(map);
  }

  /** Show or hide the outlines of a label map. */
  show(key, shown) {
    const map = this.maps.get(key);
    if (!map) return;
    map.shown = map.box.checked = shown;
    this.refresh();
  }

  /** Whether a label map can be chosen; one that cannot is not drawn. */
  offer(key, offered) {
    const map = this.maps.get(key);
    if (!map) return;
    map.label.hidden = !offered;
    this.refresh();
  }

  /** The crosshair to a voxel, kept inside. */
  go(voxel) {
    this.at = voxel.map((place, axis) => Math.min(this.record.shape[axis] - 1, Math.max(0, Math.round(place))));
    this.refresh();
  }

  /** After a change of theme. */
  repaint() {
    this.colours = null;
    for (const map of this.maps.values()) this.#drawLine(map);
    this.refresh();
  }

  /** Redraw, at most once per frame. */
  refresh() {
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      if (this.ready) this.#draw();
    });
  }

  async #decode() {
    this.decoding = true;
    const { image, shape } = this.record;
    this.coming ??= image && decodeImage(image);
    this.image ??= image && { ...image, grey: await this.coming };
    this.ready = true;
    await Promise.all([...this.maps.values()].map((map) => this.#unpack(map, shape)));
    this.refresh();
  }

  /** Outlines appear as their data come. */
  async #unpack(map, shape) {
    if (map.asked) return;
    map.asked = true;
    const packed = await Promise.resolve(map.packed).catch(() => undefined);
    if (packed) map.labels = await decodeLabels(packed, shape);
    map.box.disabled = !packed;
    if (!packed) map.label.append(element("span", { class: "soft", text: "no prediction" }));
    this.refresh();
  }

  #draw() {
    this.colours ??= readColours(this.root);
    const { shape, spacing } = this.record;
    const maps = [...this.maps.values()].filter((map) => map.shown && map.labels && !map.label.hidden);
    const view = { shape, spacing, image: this.image, at: this.at, window: this.window, maps, structures: this.structures, colours: this.colours };
    for (const { plane, title, canvas, range, count } of this.views) {
      drawSlice(canvas, plane, view);
      const number = this.at[plane.across] + 1;
      const where = `${number} of ${shape[plane.across]}`;
      range.value = String(number - 1);
      range.setAttribute("aria-valuetext", where);
      count.textContent = where;
      canvas.setAttribute("aria-label", `${title} slice ${where} of ${this.name}; arrow keys move the crosshair, Page Up and Page Down change the slice`);
    }
    this.readout.textContent = this.#here(maps);
  }

  #here(maps) {
    const level = this.image ? greyAt(this.image, this.at) : 0;
    const { low, high, unit } = this.image ?? {};
    const value = level ? `${level === 1 ? "≤ " : level === 255 ? "≥ " : ""}${rounded(low + ((level - 1) * (high - low)) / 254, high - low)} ${unit}` : "not observed";
    const labels = maps.map((map) => `${map.title}: ${this.#structure(map.labels[flat(this.at, this.record.shape)])}`);
    return [`voxel ${this.at.join(", ")}`, value.trim(), ...labels].join(" · ");
  }

  #structure(label) {
    return label ? (this.record.structures[label - 1] ?? `label ${label}`).replaceAll("_", " ") : "nothing";
  }

  #view(title, plane) {
    const canvas = element("canvas", { tabindex: "0", role: "img", "data-plane": title, "aria-label": `${title} slice of ${this.name}` });
    const last = this.record.shape[plane.across] - 1;
    const range = element("input", { type: "range", min: "0", max: String(last), step: "1", "aria-label": `${title} slice of ${this.name}` });
    const count = element("span", { class: "soft" });
    range.addEventListener("input", () => this.#along(plane.across, Number(range.value)));
    this.#steer(canvas, plane);
    const heading = title[0].toUpperCase() + title.slice(1);
    const caption = element("figcaption", {}, element("span", { class: "title", text: heading }), range, count);
    return { title, plane, canvas, range, count, figure: element("figure", { class: `slice ${title}` }, element("div", { class: "well" }, canvas), caption) };
  }

  #along(axis, place) {
    this.go(this.at.map((old, each) => (each === axis ? place : old)));
  }

  #steer(canvas, plane) {
    const put = (event) => {
      const box = canvas.getBoundingClientRect();
      const { left, top, wide, tall } = frame(plane, this.record.shape, this.record.spacing, box.width);
      const [column, row] = [(event.clientX - box.left - left) / wide, (event.clientY - box.top - top) / tall].map(Math.floor);
      this.go(voxelAt(plane, this.at, column, row, this.record.shape));
    };
    let before = null;
    canvas.addEventListener("pointerdown", (event) => {
      before = event;
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
      if (!windowing(event)) put(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!before || !canvas.hasPointerCapture(event.pointerId)) return;
      if (!windowing(event)) put(event);
      else this.#drag(event.clientX - before.clientX, event.clientY - before.clientY);
      before = event;
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (before = null));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => {
      if (document.activeElement !== canvas || event.ctrlKey) return; // a page must scroll past its pictures
      event.preventDefault();
      this.#along(plane.across, this.at[plane.across] - Math.sign(event.deltaY));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.#press(event, plane)) return;
      event.preventDefault();
    });
  }

  #press({ key, shiftKey }, { across, columns, rows }) {
    const step = shiftKey ? BIG_STEP : 1;
    // To the right of a picture is where the index falls.
    const [axis, by] = {
      ArrowLeft: [columns, step], ArrowRight: [columns, -step], ArrowUp: [rows, step], ArrowDown: [rows, -step],
      PageUp: [across, step], PageDown: [across, -step],
    }[key] ?? [];
    if (by) this.#along(axis, this.at[axis] + by);
    else if (key === "Home") this.#along(across, 0);
    else if (key === "End") this.#along(across, Infinity);
    else if (key === "0") this.go(this.record.start);
    else return false;
    return true;
  }

  #structureBar() {
    const boxes = this.record.structures.map((name, index) => {
      const box = element("input", { type: "checkbox", checked: true });
      box.addEventListener("change", () => {
        this.structures[box.checked ? "add" : "delete"](index + 1);
        this.refresh();
      });
      const swatch = element("span", { class: `swatch structure-${index % STRUCTURE_PAINTS}`, "aria-hidden": "true" });
      return element("label", {}, box, swatch, element("span", { text: name.replaceAll("_", " ") }));
    });
    return element("div", { class: "bar", role: "group", "aria-label": "Structures shown" }, ...boxes);
  }

  #windowBar() {
    const { windows, low, high } = this.record.image;
    const span = Math.max(high, ...windows.map((each) => each.high)) - Math.min(low, ...windows.map((each) => each.low));
    const names = windows.map((each, index) => element("option", { value: String(index), text: each.name }));
    this.chosen = element("select", { class: "field", "aria-label": `Window of ${this.name}` }, ...names, element("option", { value: "", text: "by hand" }));
    this.level = slider("Level", low, high, span / 400);
    this.width = slider("Width", span / 400, span, span / 400);
    this.chosen.addEventListener("change", () => {
      if (this.chosen.value) this.#setWindow({ ...windows[this.chosen.value] }, true);
    });
    for (const { range } of [this.level, this.width]) {
      range.addEventListener("input", () => this.#level(Number(this.level.range.value), Number(this.width.range.value)));
    }
    this.#setWindow(this.window, true);
    return element("div", { class: "bar window", role: "group", "aria-label": "Window" }, element("label", {}, "Window", this.chosen), this.level.label, this.width.label);
  }

  #drag(x, y) {
    if (!this.record.image) return;
    const { low, high } = this.window;
    const step = (this.record.image.high - this.record.image.low) / 300;
    this.#level((low + high) / 2 - y * step, high - low + x * step);
  }

  #level(level, width) {
    const wide = Math.max(width, Number(this.width.range.min));
    this.#setWindow({ low: level - wide / 2, high: level + wide / 2 }, false);
  }

  #setWindow(window, named) {
    this.window = window;
    if (!named) this.chosen.value = "";
    for (const [{ range, output }, value] of [[this.level, (window.low + window.high) / 2], [this.width, window.high - window.low]]) {
      range.value = String(value);
      output.textContent = `${rounded(value, this.record.image.high - this.record.image.low)} ${this.record.image.unit}`.trim();
    }
    this.refresh();
  }

  #drawLine({ line, dash }) {
    const context = line.getContext("2d");
    context.setTransform(2, 0, 0, 2, 0, 0);
    context.clearRect(0, 0, 26, 6);
    context.strokeStyle = getComputedStyle(document.body).color;
    context.lineWidth = 2;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(0, 3);
    context.lineTo(26, 3);
    context.stroke();
  }
}

/** Whether a drag is about the window, not the crosshair. */
function windowing(event) {
  return event.shiftKey || Boolean(event.buttons & 2);
}

/** A value in digits that the 254 steps of a range can tell apart. */
function rounded(value, range) {
  return value.toFixed(Math.min(6, Math.max(0, Math.ceil(2 - Math.log10(range)))));
}

function readColours(root) {
  const style = getComputedStyle(root);
  const read = (name) => style.getPropertyValue(`--slice-${name}`).trim();
  const table = Array.from({ length: STRUCTURE_PAINTS }, (_, index) => `rgb(${paletteFor(`structure-${index}`)(0).join(" ")})`);
  return {
    ...Object.fromEntries(["well", "empty", "hatched", "crosshair", "letters", "halo"].map((name) => [name, read(name)])),
    structure: (label) => table[(label - 1) % STRUCTURE_PAINTS],
  };
}
