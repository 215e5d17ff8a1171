"""What the case page draws: the truth and what was observed of it, and one surface a method."""

from __future__ import annotations

import numpy as np

from benchmark.contract import Case, Volume
from benchmark.report.observed import corrupted_surfaces, plane_sheets
from benchmark.report.scenes import ERROR_RANGE_VOXELS, MARGIN, planes_note
from benchmark.report.surfaces import Surface, distance_voxels, surface
from leaderboard.site.meshes import MOST_FACES_OBSERVED, light, packed

Record = dict[str, object]


def case_scene(case: Case) -> Record:
    """Truth and observation: ``radius`` and ``girth`` of the truth in voxels, packed ``meshes``, ``layers``, ``note``.

    ``layers`` are by view: "observation" and "truth".
    """
    truth = light(surface(case.truth))
    radius, girth = (
        round(float(np.linalg.norm(truth.vertices[:, :axes], axis=1).max(initial=1.0)) * MARGIN, 3) for axes in (3, 2)
    )
    meshes: Record = {}
    observation, note = _observation(case, meshes)
    truth_layer = _add(meshes, "truth", truth, "truth", "surface")
    if truth_layer and case.observation.kind == "planes":
        observation.append({"mesh": "truth", "paint": "ghost", "style": "ghost"})
    layers = {"observation": observation, "truth": [truth_layer] if truth_layer else []}
    return {"radius": radius, "girth": girth, "meshes": meshes, "layers": layers, "note": note}


def method_mesh(prediction: Volume | None, truth: Volume) -> Record:
    """A method's surface, its distance to the truth as each vertex's value: ``mesh`` (or None) and ``note``."""
    if prediction is None:
        return {"mesh": None, "note": "no prediction"}
    shown = surface(prediction)
    if not len(shown.faces):
        return {"mesh": None, "note": "nothing predicted inside"}
    note = f"rough surface, shown at 1/{shown.stride} of the resolution" if shown.stride > 1 else ""
    shown = light(shown)
    # 128 lies on the truth; 0 and 255 are ERROR_RANGE_VOXELS inside and outside of it.
    encoded = 127.5 + distance_voxels(shown, truth) * (127.5 / ERROR_RANGE_VOXELS)
    return {"mesh": packed(shown.with_value(encoded)), "note": note}


def _observation(case: Case, meshes: Record) -> tuple[list[Record], str]:
    observation = case.observation
    if observation.kind == "planes":
        # Sheets are flat and pack well as they are; simplified, their outlines would fray.
        layers = [_add(meshes, "sheets", plane_sheets(observation), "observed", "sheet")]
        return [layer for layer in layers if layer], planes_note(observation)
    prompt, missing = corrupted_surfaces(observation, case.truth)
    absent = _add(meshes, "missing", light(missing, MOST_FACES_OBSERVED), "unobserved", "ghost")
    layers = [
        _add(meshes, "prompt", light(prompt, MOST_FACES_OBSERVED), "labels", "surface"),
        {**absent, "strength": 1.4} if absent else None,
    ]
    return [layer for layer in layers if layer], "nothing was observed" if observation.empty else ""


def _add(meshes: Record, name: str, shown: Surface, paint: str, style: str) -> Record | None:
    if not len(shown.faces):
        return None
    meshes[name] = packed(shown)
    return {"mesh": name, "paint": paint, "style": style}
