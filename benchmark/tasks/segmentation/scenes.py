"""How a case of segmentation is drawn: slices with outlines, and surfaces of every structure.

The image is shown as it was observed. Surfaces are painted by structure or by their distance to the truth.
"""

from __future__ import annotations

from collections.abc import Mapping

import igl
import numpy as np
from numpy.typing import NDArray

from benchmark.data.volumes.distances import distances_of_labels
from benchmark.data.volumes.geometry import spacing_of
from benchmark.drawing.picture import slice_picture
from benchmark.drawing.scene import Layer, Scene, View, structure_paint
from benchmark.drawing.slices import Slices, raster, start_of
from benchmark.drawing.surfaces import Surface, sample, surface
from benchmark.observations.places import places_of
from benchmark.tasks.segmentation.cases import SegmentationCase

ERROR_RANGE_VOXELS = 2.0
"""Where the error colours saturate, in voxels to either side of the truth."""
MARGIN = 1.08
"""Predictions may reach a little further than the truth that the views are fitted to."""

Labels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def build_scene(
    case: SegmentationCase, predictions: Mapping[str, Labels | None], status: Mapping[str, str], error_of: str
) -> Scene:
    """Slices, surfaces and views of a case; arguments as for `benchmark.tasks.family.Draws.scene`."""
    if case.grid is None:
        raise ValueError(f"case {case.id} has no grid")
    spacing = spacing_of(case.grid).astype(np.float32)
    truth = np.asarray(case.truth["labels"], np.uint8)
    distances = distances_of_labels(truth, len(case.structures))
    true = [surface(each, smooth=True) for each in distances]
    placed = Placed.around([each.vertices for each in true], spacing)
    every = np.concatenate([placed.points(each.vertices) for each in true])
    radius, girth = (float(np.linalg.norm(every[:, :axes], axis=1).max(initial=1.0)) * MARGIN for axes in (3, 2))
    slices = slices_of(case, truth, predictions)
    scene = Scene(
        round(radius, 3), round(girth, 3), case.observation.exact, _scale(spacing),
        f"{ERROR_RANGE_VOXELS:g} voxels = {ERROR_RANGE_VOXELS * float(spacing.min()):.3g} mm",
        slice_picture(slices), case.structures, slices,
    )  # fmt: skip
    for method, labels in predictions.items():
        layers: tuple[Layer, ...] = ()
        if labels is not None:
            found = [surface(each, smooth=True) for each in distances_of_labels(labels, len(case.structures))]
            wrong = [_errors(*each, placed) for each in zip(found, true, distances, strict=True)]
            layers = _layers(scene, f"prediction-{len(scene.views)}", wrong, placed)
        note = "" if layers else ("no prediction" if labels is None else "no structure predicted")
        if status.get(method, "ok") != "ok":
            note = f"{note}: {status[method].replace('_', ' ')}, scored worst".removeprefix(": ")
        scene.views.append(View("prediction", method, method, layers, note))
    scene.views.append(View("truth", "Truth", layers=_layers(scene, "truth", true, placed)))
    shown = next((view for view in scene.views if view.kind == "prediction" and view.method == error_of), None)
    if shown is not None:
        wrong_layers = tuple(Layer(layer.mesh, "error") for layer in shown.layers)
        scene.views.append(View("error", "Error", error_of, wrong_layers, "" if wrong_layers else "nothing to compare"))
    return scene


def slices_of(case: SegmentationCase, truth: Labels, predictions: Mapping[str, Labels | None]) -> Slices:
    """The image as it was observed, on its own voxels, and label maps.

    An operator that reads no voxels or means of them (a projection, say) leaves the image out, and the note says so.
    """
    observed = case.observation
    places = places_of(observed.operator, truth.shape, observed.value.shape)
    notes = [] if places else ["what was observed is no picture in slices, and is left out"]
    unknown = [name for name in case.structures if name not in case.annotated]
    if unknown:
        notes.append(f"nobody looked for {', '.join(unknown)} here, so there is no truth and no score")
    image = None
    if places:
        image = raster(observed.value, observed.mask, places, observed.space.unit, case.window)
    spacing = () if case.grid is None else tuple(round(float(step), 4) for step in spacing_of(case.grid))
    found = {name: np.asarray(each, np.uint8) for name, each in predictions.items() if each is not None}
    return Slices(truth.shape, spacing, case.structures, start_of(truth, places), image, truth, found, "; ".join(notes))


class Placed:
    """From voxels (right, front, up) to the viewer's frame (left, back, up), in steps of the finest spacing."""

    def __init__(self, scale: Floats, middle: Floats) -> None:
        self._scale, self._middle = scale, middle

    @classmethod
    def around(cls, vertices: list[Floats], spacing: Floats) -> Placed:
        """With the middle of the box around some vertices at the origin."""
        scale = np.array([-1, -1, 1], np.float32) * (spacing / spacing.min())
        every = np.concatenate(vertices)
        middle = (every.min(axis=0) + every.max(axis=0)) / 2 if len(every) else np.zeros(3)
        return cls(scale.astype(np.float32), np.asarray(middle, np.float32))

    def points(self, vertices: Floats) -> Floats:
        """(V, 3) voxels from the middle of the grid."""
        return np.asarray((vertices - self._middle) * self._scale, np.float32)

    def surface(self, shown: Surface) -> Surface:
        """A surface in the viewer's frame; two axes are turned round, so it is no mirror image."""
        normals = shown.normals / self._scale
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        return Surface(self.points(shown.vertices), shown.faces, normals.astype(np.float32), shown.openness,
                       shown.value, shown.stride)  # fmt: skip


def _errors(found: Surface, true: Surface, distance: Floats, placed: Placed) -> Surface:
    """A surface with its distance to the true one as its value: 128 is none, 0 and 255 are two voxels in and out."""
    if not len(found.faces):
        return found
    if not len(true.faces):
        return found.with_value(np.full(len(found.vertices), 255))
    points, onto = (placed.points(each.vertices).astype(np.float64) for each in (found, true))
    squared = igl.point_mesh_squared_distance(points, onto, true.faces.astype(np.int64))[0]
    outside = np.where(sample(distance, found.vertices) > 0, 1.0, -1.0)
    return found.with_value(127.5 + outside * np.sqrt(squared) * (127.5 / ERROR_RANGE_VOXELS))


def _layers(scene: Scene, name: str, surfaces: list[Surface], placed: Placed) -> tuple[Layer, ...]:
    added = [
        scene.add(f"{name}-{index}", placed.surface(each), structure_paint(index))
        for index, each in enumerate(surfaces)
        if len(each.faces)
    ]
    return tuple(layer for layer in added if layer)


def _scale(spacing: Floats) -> str:
    steps = [f"{step:.3g}" for step in spacing]
    return f"1 voxel = {' x '.join(dict.fromkeys(steps) if len(set(steps)) == 1 else steps)} mm"
