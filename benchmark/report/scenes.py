"""The row of 3D views of one case: which surfaces, in which order, painted how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmark.contract import Case, Observation, Volume
from benchmark.report.observed import corrupted_surfaces, observed_planes, plane_sheets
from benchmark.report.packing import pack
from benchmark.report.surfaces import Surface, distance_voxels, surface

ERROR_RANGE_VOXELS = 2.0
"""Where the error colours saturate, in voxels to either side of the truth."""
MARGIN = 1.08
"""Predictions may reach a little further than the truth that the views are fitted to."""


Layer = dict[str, object]
"""One surface as `static/viewer.js` draws it: "mesh", "paint", "style" and perhaps "strength"."""


@dataclass(frozen=True)
class View:
    """One picture. ``layers`` are empty when there is nothing to draw, and ``note`` says why.

    Attributes:
        kind: "observation", "prediction", "truth" or "error".
        title: heading for people.
        method: the method whose prediction is shown, "" for the others.
        layers: what is drawn.
        note: one line under the picture.
    """

    kind: str
    title: str
    method: str = ""
    layers: tuple[Layer, ...] = ()
    note: str = ""


@dataclass
class Scene:
    """A case's packed surfaces by name, its views, and the size of the truth in voxels.

    ``radius`` is of a sphere about the centre, ``girth`` of a cylinder about the z axis.
    """

    radius: float
    girth: float
    meshes: dict[str, dict[str, object]] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)

    def data(self) -> dict[str, object]:
        """What the page's script reads."""
        return {
            "radius": self.radius,
            "girth": self.girth,
            "meshes": self.meshes,
            "views": [list(view.layers) for view in self.views],
        }

    def add(self, name: str, shown: Surface, paint: str, style: str = "surface") -> Layer | None:
        """Store a surface and return the layer that draws it, or None for a surface of nothing."""
        if not len(shown.faces):
            return None
        self.meshes[name] = pack(shown)
        return {"mesh": name, "paint": paint, "style": style}


def build_scene(
    case: Case, predictions: Mapping[str, Volume | None], status: Mapping[str, str], error_of: str
) -> Scene:
    """Surfaces and views of a case.

    Args:
        case: observation and truth.
        predictions: predicted SDF by method in the order of display; None where a method returned nothing.
        status: "ok", or why the case failed, by method.
        error_of: the method whose distance to the truth is shown at first.
    """
    truth = surface(case.truth)
    radius, girth = (
        float(np.linalg.norm(truth.vertices[:, :axes], axis=1).max(initial=1.0)) * MARGIN for axes in (3, 2)
    )
    scene = Scene(round(radius, 3), round(girth, 3))
    ghost = scene.add("truth", truth, "ghost", "ghost")
    scene.views.append(_observation_view(scene, case, ghost))
    for index, (method, sdf) in enumerate(predictions.items()):
        shown = None if sdf is None else surface(sdf)
        layer = None
        if shown is not None and len(shown.faces):
            # 128 lies on the truth; 0 and 255 are ERROR_RANGE_VOXELS inside and outside of it.
            encoded = 127.5 + distance_voxels(shown, case.truth) * (127.5 / ERROR_RANGE_VOXELS)
            layer = scene.add(f"prediction-{index}", shown.with_value(encoded), "bone")
        note = "" if layer else ("no prediction" if sdf is None else "nothing predicted inside")
        if status.get(method, "ok") != "ok":
            note = f"{note}: {status[method].replace('_', ' ')}, scored worst".removeprefix(": ")
        if shown is not None and shown.stride > 1:
            note = f"rough surface, shown at 1/{shown.stride} of the resolution"
        scene.views.append(View("prediction", method, method, (layer,) if layer else (), note))
    whole: Layer = {"mesh": "truth", "paint": "truth", "style": "surface"}
    scene.views.append(View("truth", "Truth", layers=(whole,) if ghost else ()))
    scene.views.append(_error_view(scene, list(predictions), error_of))
    return scene


def _error_view(scene: Scene, methods: list[str], error_of: str) -> View:
    mesh = f"prediction-{methods.index(error_of)}"
    layer: Layer = {"mesh": mesh, "paint": "error", "style": "surface"}
    if mesh not in scene.meshes:
        return View("error", "Error", error_of, note="nothing to compare")
    return View("error", "Error", error_of, (layer,))


def _observation_view(scene: Scene, case: Case, ghost: Layer | None) -> View:
    observation = case.observation
    if observation.kind == "planes":
        sheets = scene.add("sheets", plane_sheets(observation), "observed", "sheet")
        layers = [sheets, ghost]
        note = planes_note(observation)
    else:
        prompt, missing = corrupted_surfaces(observation, case.truth)
        absent = scene.add("missing", missing, "unobserved", "ghost")
        layers = [scene.add("prompt", prompt, "labels"), {**absent, "strength": 1.4} if absent else None]
        note = "" if not observation.empty else "nothing was observed"
    return View("observation", "Observation", layers=tuple(layer for layer in layers if layer), note=note)


def planes_note(observation: Observation) -> str:
    """How many of the observed planes meet the shape."""
    planes = list(observed_planes(observation))
    hit = sum(bool((np.take(observation.value, index, axis) > 0.5).any()) for axis, index in planes)
    if not hit:
        return "no observed plane meets the shape"
    return f"{hit} of {len(planes)} observed planes {'meet' if hit > 1 else 'meets'} the shape"
