// Every 3D view of the page: decodes what comes into sight, redraws what is in sight when something changed.

import { decodeSurface } from "./decode.js";
import { steer } from "./gestures.js";
import { paletteFor } from "./palette.js";
import { Mesh, Renderer } from "./viewer.js";

const MOST_PIXELS_PER_CSS_PIXEL = 2.5;

export class Stage {
  /** @param {import("./camera.js").Camera} camera shared by all views */
  constructor(camera) {
    this.camera = camera;
    this.renderer = new Renderer();
    this.renderer.onrestored = () => this.refresh();
    this.views = new Map(); // canvas -> {scene, layers, shown}
    this.sight = new IntersectionObserver((entries) => this.#sighted(entries), { rootMargin: "120px" });
    this.sizes = new ResizeObserver((entries) => {
      for (const { target } of entries) this.views.get(target).stale = true;
      this.refresh(false);
    });
    camera.addEventListener("change", () => this.refresh());
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{radius: number, girth: number, meshes: Record<string, object>}} scene packed surfaces of a case; decoded once
   * @param {{mesh: string, paint: string, style: string}[]} layers those without a surface are left out
   */
  add(canvas, scene, layers) {
    this.views.set(canvas, { scene, layers, shown: false, stale: true });
    steer(canvas, this.camera);
    this.sight.observe(canvas);
    this.sizes.observe(canvas);
  }

  /** Show other layers; false when there is no surface for any of them. */
  setLayers(canvas, layers) {
    const view = this.views.get(canvas);
    view.layers = layers.filter(({ mesh }) => mesh in view.scene.meshes);
    view.stale = true;
    this.#prepare(view);
    return view.layers.length > 0;
  }

  /** After a change of theme: colours are read from the style sheet again. */
  repaint() {
    for (const { scene } of this.views.values()) {
      for (const mesh of scene.ready?.values() ?? []) mesh.paints.clear();
    }
    this.refresh();
  }

  /** Redraw, at most once per frame; `all` false redraws only views marked stale. */
  refresh(all = true) {
    if (all) for (const view of this.views.values()) view.stale = true;
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      for (const [canvas, view] of this.views) if (view.shown && view.stale) this.#draw(canvas, view);
    });
  }

  #sighted(entries) {
    for (const { target, isIntersecting } of entries) {
      const view = this.views.get(target);
      view.shown = isIntersecting;
      if (isIntersecting) this.#prepare(view);
    }
  }

  async #prepare(view) {
    const { scene } = view;
    scene.ready ??= new Map();
    scene.coming ??= new Map();
    await Promise.all(view.layers.map(({ mesh }) => {
      if (!scene.coming.has(mesh)) {
        scene.coming.set(mesh, decodeSurface(scene.meshes[mesh]).then((surface) => {
          scene.ready.set(mesh, new Mesh(surface));
        }));
      }
      return scene.coming.get(mesh);
    }));
    this.refresh(false);
  }

  #draw(canvas, view) {
    const { scene, layers } = view;
    if (!layers.every(({ mesh }) => scene.ready?.has(mesh))) return;
    const scale = Math.min(devicePixelRatio || 1, MOST_PIXELS_PER_CSS_PIXEL);
    const width = Math.round(canvas.clientWidth * scale);
    const height = Math.round(canvas.clientHeight * scale);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const parts = layers.map((layer) => {
      const mesh = scene.ready.get(layer.mesh);
      if (!mesh.paints.has(layer.paint)) mesh.setPaint(layer.paint, paletteFor(layer.paint));
      return { ...layer, mesh };
    });
    this.renderer.draw(canvas, parts, this.camera.project(scene.radius, scene.girth, width / height));
    view.stale = false;
    canvas.dataset.drawn = "true";
  }
}
