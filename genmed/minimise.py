"""A small batched L-BFGS with a trust radius: few, expensive evaluations, every batch entry on its own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Objective = Callable[[Tensor], Tensor]
"""(B, ...) variables -> (B,) values, differentiable."""


def minimise(
    objective: Objective, start: Tensor, evaluations: int, radius: float, memory: int = 8, *, leap: bool = False
) -> Tensor:
    """The best point seen in ``evaluations`` evaluations of value and gradient, starting at ``start`` (B, ...).

    The first step goes ``radius`` down the gradient; later steps follow the L-BFGS direction (Nocedal
    1980), never further than ``radius``. After a step that does not improve an entry, that entry goes
    back to its best point and halves its radius. ``leap`` returns the next point without evaluating it
    there, one more step for the same price where a bad one can be mended later.
    """
    batch = len(start)
    point = start.detach().clone()
    reach = torch.full((batch,), radius, dtype=start.dtype, device=start.device)
    best, best_value, best_gradient = point, torch.full_like(reach, torch.inf), torch.zeros_like(point)
    pairs: list[tuple[Tensor, Tensor]] = []
    for evaluation in range(evaluations):
        variable = point.detach().requires_grad_(True)
        value = objective(variable)
        (gradient,) = torch.autograd.grad(value.sum(), variable)
        value, gradient = value.detach(), gradient.detach()
        better = value < best_value
        if evaluation:
            step, change = _flat(point - best), _flat(gradient - best_gradient)
            pairs = [*pairs[-(memory - 1) :], (step, change)]
            reach = torch.where(better, reach, reach / 2)
        wide = better.reshape(-1, *[1] * (start.ndim - 1))
        best, best_gradient = torch.where(wide, point, best), torch.where(wide, gradient, best_gradient)
        best_value = torch.where(better, value, best_value)
        direction = -_two_loop(_flat(best_gradient), pairs)
        downhill = (direction * _flat(best_gradient)).sum(1) < 0
        direction = torch.where(downhill[:, None], direction, -_flat(best_gradient))
        length = direction.norm(dim=1).clamp(min=1e-12)
        # Without curvature the length of the gradient means nothing: go the whole radius.
        scale = reach / length if not pairs else torch.clamp(reach / length, max=1.0)
        point = best + (direction * scale[:, None]).reshape(start.shape)
    return point if leap else best


def _flat(x: Tensor) -> Tensor:
    return x.flatten(1)


def _two_loop(gradient: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Inverse Hessian times (B, N) gradient from (step, gradient change) pairs, oldest first.

    A pair without positive curvature says nothing about a minimum and is skipped.
    """
    direction = gradient
    used: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for step, change in reversed(pairs):
        curvature = (step * change).sum(1)
        usable = curvature > 1e-10 * change.square().sum(1)
        inverse = torch.where(usable, 1 / curvature.clamp(min=1e-30), torch.zeros_like(curvature))
        weight = inverse * (step * direction).sum(1)
        direction = direction - weight[:, None] * change
        used.append((step, change, inverse, weight))
    if pairs:
        direction = direction * _latest_scale(*pairs[-1])[:, None]
    for step, change, inverse, weight in reversed(used):
        correction = inverse * (change * direction).sum(1)
        direction = direction + (weight - correction)[:, None] * step
    return direction


def _latest_scale(step: Tensor, change: Tensor) -> Tensor:
    """(B,) size of the inverse Hessian along the latest step, 1 where its curvature is not positive."""
    curvature = (step * change).sum(1)
    size = curvature / change.square().sum(1).clamp(min=1e-30)
    return torch.where(curvature > 0, size, torch.ones_like(size))
