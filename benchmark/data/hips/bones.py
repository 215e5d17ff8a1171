"""The bones of one subject as signed distances in one box: both hip bones, the sacrum and the left femur, which are
asked for, and two unlabelled neighbours that a threshold would take for them.

World coordinates are millimetres, RAS+ (x to the subject's right, y to the front, z up). The box is 320 mm a side:
the whole pelvis, and of the femur what is above the middle of the thigh. Its upper face lies 15 mm above the iliac
crests. The widest pelvis (325 mm) is cut by a few millimetres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmark.data.hips.joint import Joint, find_joint
from benchmark.data.volumes.distances import labels_of_distances
from medshape_text.curate.sdf.solid import signed_voxels
from medshape_text.seeds import generator_for
from medshape_text.sources.llp26 import Bone

Floats = NDArray[np.float64]
Field = NDArray[np.float32]

STRUCTURES = ("hip_left", "hip_right", "sacrum", "femur_left")
"""In the order of the labels 1 to 4."""
UNLABELLED = ("femur_right", "lumbar")
"""The left femur mirrored, and a rounded block in place of the fifth lumbar vertebra: bone, but not asked for."""
SIDE, VOXEL_MM, FINE = 64, 5.0, 2
"""Voxels along each edge of the box, their size, and by how much finer tissue is laid out."""
REACH_MM = 40.0
"""Distances are exact up to here; farther out only their sign and order of magnitude mean something."""

_TURN_DEGREES, _SHIFT_MM, _ABOVE_MM = 6.0, 6.0, 15.0
_JOINT_MM = 2.0
"""How far the femur is kept from its socket, as cartilage would."""
_LUMBAR_MM, _DISC_MM = (25.0, 17.0, 14.0), 5.0


@dataclass(frozen=True, eq=False)
class Bones:
    """One subject in its box.

    Attributes:
        origin: (3,) mm, RAS+: centre of the first voxel of the 64^3 grid.
        distances: name -> (128, 128, 128) mm, negative inside; `STRUCTURES`, then `UNLABELLED`.
        labels: (64, 64, 64) uint8, by the centre of each voxel: 0, or i + 1 inside ``STRUCTURES[i]``. Where two
            bones overlap (sacroiliac joints, by 1 %) it is the one whose surface is farther away.
        landmarks: points (3,) mm RAS+ that soft tissue is laid out by.
    """

    origin: Floats
    distances: Mapping[str, Field]
    labels: NDArray[np.uint8]
    landmarks: Mapping[str, Floats]


Mesh = tuple[Floats, NDArray[np.int64]]


def place_bones(subject: str, nodes: Floats, bones: Mapping[str, Bone], joint: Joint) -> Bones:
    """Pose the bones of a subject in its box and measure them.

    The model's frame is the same for all; here every subject is turned by up to 6 degrees about each axis and moved by
    up to 6 mm. In the model the head of the femur sinks into its socket; it is moved out, see `_reduce`.

    Args:
        subject: what the pose is drawn from.
        nodes: (3225, 3) of `medshape_text.sources.llp26.read_subject_nodes`.
        bones: by category.
        joint: of `mean_joint`.
    """
    rng = generator_for(subject, "hips/pose")
    angles = np.deg2rad(rng.uniform(-_TURN_DEGREES, _TURN_DEGREES, 3))
    shift = rng.uniform(-_SHIFT_MM, _SHIFT_MM, 3)
    turn = _rotation(angles)
    meshes: dict[str, Mesh] = {}
    for name in STRUCTURES:
        meshes[name] = _vertices(bones[name], nodes), bones[name].faces
    pelvis = np.concatenate([meshes[name][0] for name in STRUCTURES[:3]])
    middle = (pelvis.min(axis=0) + pelvis.max(axis=0)) / 2
    meshes = {name: ((points - middle) @ turn.T, faces) for name, (points, faces) in meshes.items()}
    pelvis = (pelvis - middle) @ turn.T
    low, high = pelvis.min(axis=0), pelvis.max(axis=0)
    origin = np.full(3, -VOXEL_MM * (SIDE - 1) / 2)
    origin[2] = high[2] + _ABOVE_MM - VOXEL_MM * (SIDE - 0.5)
    origin = np.round(origin + shift, 6)

    distances = {name: _distances(*meshes[name], origin, FINE) for name in STRUCTURES[:3]}
    points, faces = meshes["femur_left"]
    centre, _ = joint.centre_of_head(points)
    meshes["femur_left"] = points + joint.centre_of_socket(meshes["hip_left"][0], turn) - centre, faces
    meshes["femur_right"] = _mirrored(meshes)
    for side in ("left", "right"):
        points, faces = meshes[f"femur_{side}"]
        centre, radius = joint.centre_of_head(points)
        points = points + _seated(centre, radius, distances[f"hip_{side}"], origin) - centre
        meshes[f"femur_{side}"] = points, faces
        distances[f"femur_{side}"] = _distances(points, faces, origin, FINE)
    promontory = _promontory(meshes["sacrum"][0])
    distances["lumbar"] = _block(promontory + (0, 0, _DISC_MM + _LUMBAR_MM[2]), origin)
    coarse = np.stack([_distances(*meshes[name], origin, 1) for name in STRUCTURES])
    labels = labels_of_distances(coarse)
    landmarks = {"low": low, "high": high, "promontory": promontory}
    landmarks |= {f"shaft_{side}": _shaft(meshes[f"femur_{side}"][0], origin) for side in ("left", "right")}
    landmarks |= {f"head_{side}": _top(meshes[f"femur_{side}"][0]) for side in ("left", "right")}
    landmarks = {name: np.round(point, 4) for name, point in landmarks.items()}
    return Bones(origin, {name: distances[name] for name in (*STRUCTURES, *UNLABELLED)}, labels, landmarks)


def mean_joint(mean_nodes: Floats, bones: Mapping[str, Bone]) -> Joint:
    """Head and socket of the left hip, told on the mean bones."""
    femur, hip = (_vertices(bones[name], mean_nodes) for name in ("femur_left", "hip_left"))
    centre, radius = find_joint(femur, hip, np.zeros(3)).centre_of_head(femur)
    origin = centre - VOXEL_MM * SIDE / 2
    seat = _seated(centre, radius, _distances(hip, bones["hip_left"].faces, origin, FINE), origin)
    return find_joint(femur, hip, seat - centre)


def _vertices(bone: Bone, nodes: Floats) -> Floats:
    """(V, 3) mm in RAS+, to a millionth; the model's x points to the left and its y backwards.

    Rounded here and below because BLAS differs in the last digits between kinds of processors, and voxels must not.
    """
    return np.asarray(np.round(bone.operator @ nodes, 6) * (-1.0, -1.0, 1.0))


def fine_axes(origin: Floats) -> tuple[Field, Field, Field]:
    """Coordinates in mm of the fine voxel centres along each axis, shaped to broadcast to (128, 128, 128)."""
    step = VOXEL_MM / FINE
    steps = np.arange(SIDE * FINE) * step - (VOXEL_MM - step) / 2
    x, y, z = (np.asarray(steps + start, np.float32) for start in origin)
    return x[:, None, None], y[None, :, None], z[None, None, :]


def _rotation(angles: Floats) -> Floats:
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        step = np.eye(3)
        step[a, a] = step[b, b] = np.cos(angle)
        step[a, b], step[b, a] = -np.sin(angle), np.sin(angle)
        turn = step @ turn
    return turn


def _mirrored(meshes: Mapping[str, Mesh]) -> Mesh:
    """The left femur seen in the plane between the two hip bones."""
    left, right = (meshes[f"hip_{side}"][0].mean(axis=0) for side in ("left", "right"))
    normal = (left - right) / np.linalg.norm(left - right)
    points, faces = meshes["femur_left"]
    across = (points - (left + right) / 2) @ normal
    return points - 2 * across[:, None] * normal, faces[:, ::-1]


def _distances(points: Floats, faces: NDArray[np.int64], origin: Floats, fine: int) -> Field:
    """Signed distances in mm at the centres of the 64^3 voxels, or of those that are ``fine`` times as many."""
    step = VOXEL_MM / fine
    indices = (points - origin + (VOXEL_MM - step) / 2) / step
    signed = signed_voxels(np.ascontiguousarray(np.round(indices, 6)), faces, SIDE * fine, REACH_MM / step)
    return np.clip(signed, -REACH_MM / step, REACH_MM / step) * np.float32(step)


def _seated(centre: Floats, radius: float, socket: Field, origin: Floats) -> Floats:
    """Where a ball of this radius fits, near ``centre`` and clear of its socket by `_JOINT_MM`."""
    step = VOXEL_MM / FINE
    smooth = ndimage.gaussian_filter(socket, 1.0)
    slopes = [np.gradient(smooth, step, axis=axis) for axis in range(3)]
    for _ in range(100):
        at = ((centre - origin) / step + (FINE - 1) / 2)[:, None]
        lacking = radius + _JOINT_MM - float(ndimage.map_coordinates(socket, at, order=1)[0])
        if lacking <= 0:
            break
        push = np.array([ndimage.map_coordinates(slope, at, order=1)[0] for slope in slopes])
        centre = np.round(centre + 0.5 * max(lacking, 0.2) * push / max(float(np.linalg.norm(push)), 0.1), 6)
    return centre


def _promontory(sacrum: Floats) -> Floats:
    """The middle of the upper end of the sacrum's body: the front half of its highest 25 mm."""
    top = sacrum[sacrum[:, 2] > sacrum[:, 2].max() - 25]
    front = top[top[:, 1] > np.median(top[:, 1])]
    return np.array([sacrum[:, 0].mean(), front[:, 1].mean(), front[:, 2].max()])


def _block(centre: Floats, origin: Floats) -> Field:
    """Roughly the distance to a rounded block of the size of a vertebral body."""
    x, y, z = fine_axes(origin)
    powers = [np.abs((axis.astype(np.float64) - at) / half) ** 3 for axis, at, half in zip((x, y, z), centre, _LUMBAR_MM, strict=True)]
    return np.asarray((np.cbrt(powers[0] + powers[1] + powers[2]) - 1) * _LUMBAR_MM[2], np.float32)


def _shaft(femur: Floats, origin: Floats) -> Floats:
    """Where the femur leaves the box."""
    near = femur[np.abs(femur[:, 2] - origin[2]) < 15]
    return np.asarray(near.mean(axis=0))


def _top(femur: Floats) -> Floats:
    """The middle of its highest 40 mm: about the head."""
    return np.asarray(femur[femur[:, 2] > femur[:, 2].max() - 40].mean(axis=0))
