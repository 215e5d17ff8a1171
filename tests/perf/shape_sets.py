"""Synthetic sets of point clouds to time set metrics on: a varied one, one of a single class, one of look-alikes."""

from __future__ import annotations

import numpy as np

POINTS = 2048


def varied(count, seed):
    """Superellipsoids of any exponents and orientation, every third one bent round into a torus."""
    rng = np.random.default_rng([seed, 1])
    return np.stack([_superellipsoid(rng, torus=index % 3 == 0) for index in range(count)]).astype(np.float32)


def one_class(count, seed):
    """Chairs: a seat, four legs, a back of one board or three, arms on some; everything of random proportions."""
    rng = np.random.default_rng([seed, 2])
    return np.stack([_chair(rng) for _ in range(count)]).astype(np.float32)


def alike(count, seed):
    """One ellipsoid, sampled anew each time: no bound can tell its shapes apart."""
    rng = np.random.default_rng([seed, 3])
    directions = rng.normal(size=(count, POINTS, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    return (directions * [0.9, 0.6, 0.4]).astype(np.float32)


def _superellipsoid(rng, torus):
    axes, (vertical, around) = rng.uniform(0.25, 0.9, 3), rng.uniform(0.3, 1.7, 2)
    t, p = rng.uniform(-np.pi, np.pi, (2, POINTS))
    t = t if torus else t / 2
    middle = rng.uniform(1.5, 3) if torus else 0
    ring = middle + _power(np.cos(t), vertical)
    points = np.stack([ring * _power(np.cos(p), around), ring * _power(np.sin(p), around), _power(np.sin(t), vertical)])
    points = points.T * axes
    turned = points @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return turned / np.linalg.norm(turned, axis=1).max()


def _power(value, exponent):
    return np.sign(value) * np.abs(value) ** exponent


def _chair(rng):
    half = rng.uniform([0.28, 0.02, 0.28], [0.5, 0.08, 0.5])
    seat, leg, back = rng.uniform(-0.2, 0.1), rng.uniform(0.02, 0.06), rng.uniform(0.35, 0.75)
    boxes = [((0, seat, 0), half)]
    length = (seat - half[1] + 0.75) / 2
    feet = [(x, z) for x in (-1, 1) for z in (-1, 1)]
    boxes += [((x * (half[0] - leg), length - 0.75, z * (half[2] - leg)), (leg, length, leg)) for x, z in feet]
    boards = [(0.0, 1.0)] if rng.random() < 0.6 else [(-0.8, 0.14), (0.0, 0.14), (0.8, 0.14)]
    boxes += [((x * half[0], seat + back / 2, -half[2]), (w * half[0], back / 2, leg)) for x, w in boards]
    if rng.random() < 0.35:
        height = seat + rng.uniform(0.15, 0.3)
        boxes += [((x * half[0], height, 0), (leg, leg, half[2])) for x in (-1, 1)]
    centres, sizes = np.array([c for c, _ in boxes]), np.array([s for _, s in boxes])
    areas = np.stack([sizes[:, (k + 1) % 3] * sizes[:, (k + 2) % 3] for k in range(3)], axis=1)
    face = rng.choice(areas.size, POINTS, p=(areas / areas.sum()).ravel())
    box, axis = face // 3, face % 3
    place = rng.uniform(-1, 1, (POINTS, 3))
    place[np.arange(POINTS), axis] = np.sign(rng.random(POINTS) - 0.5)
    points = centres[box] + place * sizes[box]
    points -= points.mean(axis=0)
    return points / np.linalg.norm(points, axis=1).max()
