"""The optimiser on functions with a known minimum."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from genmed.minimise import minimise


def _quadratic(centre: Tensor, scales: Tensor) -> object:
    return lambda x: (0.5 * scales * (x - centre) ** 2).flatten(1).sum(1)


def test_finds_the_minimum_of_an_ill_conditioned_quadratic() -> None:
    scales = torch.logspace(0, 2, 20)
    centre = torch.randn(3, 20, generator=torch.Generator().manual_seed(0))
    found = minimise(_quadratic(centre, scales), torch.zeros(3, 20), evaluations=80, radius=2.0, memory=20)
    torch.testing.assert_close(found, centre, atol=2e-2, rtol=0)


def test_never_returns_worse_than_the_start_and_entries_do_not_mix() -> None:
    centre = torch.stack([torch.zeros(5), torch.full((5,), 3.0)])
    objective = _quadratic(centre, torch.ones(5))
    start = torch.zeros(2, 5)
    together = minimise(objective, start, evaluations=4, radius=50.0)
    values = objective(together)
    assert bool((values <= objective(start)).all())
    alone = minimise(_quadratic(centre[1:], torch.ones(5)), start[1:], evaluations=4, radius=50.0)
    torch.testing.assert_close(together[1:], alone)


def test_a_step_is_no_longer_than_the_radius() -> None:
    steep = _quadratic(torch.full((1, 4), 100.0), torch.ones(4))
    seen: list[Tensor] = []

    def watched(x: Tensor) -> Tensor:
        seen.append(x.detach().clone())
        return steep(x)

    minimise(watched, torch.zeros(1, 4), evaluations=3, radius=0.5)
    assert all(float((after - before).norm()) <= 0.5 + 1e-5 for before, after in itertools.pairwise(seen))
