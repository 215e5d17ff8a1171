// One orbit camera for every view. World axes are the data set's: +x subject's left, +y back, +z up, in voxels.

const FIELD_OF_VIEW = (22 * Math.PI) / 180;
const HOME = { azimuth: 0.65, elevation: 0.2, zoom: 1, panX: 0, panY: 0 };
const QUARTER = Math.PI / 2;

/** Named directions to look from; anatomical, as in the data set's frame. */
export const PRESETS = {
  anterior: { azimuth: 0, elevation: 0 },
  lateral: { azimuth: QUARTER, elevation: 0 },
  posterior: { azimuth: Math.PI, elevation: 0 },
  superior: { azimuth: 0, elevation: QUARTER },
};

/** Fires "change". Azimuth 0 looks at the front; angles in radians; pan in radii of the shown object. */
export class Camera extends EventTarget {
  constructor() {
    super();
    Object.assign(this, HOME);
  }

  set(values) {
    Object.assign(this, values);
    this.elevation = clamp(this.elevation, -QUARTER, QUARTER);
    this.zoom = clamp(this.zoom, 0.4, 12);
    this.dispatchEvent(new Event("change"));
  }

  reset() {
    this.set(HOME);
  }

  look(preset) {
    this.set({ ...PRESETS[preset], panX: 0, panY: 0 });
  }

  orbit(azimuth, elevation) {
    this.set({ azimuth: this.azimuth + azimuth, elevation: this.elevation + elevation });
  }

  zoomBy(factor) {
    this.set({ zoom: this.zoom * factor });
  }

  /** Move the picture by a fraction of the view's smaller side. */
  panBy(x, y) {
    this.set({ panX: this.panX + (2 * x) / this.zoom, panY: this.panY + (2 * y) / this.zoom });
  }

  /** Unit vectors: right and up on the screen, back towards the eye. */
  basis() {
    const [sa, ca] = [Math.sin(this.azimuth), Math.cos(this.azimuth)];
    const [se, ce] = [Math.sin(this.elevation), Math.cos(this.elevation)];
    return { right: [ca, sa, 0], up: [-sa * se, ca * se, ce], back: [sa * ce, -ca * ce, se] };
  }

  /**
   * Fits an object to the view: the camera never rolls, so its width on the screen is at most its girth.
   * @param {number} radius of a sphere about the origin that holds the object
   * @param {number} girth radius of a cylinder about the z axis that holds it
   * @param {number} aspect width / height
   * @returns {{matrix: Float32Array, eye: number[], right: number[], up: number[], back: number[]}}
   */
  project(radius, girth, aspect) {
    const { right, up, back } = this.basis();
    const distance = radius / Math.sin(FIELD_OF_VIEW / 2);
    const near = distance - 3 * radius;
    const far = distance + 3 * radius;
    const focal = (this.zoom / Math.tan(FIELD_OF_VIEW / 2)) * Math.min(1, (aspect * radius) / girth);
    const fx = focal / aspect;
    const depth = (far + near) / (far - near);
    const shift = (-2 * far * near) / (far - near);
    const matrix = new Float32Array(16);
    for (let axis = 0; axis < 3; axis++) {
      matrix[4 * axis] = fx * right[axis];
      matrix[4 * axis + 1] = focal * up[axis];
      matrix[4 * axis + 2] = -depth * back[axis];
      matrix[4 * axis + 3] = -back[axis];
    }
    matrix[12] = fx * this.panX * radius;
    matrix[13] = focal * this.panY * radius;
    matrix[14] = depth * distance + shift;
    matrix[15] = distance;
    return { matrix, eye: back.map((value) => value * distance), right, up, back };
  }
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
