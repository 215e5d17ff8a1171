"""How images are seen: whole, at low resolution, without slices, under noise. Each is a declared operator.

All but noise are exact: what is read is right. Methods are told of noise that it is there and how strong, not where.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmark.contract import Array, Observation, Operator, Space, Volume
from benchmark.errors import DataError
from benchmark.names import unknown
from benchmark.observations.operators import AveragePool, Identity, Slices
from benchmark.tasks.segmentation.tasks import IMAGE

AXIAL = 2
"""Axis of index order (x, y, z) across which slices lie."""
NOISE = 0.15
"""Standard deviation of the noise as a share of the image's range between its 1st and 99th percentile."""
_RANGE = (1.0, 99.0)


def observe(name: str, image: Volume, space: Space, seed: int) -> Observation:
    """See an image.

    Args:
        name: one of `DEGRADATIONS`.
        image: (X, Y, Z) float32.
        space: of the image; what is read of it has the same unit.
        seed: of the noise; nothing else is drawn.

    Raises:
        UnknownNameError: for another name.
        DataError: if the image cannot be seen so, because its sides are no multiples of the factor, say.
    """
    if name not in DEGRADATIONS:
        raise unknown("degradation", name, DEGRADATIONS)
    return DEGRADATIONS[name](np.asarray(image, np.float32), space, seed)


def kept_slices(count: int, missing: float) -> tuple[int, ...]:
    """Indices that are left of ``count`` slices when the share ``missing`` in the middle is taken away.

    >>> kept_slices(8, 0.5)
    (0, 1, 6, 7)
    """
    gone = round(count * missing)
    first = (count - gone) // 2
    return (*range(first), *range(first + gone, count))


def spread_slices(count: int, kept: int) -> tuple[int, ...]:
    """Indices of ``kept`` slices in the middle of as many equal parts of ``count``.

    >>> spread_slices(64, 4)
    (8, 24, 40, 56)

    Raises:
        DataError: if there are not so many.
    """
    if kept > count:
        raise DataError(f"{kept} slices cannot be kept of {count}")
    return tuple(int((index + 0.5) * count / kept) for index in range(kept))


def _read(operator: Operator, image: Volume, space: Space, exact: bool = True) -> Observation:
    import torch

    try:
        value: Array = operator(torch.from_numpy(image)).numpy()
    except ValueError as error:
        raise DataError(str(error)) from error
    return _observation(operator, np.array(value, np.float32), space, exact)


def _observation(operator: Operator, value: Array, space: Space, exact: bool, **parameters: object) -> Observation:
    read = Space("image", "float32", tuple(value.shape), space.names, space.unit)
    return Observation(IMAGE, operator, value, np.ones(value.shape, bool), exact, read, parameters)


def _whole(image: Volume, space: Space, _seed: int) -> Observation:
    return _read(Identity(), image, space)


def _lowres(factor: int) -> _Degradation:
    return lambda image, space, _seed: _read(AveragePool(factor), image, space)


def _slices(choose: Callable[[int], Sequence[int]]) -> _Degradation:
    return lambda image, space, _seed: _read(Slices(AXIAL, tuple(choose(image.shape[AXIAL]))), image, space)


def _noisy(image: Volume, space: Space, seed: int) -> Observation:
    low, high = np.percentile(image, _RANGE)
    sigma = float(NOISE * (high - low))
    noise = np.random.default_rng(seed).standard_normal(image.shape, dtype=np.float32)
    value = np.asarray(image + np.float32(sigma) * noise, np.float32)
    return _observation(Identity(), value, space, False, noise="gaussian", standard_deviation=sigma)


_Degradation = Callable[[Volume, Space, int], Observation]

DEGRADATIONS: dict[str, _Degradation] = {
    "whole": _whole,
    **{f"lowres-x{factor}": _lowres(factor) for factor in (2, 4, 8)},
    **{f"missing-{share}": _slices(lambda count, s=share: kept_slices(count, s / 100)) for share in (25, 50)},  # type: ignore[misc]
    **{f"slices-{kept}": _slices(lambda count, k=kept: spread_slices(count, k)) for kept in (4, 8, 16)},  # type: ignore[misc]
    "noisy": _noisy,
}
