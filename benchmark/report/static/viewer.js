// A small WebGL2 renderer. One hidden drawing surface serves every view on the page (browsers allow only a
// few WebGL contexts); each finished picture is copied into the view's own 2D canvas.

import { GHOST, SURFACE, VERTEX } from "./shaders.js";

const UNIFORMS = ["projection", "eye", "right", "up", "back", "strength", "glow"];

/** A surface on the graphics card: `draw` needs nothing else. Buffers are remade after a lost context. */
export class Mesh {
  /** @param {Awaited<ReturnType<typeof import("./decode.js").decodeSurface>>} surface */
  constructor(surface) {
    this.surface = surface;
    this.paints = new Map(); // name of a colouring -> Uint8Array of RGBA
    this.parts = new Map(); // name of a colouring -> vertex array object
    this.generation = -1;
  }

  /** Colour each vertex by its value; the fourth channel carries the openness. */
  setPaint(name, palette) {
    const { value, openness } = this.surface;
    const rgba = new Uint8Array(4 * value.length);
    for (let i = 0; i < value.length; i++) rgba.set([...palette(value[i]), openness[i]], 4 * i);
    this.paints.set(name, rgba);
    this.parts.delete(name);
  }
}

export class Renderer {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.gl = this.canvas.getContext("webgl2", { antialias: true, alpha: true, premultipliedAlpha: true });
    if (!this.gl) throw new Error("WebGL2 is not available");
    this.generation = 0;
    this.onrestored = () => {};
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.#start();
      this.onrestored();
    });
    this.#start();
  }

  #start() {
    this.generation += 1;
    this.programs = { surface: this.#program(SURFACE), ghost: this.#program(GHOST) };
    this.gl.enable(this.gl.DEPTH_TEST);
    this.gl.blendFunc(this.gl.ONE, this.gl.ONE_MINUS_SRC_ALPHA);
  }

  #program(fragment) {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`shader: ${gl.getProgramInfoLog(program)}`);
    }
    return { program, at: Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)])) };
  }

  /** Vertex array of a mesh in one colouring, uploaded on first use. */
  #part(mesh, paint) {
    const { gl } = this;
    if (mesh.generation !== this.generation) {
      mesh.parts.clear();
      mesh.generation = this.generation;
      mesh.buffers = null;
    }
    if (mesh.parts.has(paint)) return mesh.parts.get(paint);
    const { position, normal, index } = mesh.surface;
    mesh.buffers ??= [this.#buffer(gl.ARRAY_BUFFER, position), this.#buffer(gl.ARRAY_BUFFER, normal),
      this.#buffer(gl.ELEMENT_ARRAY_BUFFER, index)];
    const colours = this.#buffer(gl.ARRAY_BUFFER, mesh.paints.get(paint));
    const part = gl.createVertexArray();
    gl.bindVertexArray(part);
    this.#attribute(0, mesh.buffers[0], 3, gl.FLOAT, false);
    this.#attribute(1, mesh.buffers[1], 3, gl.BYTE, true);
    this.#attribute(2, colours, 4, gl.UNSIGNED_BYTE, true);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, mesh.buffers[2]);
    gl.bindVertexArray(null);
    mesh.parts.set(paint, part);
    return part;
  }

  #buffer(target, data) {
    const buffer = this.gl.createBuffer();
    this.gl.bindVertexArray(null);
    this.gl.bindBuffer(target, buffer);
    this.gl.bufferData(target, data, this.gl.STATIC_DRAW);
    return buffer;
  }

  #attribute(location, buffer, size, type, normalised) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.enableVertexAttribArray(location);
    this.gl.vertexAttribPointer(location, size, type, normalised, 0, 0);
  }

  /**
   * Draw layers into `target`, whose width and height say how many device pixels.
   * @param {HTMLCanvasElement} target
   * @param {{mesh: Mesh, paint: string, style: "surface"|"sheet"|"ghost", strength?: number}[]} layers
   * @param {ReturnType<import("./camera.js").Camera["project"]>} projected
   */
  draw(target, layers, projected) {
    const { gl, canvas } = this;
    const { width, height } = target;
    if (canvas.width < width || canvas.height < height) {
      canvas.width = Math.max(canvas.width, width);
      canvas.height = Math.max(canvas.height, height);
    }
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    for (const layer of layers.filter((each) => each.style !== "ghost")) this.#layer(layer, projected);
    for (const layer of layers.filter((each) => each.style === "ghost")) {
      gl.colorMask(false, false, false, false); // only the nearest sheet of a ghost is to show
      this.#layer(layer, projected);
      gl.colorMask(true, true, true, true);
      gl.enable(gl.BLEND);
      gl.depthFunc(gl.LEQUAL);
      this.#layer(layer, projected);
      gl.depthFunc(gl.LESS);
      gl.disable(gl.BLEND);
    }
    const context = target.getContext("2d");
    context.clearRect(0, 0, width, height);
    context.drawImage(canvas, 0, canvas.height - height, width, height, 0, 0, width, height);
  }

  #layer({ mesh, paint, style, strength = 1 }, projected) {
    const { gl } = this;
    const { program, at } = this.programs[style === "ghost" ? "ghost" : "surface"];
    gl.useProgram(program);
    gl.uniformMatrix4fv(at.projection, false, projected.matrix);
    for (const name of ["eye", "right", "up", "back"]) if (at[name]) gl.uniform3fv(at[name], projected[name]);
    if (at.glow) gl.uniform1f(at.glow, style === "sheet" ? 0.5 : 0);
    if (at.strength) gl.uniform1f(at.strength, strength);
    gl.bindVertexArray(this.#part(mesh, paint));
    gl.drawElements(gl.TRIANGLES, mesh.surface.index.length, gl.UNSIGNED_SHORT, 0);
    gl.bindVertexArray(null);
  }
}
