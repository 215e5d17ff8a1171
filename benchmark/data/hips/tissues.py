"""What the body is made of, fine voxel by fine voxel: the declared tissue model of ``hips``.

Bone is a cortical shell of varying thickness round trabecular bone that thins out to marrow. How dense it is differs
between people by a factor of two. Everything else is drawn without looking at the bones, so that it cannot give them
away, and holds what a threshold takes for bone: vessels and bowel with contrast agent, a bladder that may be full of
it, calcifications, the other femur and a lumbar vertebra.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.data.hips.bones import FINE, SIDE, VOXEL_MM, Bones, Field, Floats, fine_axes
from benchmark.data.hips.fields import exponential, ramp, smooth_field
from medshape_text.seeds import generator_for

FINE_MM, FINE_SIDE = VOXEL_MM / FINE, SIDE * FINE

AIR, FAT, MUSCLE, WATER, BOWEL, GAS, VESSEL, CALCIUM, CORTICAL, TRABECULAR, MARROW = range(11)
TISSUES = 11
"""Number of kinds of tissue."""


@dataclass(frozen=True, eq=False)
class Body:
    """Tissues of one subject.

    Attributes:
        soft: (128, 128, 128) uint8, which tissue there would be without bones.
        outer: (128, 128, 128), how much of each fine voxel is bone.
        inner: the same, what lies within the cortical shell.
        trabecular: the same, how much of the inside is trabecular bone, the rest being marrow.
        density: of the bones, 1 for a young adult.
        enhanced: whether bowel, bladder and vessels hold contrast agent.
    """

    soft: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    outer: Field
    inner: Field
    trabecular: Field
    density: float
    enhanced: Mapping[int, bool]


def lay_out(subject: str, bones: Bones) -> Body:
    """The tissues of a subject; the same every time."""
    rng = generator_for(subject, "hips/tissues")
    density = float(rng.uniform(0.55, 1.15))
    outer, inner, trabecular = _skeleton(rng, bones)
    enhanced = {tissue: bool(rng.random() < share) for tissue, share in ((WATER, 0.35), (BOWEL, 0.5), (VESSEL, 0.5))}
    return Body(_soft(rng, bones), outer, inner, trabecular, density, enhanced)


def _skeleton(rng: np.random.Generator, bones: Bones) -> tuple[Field, Field, Field]:
    """Shares of bone, of what lies within its cortex, and of trabeculae therein."""
    shell = np.float32(rng.uniform(1.4, 2.4)) * exponential(np.float32(0.3) * _field(rng, 20.0))
    _, _, z = fine_axes(bones.origin)
    outer, inner = np.zeros((2, *shell.shape), np.float32)
    depth = np.full_like(shell, -np.inf)
    for name, distances in bones.distances.items():
        thickness = shell
        if name.startswith("femur"):  # the wall of the shaft is thick, 60 mm and more below the head
            below = np.float32(bones.landmarks[f"head_{name.removeprefix('femur_')}"][2]) - z
            thickness = shell * (1 + 1.8 * np.clip((below - 60) / 60, 0, 1))
        outer = np.maximum(outer, ramp(distances, FINE_MM))
        inner = np.maximum(inner, ramp(distances + thickness, FINE_MM))
        depth = np.maximum(depth, -distances - thickness)
    thinning = np.clip(depth / np.float32(rng.uniform(14, 24)), 0, 1)  # few trabeculae deep inside
    trabecular = np.clip(0.95 - 0.75 * thinning + 0.15 * _field(rng, 5.0), 0, 1)
    return outer, inner, trabecular


def _soft(rng: np.random.Generator, bones: Bones) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Which soft tissue, fluid or gas each fine voxel holds."""
    level, under_skin = _outline(rng, bones)
    x, y, z = fine_axes(bones.origin)
    fatty, lumps = _field(rng, 9.0), _field(rng, 14.0)
    soft = np.where(fatty > rng.uniform(0.3, 0.9), FAT, MUSCLE).astype(np.uint8)
    soft[under_skin] = FAT

    low, high = bones.landmarks["low"], bones.landmarks["high"]
    middle = (low + high) / 2 + (0, 12, 5)
    cavity = _ball(middle + rng.uniform(-6, 6, 3), rng.uniform((50, 38, 60), (70, 52, 85)), x, y, z) < 1
    soft[cavity] = np.where(lumps > rng.uniform(0.0, 0.6), BOWEL, FAT)[cavity]
    soft[cavity & (lumps > rng.uniform(1.3, 1.9))] = GAS
    bladder = middle + (rng.uniform(-8, 8), rng.uniform(5, 18), rng.uniform(-55, -30))
    soft[_ball(bladder, rng.uniform((22, 18, 16), (42, 30, 34)), x, y, z) < 1] = WATER
    for side in ("left", "right"):
        start = bones.landmarks["promontory"] + (0, 22, 25)
        head, shaft = bones.landmarks[f"head_{side}"], bones.landmarks[f"shaft_{side}"]
        inwards = -np.sign(head[0]) * np.array([14.0, 0, 0])
        path = [start, head + inwards + (0, 38, 10), shaft + inwards + (0, 22, 0), shaft + inwards + (0, 10, -40)]
        for shift in ((0, 0, 0), (np.sign(head[0]) * -13, -6, 0)):  # an artery, and a vein beside it
            near = _tube([point + shift for point in path], x, y, z)
            soft[near < rng.uniform(3.5, 6.0)] = VESSEL
    soft[(_field(rng, 4.0) > 4.1) & (soft != GAS)] = CALCIUM
    soft[level > 0] = AIR
    return soft


