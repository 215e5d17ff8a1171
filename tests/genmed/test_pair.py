"""Every part may be given, measured, asked for or unknown: on a Gaussian pair all answers are known in closed form."""

from __future__ import annotations

import pytest
import torch
from gaussian import GaussianPair
from torch import Tensor

from genmed.guidance import Intensities, Measurement, NoiseModels
from genmed.pair import Known
from genmed.sample import GuidedSettings, sample_guided, sample_published, sample_unguided

MODEL = GaussianPair(steps=400)


def _draw(known: Known, samples: int = 4000) -> dict[str, Tensor]:
    return sample_unguided(MODEL, known, samples, torch.Generator().manual_seed(1), "cpu")


def _agrees(samples: Tensor, mean: Tensor, covariance: Tensor) -> None:
    torch.testing.assert_close(samples.double().mean(dim=0), mean, atol=0.06, rtol=0)
    torch.testing.assert_close(torch.cov(samples.double().T), covariance, atol=0.08, rtol=0.1)


@pytest.mark.parametrize(("asked", "given"), [("x", "y"), ("y", "x")])
def test_either_part_can_be_asked_for_given_the_other(asked: str, given: str) -> None:
    code = torch.tensor([[0.7, -1.2, 0.4]]) if given == "x" else torch.tensor([[1.5, -0.5]])
    drawn = _draw(Known(given={given: code}, wanted=(asked,)))
    assert set(drawn) == {asked}
    _agrees(drawn[asked], *MODEL.conditional(asked, code[0]))


def test_both_parts_can_be_asked_for() -> None:
    drawn = _draw(Known(wanted=("y", "x")))
    _agrees(torch.cat([drawn["x"], drawn["y"]], dim=1), MODEL.mean, MODEL.covariance)


def test_a_part_of_which_nothing_is_known_leaves_the_marginal_of_the_other() -> None:
    drawn = _draw(Known(wanted=("x",)))
    assert set(drawn) == {"x"}
    _agrees(drawn["x"], MODEL.mean[:3], MODEL.covariance[:3, :3])


STEP = 340
"""Late enough to know little, early enough for single precision."""
READS = torch.tensor([[1.0, 1.0]])
SPREAD = 0.1


def _sum_of_y(value: float) -> Measurement:
    """Reads y1 + y2 in the units of y, which are not those of its code."""
    everywhere = torch.ones(1, dtype=torch.bool)
    return Measurement("y", lambda y: y @ READS.T.to(y), torch.tensor([value]), everywhere, False, "image")


def _posterior(value: float) -> Tensor:
    """Most probable (x, y) codes, first given that the noisy codes are zero, then the reading of y."""
    alpha, sigma = MODEL.schedule.alpha[STEP], MODEL.schedule.sigma[STEP]
    n = len(MODEL.mean)
    prior = torch.linalg.inv(torch.linalg.inv(MODEL.covariance) + (alpha / sigma) ** 2 * torch.eye(n).double())
    mean = prior @ torch.linalg.solve(MODEL.covariance, MODEL.mean)
    read = torch.cat([torch.zeros(1, 3), 2.0 * READS], dim=1).double()  # decode(y) = 2 y + 1
    gain = prior @ read.T / (read @ prior @ read.T + SPREAD**2)
    return mean + (gain * (value - 2.0 - read @ mean)).sum(dim=1)


def test_what_is_read_of_one_part_moves_both() -> None:
    models = NoiseModels(intensities=Intensities(spread=SPREAD))
    settings = GuidedSettings(levels=(STEP,), evaluations=80, radius=50.0, noise_models=models)
    known = Known(measured=(_sum_of_y(4.0),), wanted=("x",))
    found = sample_guided(MODEL, known, 1, torch.Generator().manual_seed(0), "cpu", settings)
    expected = _posterior(4.0)
    torch.testing.assert_close(found["y"][0].double(), expected[3:], atol=5e-3, rtol=5e-3)
    torch.testing.assert_close(found["x"][0].double(), expected[:3], atol=5e-3, rtol=5e-3)
    assert float((expected[:3] - MODEL.mean[:3]).abs().max()) > 0.1  # or the test could not fail


def test_the_published_sampler_moves_towards_what_was_read() -> None:
    model = GaussianPair(steps=50)
    far = float(model.mean[3:].sum() * 2 + 2 + 6)
    known = Known(measured=(_sum_of_y(far),), wanted=("x",))
    drawn = sample_published(model, known, 200, torch.Generator().manual_seed(0), "cpu")
    plain = sample_unguided(model, Known(wanted=("x", "y")), 200, torch.Generator().manual_seed(0), "cpu")
    off = [abs(float((2 * y + 1).sum(dim=1).mean()) - far) for y in (drawn["y"], plain["y"])]
    assert off[0] < 0.5 * off[1]


def test_a_part_may_be_given_beside_a_measurement_of_another() -> None:
    """With x given the reading moves y alone, from the conditional."""
    x = torch.tensor([[0.7, -1.2, 0.4]])
    mean, covariance = MODEL.conditional("y", x[0])
    alpha, sigma = MODEL.schedule.alpha[STEP], MODEL.schedule.sigma[STEP]
    prior = torch.linalg.inv(torch.linalg.inv(covariance) + (alpha / sigma) ** 2 * torch.eye(2).double())
    mean = prior @ torch.linalg.solve(covariance, mean)
    models = NoiseModels(intensities=Intensities(spread=SPREAD))
    settings = GuidedSettings(levels=(STEP,), evaluations=80, radius=50.0, noise_models=models)
    known = Known({"x": x}, (_sum_of_y(4.0),), ("y",))
    found = sample_guided(MODEL, known, 1, torch.Generator().manual_seed(0), "cpu", settings)
    read = 2.0 * READS.double()
    gain = prior @ read.T / (read @ prior @ read.T + SPREAD**2)
    expected = mean + (gain * (4.0 - 2.0 - read @ mean)).sum(dim=1)
    assert set(found) == {"y"}
    torch.testing.assert_close(found["y"][0].double(), expected, atol=5e-3, rtol=5e-3)


def test_questions_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="no part 'z'"):
        _draw(Known(wanted=("z",)))
    with pytest.raises(ValueError, match="is given"):
        _draw(Known(given={"x": torch.zeros(1, 3)}, wanted=("x",)))
