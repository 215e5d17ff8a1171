"""A few numbers that a shape keeps when turned, mirrored, moved, scaled or meshed anew; copies are searched by them.

They are made of moments of the solid: each voxel counts by the share of it that is inside, which the SDF tells to
a fraction of a voxel. So they depend neither on the mesh nor on surface samples, and vertex noise averages out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import sph_harm_y

from medshape_text.frame import HALF_BOX_VOXELS
from medshape_text.records import Shape
from medshape_text.stage import Drop, Stage

_POWERS = ((2, 2), (3, 1), (3, 3), (4, 2), (4, 4), (6, 2), (6, 4), (6, 6), (8, 2), (8, 4), (8, 6), (8, 8))
"""(order n, band l) of the moments whose length is a feature."""
_PRODUCTS = ((4, 2, 2), (6, 4, 2), (8, 6, 2), (6, 4, 4), (8, 6, 4), (8, 6, 6))
"""(order, order, band) of the moments whose inner product is a feature."""
_HIGHEST = 8
FEATURES = (
    *(f"spread {axis}" for axis in ("short", "middle", "long")),
    "radius 4",
    *(f"power {order}-{band}" for order, band in _POWERS),
    *(f"product {first}-{second}-{band}" for first, second, band in _PRODUCTS),
)
"""Names of the 22 numbers of a signature, in their order."""

Floats = NDArray[np.float64]


def signature(sdf: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rotation, reflection, translation and scale invariants of the solid ``sdf < 0``: (22,) float32.

    All lengths are relative to the radius of gyration of the solid. The features are the standard deviations
    along the principal axes, the fourth-order mean radius, and of ``moment(n, l)``, the mean of r^n Y_l over the
    solid, the lengths and the inner products of moments of one band l, relative to the mean of r^n. None of them
    needs a choice of axes, so none jumps where two axes are equally long.

    Args:
        sdf: (R, R, R) float, cubic, negative inside, in canonical units.

    Raises:
        ValueError: if the array is not cubic or nothing is inside.
    """
    if sdf.ndim != 3 or len(set(sdf.shape)) != 1:
        raise ValueError(f"expected a cubic SDF, got shape {sdf.shape}")
    moments = _central_moments(sdf)
    size = {order: float(_band_moment(moments, order, 0)[0]) for order in (4, 6, 8)} | {2: 1.0}
    radius = size[4] ** 0.25
    size[3] = radius**3
    covariance = np.array([
        [moments[2, 0, 0], moments[1, 1, 0], moments[1, 0, 1]],
        [moments[1, 1, 0], moments[0, 2, 0], moments[0, 1, 1]],
        [moments[1, 0, 1], moments[0, 1, 1], moments[0, 0, 2]],
    ])  # fmt: skip
    spread = np.sqrt(np.maximum(np.linalg.eigvalsh(covariance), 0))
    band = {key: _band_moment(moments, *key) / size[key[0]] for key in _POWERS}
    length = {key: float(np.linalg.norm(value)) for key, value in band.items()}
    products = [
        # the sum of lengths makes a product as large as a length, and zero where both moments vanish
        float(band[first, key] @ band[second, key]) / (length[first, key] + length[second, key] + 1e-3)
        for first, second, key in _PRODUCTS
    ]
    return np.array([*spread, radius, *length.values(), *products], dtype=np.float32)


def _central_moments(sdf: NDArray[np.float32]) -> Floats:
    """Mean of x^a y^b z^c over the solid for a, b, c up to the highest order, in radii of gyration from its centre."""
    half_box = np.float32(HALF_BOX_VOXELS * sdf.shape[0] / 64)
    solid = np.clip(np.float32(0.5) - np.asarray(sdf, dtype=np.float32) * half_box, 0, 1)
    touched = [np.flatnonzero(solid.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    if not len(touched[0]):
        raise ValueError("nothing is inside the shape")
    box = tuple(slice(int(index[0]), int(index[-1]) + 1) for index in touched)
    solid = solid[box]
    profile = [solid.sum(axis=axes, dtype=np.float64) for axes in ((1, 2), (0, 2), (0, 1))]
    volume = profile[0].sum()
    place = [np.arange(len(mass)) - np.arange(len(mass)) @ mass / volume for mass in profile]
    gyration = np.sqrt(sum(float(at * at @ mass) for at, mass in zip(place, profile, strict=True)) / volume)
    if not gyration > 0:
        raise ValueError("the shape is a single voxel")
    x, y, z = (np.power.outer(at / gyration, np.arange(_HIGHEST + 1)) for at in place)
    along_z = (solid.reshape(-1, len(z)) @ z.astype(np.float32)).reshape(*solid.shape[:2], -1).astype(np.float64)
    return np.asarray(np.einsum("xa,xyc,yb->abc", x, along_z, y, optimize=["einsum_path", (0, 1), (0, 1)]) / volume)


def _band_moment(moments: Floats, order: int, band: int) -> Floats:
    exponents = _exponents(order)
    return np.asarray(_harmonics(order, band) @ moments[exponents[:, 0], exponents[:, 1], exponents[:, 2]])


@lru_cache(maxsize=32)
def _exponents(order: int) -> NDArray[np.intp]:
    return np.array([(a, b, order - a - b) for a in range(order + 1) for b in range(order + 1 - a)])


@lru_cache(maxsize=32)
def _harmonics(order: int, band: int) -> Floats:
    """Coefficients (2 l + 1, K) that make r^n Y_l of the K monomials of degree n; Y_l0 is 1 at the pole.

    On the unit sphere the polynomial has the values of the spherical harmonic, and monomials of one degree are
    independent there: so the coefficients follow from enough directions by least squares.
    """
    count = 400
    height = 1 - 2 * (np.arange(count) + 0.5) / count
    azimuth = np.pi * (1 + np.sqrt(5)) * np.arange(count)
    level = np.sqrt(1 - height**2)
    directions = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), height], axis=1)
    monomials = np.prod(directions[:, None, :] ** _exponents(order)[None], axis=2)
    values = []
    for m in range(band + 1):
        harmonic = sph_harm_y(band, m, np.arccos(height), azimuth)
        values += [harmonic.real] if m == 0 else [np.sqrt(2) * harmonic.real, np.sqrt(2) * harmonic.imag]
    scaled = np.stack(values, axis=1) * np.sqrt(4 * np.pi / (2 * band + 1))
    return np.asarray(np.linalg.lstsq(monomials, scaled, rcond=None)[0].T)


def add_signature(shape: Shape) -> Shape | Drop:
    """Fill in the signature; reason ``no-signature`` where the solid is a single voxel or nothing.

    Raises:
        ValueError: if the shape has no SDF yet.
    """
    if shape.sdf is None:
        raise ValueError(f"{shape.id} needs an SDF before its signature")
    try:
        found = signature(shape.sdf)
    except ValueError as error:
        return Drop("no-signature", str(error))
    return replace(shape, signature=found)


STAGE = Stage("signature", "1", add_signature)
