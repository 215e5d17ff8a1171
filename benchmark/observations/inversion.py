"""The smoothest part that reads as observed: any linear operator undone, whatever its name.

Methods that need a whole image (an input-conditioned network, registration) take this of one that was degraded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from benchmark.contract import Observation, Volume

SMOOTHNESS = 1e-3
"""Weight of the squared differences of neighbours beside those from what was read."""
ITERATIONS = 150
"""Of conjugate gradients; what was read travels one voxel in each, so gaps of some dozen voxels are filled."""
_CLOSE = 1e-5


def smoothest(observation: Observation, shape: tuple[int, int, int], iterations: int = ITERATIONS) -> Volume:
    """The part that minimises ``|mask (A(x) - value)|^2 + SMOOTHNESS |gradient of x|^2``.

    Slices are interpolated linearly between each other and go on as they are beyond the last; cubes of low resolution
    become smooth; what was read voxel by voxel stays nearly as it is. The same bytes on every run, one thread.

    Args:
        observation: of a linear operator.
        shape: (X, Y, Z) of the part.
        iterations: at most.

    Returns:
        (X, Y, Z) float32.

    Raises:
        ValueError: if the operator is not linear.
    """
    operator, mask = observation.operator, torch.from_numpy(observation.mask.astype(np.float32))
    # Around the mean of what was read the problem is the same, and rounding is less.
    seen = observation.value[observation.mask]
    middle = float(seen.mean()) if seen.size else 0.0
    flat = operator(torch.full(shape, middle))
    value = (torch.from_numpy(np.asarray(observation.value, np.float32)) - flat) * mask
    _check_linear(operator, shape)

    def normal(part: torch.Tensor) -> torch.Tensor:
        return transposed(operator, shape, operator(part) * mask) + SMOOTHNESS * _laplacian(part)

    found = _conjugate_gradients(normal, transposed(operator, shape, value), iterations)
    return np.asarray((found + middle).numpy(), np.float32)


def transposed(
    operator: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, int, int], read: torch.Tensor
) -> torch.Tensor:
    """A linear operator the other way: what was read, back on the voxels (X, Y, Z) it was read of."""
    with torch.enable_grad():  # methods predict without gradients
        part = torch.zeros(shape, requires_grad=True)
        (gradient,) = torch.autograd.grad(operator(part), part, read)
    return gradient


def _conjugate_gradients(
    normal: Callable[[torch.Tensor], torch.Tensor], right: torch.Tensor, iterations: int
) -> torch.Tensor:
    found, residual = torch.zeros_like(right), right.clone()
    direction, size = residual.clone(), float((residual**2).sum())
    least = _CLOSE**2 * size
    for _ in range(iterations):
        if size <= least:
            break
        turned = normal(direction)
        step = size / float((direction * turned).sum())
        found += step * direction
        residual -= step * turned
        size, before = float((residual**2).sum()), size
        direction = residual + size / before * direction
    return found


def _laplacian(part: torch.Tensor) -> torch.Tensor:
    """Gradient of half the squared differences of neighbours."""
    result = torch.zeros_like(part)
    for axis in range(3):
        steps = torch.diff(part, dim=axis)
        size = part.shape[axis]
        result.narrow(axis, 1, size - 1).add_(steps)
        result.narrow(axis, 0, size - 1).sub_(steps)
    return result


def _check_linear(operator: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, int, int]) -> None:
    some = torch.linspace(-1, 1, int(np.prod(shape))).reshape(shape)
    once, twice = operator(some), operator(-2 * some)
    if not torch.allclose(twice, -2 * once, rtol=1e-3, atol=1e-5):
        raise ValueError("the operator of the observation is not linear, so it cannot be undone this way")
