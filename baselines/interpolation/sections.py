"""Observed planes as 2-D sections: their signed distances and their moments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmark.contract import Observation
from benchmark.observations.agreement import observed_inside

FloatArray = NDArray[np.float64]

_PIXEL_VARIANCE = 0.25
"""Added to second moments, in pixels squared, so that a section one pixel wide has a size."""


@dataclass(frozen=True, eq=False)
class Section:
    """One fully observed plane.

    ``axis`` 0..2 it is perpendicular to, ``index`` along that axis, ``inside`` (64, 64) bool in the order of
    the other axes.
    """

    axis: int
    index: int
    inside: NDArray[np.bool_]

    @property
    def empty(self) -> bool:
        """No foreground on this plane."""
        return not self.inside.any()

    @cached_property
    def distance(self) -> FloatArray:
        """Signed in-plane distance in pixels (see `signed_distance`); not for empty sections."""
        return signed_distance(self.inside)

    @cached_property
    def centre(self) -> FloatArray:
        """Centroid of the foreground in pixels, (2,)."""
        return np.asarray(np.argwhere(self.inside).mean(axis=0))

    @cached_property
    def spread(self) -> FloatArray:
        """Square root of the foreground's second-moment matrix in pixels, (2, 2) symmetric positive definite."""
        offsets = np.argwhere(self.inside) - self.centre
        values, vectors = np.linalg.eigh(offsets.T @ offsets / len(offsets) + _PIXEL_VARIANCE * np.eye(2))
        return np.asarray((vectors * np.sqrt(values)) @ vectors.T)


def signed_distance(inside: NDArray[np.bool_]) -> FloatArray:
    """Signed distance in pixels to the boundary *between* pixels, negative inside; needs both inside and outside."""
    outside = ndimage.distance_transform_edt(~inside)
    return np.where(inside, 0.5 - ndimage.distance_transform_edt(inside), outside - 0.5)


def observed_sections(observation: Observation) -> dict[int, list[Section]]:
    """The fully observed planes by axis, each list in ascending index; axes without one are absent.

    A plane counts for the axis it is perpendicular to. A volume observed everywhere is a stack along axis 0.
    """
    inside = observed_inside(observation)
    sections: dict[int, list[Section]] = {}
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        for index in np.flatnonzero(observation.mask.all(axis=others)):
            plane = np.take(inside, index, axis=axis)
            sections.setdefault(axis, []).append(Section(axis, int(index), plane))
        if observation.mask.all():
            break
    return sections
