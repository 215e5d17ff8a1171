"""From a shape to the points that stand for it, by one of two conventions.

``field`` (PointFlow and those who follow): area-uniform points of a mesh or of the level-0 surface of an SDF;
of a cloud a subset without replacement. ``genmed`` (the published code): farthest-point samples of the
vertices, from the first one on, padded with seeded duplicates where there are fewer.

Coordinates are those of the file. An SDF has none: its points are voxel indices divided by its longest side,
so a 64-voxel box has edge 1, as in the profiles of the same names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.data.clouds.shapes import Grid, Shape
from benchmark.metrics.arrays import LARGEST
from benchmark.metrics.conventions import FIELD_POINTS, GENMED_POINTS, field_points, genmed_points
from benchmark.metrics.sampling import area_uniform_points, farthest_points
from benchmark.metrics.surface import NoSurfaceError, Surface, extract_surface
from medshape_text.reading.limits import MAX_POINTS, BadShapeError, check_size
from medshape_text.reading.meshes import Cloud, Floats, Mesh
from medshape_text.seeds import seed_for

Convention = Literal["field", "genmed"]
Normalisation = Literal["none", "shape", "box"]
POINTS: dict[Convention, int] = {"field": FIELD_POINTS, "genmed": GENMED_POINTS}
_UNITS: dict[Normalisation, str] = {"none": "as-in-file", "shape": "own-std", "box": "half-longest-side"}


@dataclass(frozen=True)
class Sample:
    """The points of one shape, and whether some of them had to be repeated (``genmed`` only)."""

    points: Floats
    padded: bool = False


@dataclass(frozen=True)
class Sampling:
    """How shapes become clouds.

    Attributes:
        convention: "field" or "genmed".
        points: how many; None takes 2048 (field) or 512 (genmed).
        normalise: of the sampled points. "none": as they are, as PointFlow's numbers are; "shape": centroid at
            the origin, standard deviation of all coordinates 1; "box": bounding box centred, longest side from
            -1 to 1.
        seed: of the whole run; a shape's own seed also depends on its identity.
    """

    convention: Convention
    points: int | None = None
    normalise: Normalisation = "none"
    seed: int = 0

    @property
    def count(self) -> int:
        """How many points a shape gets."""
        return POINTS[self.convention] if self.points is None else self.points

    @property
    def choices(self) -> dict[str, object]:
        """What a signature has to tell about it."""
        samples: dict[Convention, dict[str, object]] = {
            "field": {"mesh": "area-uniform", "cloud": "subset"},
            "genmed": {"sample": "fps-vertices", "short": "duplicates"},
        }
        chosen = {"points": self.count, **samples[self.convention], "level": 0, "sdf-unit": "box"}
        return chosen | {"normalise": self.normalise, "unit": _UNITS[self.normalise], "seed": self.seed}

    def draw(self, shape: Shape, identity: str) -> Sample:
        """The points of a shape.

        Args:
            shape: what its file holds.
            identity: its name; the same name gives the same draw.

        Raises:
            BadShapeError: if it has no surface, area or extent, too few points, or coordinates that are not
                finite or beyond 1e15.
        """
        purpose = "field/points" if self.convention == "field" else "genmed/padding"
        seed = seed_for(identity, purpose, self.seed)
        _check_finite(shape)
        if self.convention == "field":
            points, padded = self._field(shape, seed), False
        else:
            points, padded = self._genmed(shape, seed)
        return Sample(_normalised(points, self.normalise), padded)

    def _field(self, shape: Shape, seed: int) -> Floats:
        if isinstance(shape, Cloud):
            if len(shape.points) < self.count:
                raise BadShapeError("too few points", f"{len(shape.points)}, {self.count} are needed")
            if len(shape.points) == self.count:
                return shape.points
            chosen = np.random.default_rng(seed).choice(len(shape.points), self.count, replace=False)
            return shape.points[chosen]
        surface = _surface(shape, 0.0, close=True) if isinstance(shape, Grid) else shape
        try:
            return area_uniform_points(surface.vertices, surface.faces, self.count, seed)
        except ValueError as error:
            raise BadShapeError("no area") from error

    def _genmed(self, shape: Shape, seed: int) -> tuple[Floats, bool]:
        points = _vertices(shape)
        if not len(points):
            raise BadShapeError("no points")
        chosen = farthest_points(points, self.count)
        short = self.count - len(chosen)
        if short:
            chosen = np.concatenate([chosen, chosen[np.random.default_rng(seed).integers(len(chosen), size=short)]])
        return points[chosen], short > 0


def _vertices(shape: Shape) -> Floats:
    if isinstance(shape, Cloud):
        return shape.points
    if isinstance(shape, Mesh):  # vertices no triangle uses are not part of the shape
        return shape.vertices[np.unique(shape.faces)]
    low, high = float(shape.values.min()), float(shape.values.max())
    return _surface(shape, 0.0 if low <= 0.0 <= high else (low + high) / 2, close=False).vertices


def _surface(grid: Grid, level: float, close: bool) -> Surface:
    inside = grid.values < level
    crossings = sum(int(np.count_nonzero(np.diff(inside, axis=axis))) for axis in range(3))
    check_size("vertices of the surface", crossings, MAX_POINTS)
    try:
        surface = extract_surface(grid.values, level, close)
    except NoSurfaceError as error:
        raise BadShapeError("no surface", str(error)) from error
    return Surface(surface.vertices / max(grid.values.shape), surface.faces)


def _check_finite(shape: Shape) -> None:
    if isinstance(shape, Mesh):
        numbers: NDArray[np.floating] = shape.vertices[np.unique(shape.faces)]
    else:
        numbers = shape.points if isinstance(shape, Cloud) else shape.values
    bad = int(np.size(numbers) - np.count_nonzero(np.isfinite(numbers)))
    if bad:
        raise BadShapeError("not finite", f"{bad} of {np.size(numbers)} numbers are NaN or infinite")
    if np.size(numbers) and float(np.abs(numbers).max()) > LARGEST:
        raise BadShapeError("too large", f"numbers beyond {LARGEST:g}, whose squares overflow")


def _normalised(points: Floats, normalise: Normalisation) -> Floats:
    if normalise == "none":
        return points
    if normalise == "shape":
        centre, extent = points.mean(axis=0), float((points - points.mean(axis=0)).std())
    else:
        low, high = points.min(axis=0), points.max(axis=0)
        centre, extent = (low + high) / 2, float((high - low).max()) / 2
    if not 0 < extent < np.inf:
        raise BadShapeError("no extent", "all of its points are one")
    return np.asarray((points - centre) / extent)
