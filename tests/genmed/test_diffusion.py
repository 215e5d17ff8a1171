"""The forward process and its steps against closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from genmed.diffusion import add_noise, ancestral_step, cosine_schedule, renoise_step


def test_schedule_is_the_cosine_of_nichol_and_dhariwal() -> None:
    schedule = cosine_schedule(50)
    f = [math.cos((t / 50 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(51)]
    assert float(schedule.alpha[0] ** 2) == pytest.approx(f[1] / f[0])
    assert float(schedule.alpha[24] ** 2) == pytest.approx(f[25] / f[0], rel=1e-9)
    torch.testing.assert_close(schedule.alpha**2 + schedule.sigma**2, torch.ones(50, dtype=torch.float64))
    assert bool((schedule.alpha[1:] < schedule.alpha[:-1]).all())


def test_deterministic_step_keeps_the_noise() -> None:
    schedule = cosine_schedule(50)
    clean, noise = torch.randn(2, 3), torch.randn(2, 3)
    noisy = add_noise(clean, noise, schedule.alpha[30], schedule.sigma[30])
    lower = ancestral_step(schedule, noisy, clean, 30, 10, None, eta=0.0)
    expected = add_noise(clean, noise, schedule.alpha[10], schedule.sigma[10])
    torch.testing.assert_close(lower, expected, atol=1e-5, rtol=1e-5)


def test_ancestral_step_has_the_posterior_mean_and_variance() -> None:
    """q(x_s | x_t, x_0) of a Gaussian chain, from Bayes' rule on scalars."""
    schedule = cosine_schedule(50)
    t, s = 30, 29
    a_t, a_s = float(schedule.alpha[t]) ** 2, float(schedule.alpha[s]) ** 2
    ratio = a_t / a_s
    x0, xt = 0.7, -0.4
    variance = (1 - a_s) / (1 - a_t) * (1 - ratio)
    mean = math.sqrt(a_s) * (1 - ratio) / (1 - a_t) * x0 + math.sqrt(ratio) * (1 - a_s) / (1 - a_t) * xt
    n = 200_000
    drawn = ancestral_step(
        schedule, torch.full((n,), xt), torch.full((n,), x0), t, s, torch.Generator().manual_seed(0), eta=1.0
    )
    assert float(drawn.mean()) == pytest.approx(mean, abs=4 * math.sqrt(variance / n))
    assert float(drawn.var()) == pytest.approx(variance, rel=0.02)


def test_going_up_again_gives_the_marginal() -> None:
    schedule = cosine_schedule(50)
    n, x0 = 200_000, 0.5
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(n, generator=generator)
    lower = add_noise(torch.full((n,), x0), noise, schedule.alpha[10], schedule.sigma[10])
    upper = renoise_step(schedule, lower, 10, 40, generator)
    assert float(upper.mean()) == pytest.approx(float(schedule.alpha[40]) * x0, abs=0.01)
    assert float(upper.var()) == pytest.approx(float(schedule.sigma[40]) ** 2, rel=0.02)