def _outline(rng: np.random.Generator, bones: Bones) -> tuple[Field, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """About how far each fine voxel is outside of the skin in mm, and which lie in the fat under it."""
    x, y, z = fine_axes(bones.origin)
    low, high = bones.landmarks["low"], bones.landmarks["high"]
    centre, half = (low + high) / 2, (high - low) / 2
    a, b = half[0] + rng.uniform(18, 55), half[1] + rng.uniform(28, 60)
    trunk = _superellipse((x - centre[0]) / a, (y - centre[1]) / b, float(min(a, b)))
    fork = low[2] + rng.uniform(-30, -5)
    trunk = trunk + np.maximum(fork - z, 0)  # below the fork there are legs only
    legs = np.full(trunk.shape, np.inf, np.float32)
    for side in ("left", "right"):
        shaft = bones.landmarks[f"shaft_{side}"]
        wide, deep = rng.uniform(78, 96), rng.uniform(80, 98)
        leg = _superellipse((x - shaft[0] * 0.92) / wide, (y - shaft[1] + 8) / deep, float(min(wide, deep)))
        legs = np.minimum(legs, leg + 0.6 * np.maximum(z - fork - 60, 0))
    level = np.minimum(trunk, legs) + np.float32(4) * _field(rng, 30.0)
    nearest = np.min(np.stack([each for each in bones.distances.values()]), axis=0)
    level = np.minimum(level, nearest - np.float32(rng.uniform(9, 14)))  # bones stay under the skin
    fat = np.float32(rng.uniform(9, 34)) * exponential(np.float32(0.25) * _field(rng, 40.0))
    return level, level > -fat


def _field(rng: np.random.Generator, scale_mm: float) -> Field:
    return smooth_field(rng, FINE_SIDE, FINE_MM, scale_mm)


def _superellipse(u: Field, v: Field, size: float) -> Field:
    """About the distance in mm to the outline |u|^2.5 + |v|^2.5 = 1, negative inside."""
    a, b = (np.abs(each.astype(np.float64)) ** 2.5 for each in (u, v))  # see fields.exponential
    return np.asarray(((a + b) ** 0.4 - 1) * size, np.float32)


def _ball(centre: Floats, radii: Floats, x: Field, y: Field, z: Field) -> Field:
    """Below 1 inside an ellipsoid."""
    return np.asarray(sum(((axis - c) / r) ** 2 for axis, c, r in zip((x, y, z), centre, radii, strict=True)))


def _tube(path: list[Floats], x: Field, y: Field, z: Field) -> Field:
    """Distance in mm to a line of straight pieces."""
    nearest = np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), np.inf, np.float32)
    for start, end in zip(path[:-1], path[1:], strict=True):
        way = end - start
        px, py, pz = x - start[0], y - start[1], z - start[2]
        along = np.clip((px * way[0] + py * way[1] + pz * way[2]) / (way @ way), 0, 1)
        squared = (px - along * way[0]) ** 2 + (py - along * way[1]) ** 2 + (pz - along * way[2]) ** 2
        nearest = np.minimum(nearest, np.sqrt(squared))
    return nearest
