"""The row of 3D views of one case: which surfaces, in which order, painted how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from benchmark.contract import Case, Observation, Volume
from benchmark.drawing.scene import Layer, Scene, View
from benchmark.drawing.surfaces import distance_voxels, surface
from benchmark.observations.agreement import observed_inside
from benchmark.tasks.shape_completion.observed import corrupted_surfaces, observed_planes, plane_sheets
from benchmark.tasks.shape_completion.tasks import SHAPE
from medshape_text.frame import HALF_BOX_VOXELS
from medshape_text.thumbnail import thumbnail

ERROR_RANGE_VOXELS = 2.0
"""Where the error colours saturate, in voxels to either side of the truth."""
MARGIN = 1.08
"""Predictions may reach a little further than the truth that the views are fitted to."""


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
    hidden = case.truth[SHAPE]
    truth = surface(hidden)
    radius, girth = (
        float(np.linalg.norm(truth.vertices[:, :axes], axis=1).max(initial=1.0)) * MARGIN for axes in (3, 2)
    )
    scene = Scene(
        round(radius, 3), round(girth, 3), case.observation.exact, scale_text(case), error_range_text(case),
        thumbnail(hidden),
    )  # fmt: skip
    ghost = scene.add("truth", truth, "ghost", "ghost")
    scene.views.append(_observation_view(scene, case, ghost))
    for index, (method, sdf) in enumerate(predictions.items()):
        shown = None if sdf is None else surface(sdf)
        layer = None
        if shown is not None and len(shown.faces):
            # 128 lies on the truth; 0 and 255 are ERROR_RANGE_VOXELS inside and outside of it.
            encoded = 127.5 + distance_voxels(shown, hidden) * (127.5 / ERROR_RANGE_VOXELS)
            layer = scene.add(f"prediction-{index}", shown.with_value(encoded), "bone")
        note = "" if layer else ("no prediction" if sdf is None else "nothing predicted inside")
        if status.get(method, "ok") != "ok":
            note = f"{note}: {status[method].replace('_', ' ')}, scored worst".removeprefix(": ")
        if shown is not None and shown.stride > 1:
            note = f"rough surface, shown at 1/{shown.stride} of the resolution"
        scene.views.append(View("prediction", method, method, (layer,) if layer else (), note))
    scene.views.append(View("truth", "Truth", layers=(Layer("truth", "truth"),) if ghost else ()))
    if error_of in predictions:
        scene.views.append(_error_view(scene, list(predictions), error_of))
    return scene


def _error_view(scene: Scene, methods: list[str], error_of: str) -> View:
    mesh = f"prediction-{methods.index(error_of)}"
    if mesh not in scene.surfaces:
        return View("error", "Error", error_of, note="nothing to compare")
    return View("error", "Error", error_of, (Layer(mesh, "error"),))


def _observation_view(scene: Scene, case: Case, ghost: Layer | None) -> View:
    observation = case.observation
    if observation.exact:
        sheets = scene.add("sheets", plane_sheets(observation), "observed", "sheet")
        layers = [sheets, ghost]
        note = planes_note(observation)
    else:
        prompt, missing = corrupted_surfaces(observation, case.truth[SHAPE])
        absent = scene.add("missing", missing, "unobserved", "ghost")
        layers = [scene.add("prompt", prompt, "labels"), replace(absent, strength=1.4) if absent else None]
        note = "" if not observation.empty else "nothing was observed"
    return View("observation", "Observation", layers=tuple(layer for layer in layers if layer), note=note)


def planes_note(observation: Observation) -> str:
    """How many of the observed planes meet the shape."""
    planes = list(observed_planes(observation))
    inside = observed_inside(observation)
    hit = sum(bool(np.take(inside, index, axis).any()) for axis, index in planes)
    if not hit:
        return "no observed plane meets the shape"
    return f"{hit} of {len(planes)} observed planes {'meet' if hit > 1 else 'meets'} the shape"


def scale_text(case: Case) -> str:
    """How large a voxel is; empty where nobody knows."""
    scale = _millimetres_per_voxel(case)
    return "" if scale is None else f"1 voxel = {scale:.2f} mm"


def error_range_text(case: Case) -> str:
    """Where the error colours saturate, in voxels and, where the scale is known, millimetres."""
    voxels, scale = f"{ERROR_RANGE_VOXELS:g} voxels", _millimetres_per_voxel(case)
    return voxels if scale is None else f"{voxels} = {ERROR_RANGE_VOXELS * scale:.3g} mm"


def _millimetres_per_voxel(case: Case) -> float | None:
    scale = None if case.grid is None else case.grid.millimetres_per_unit
    return None if scale is None else scale / HALF_BOX_VOXELS
