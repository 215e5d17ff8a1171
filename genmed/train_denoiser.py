"""Stage two: the denoiser of the pair, and with a prompt stem the input-conditioned baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genmed.config import LoopConfig
from genmed.denoiser import PairEstimate
from genmed.diffusion import Schedule, add_noise
from genmed.loop import run_loop
from genmed.pair import GIVEN, PairModel, level_of
from genmed.prior import Expectation
from genmed.train_autoencoder import balanced

Prompts = Callable[[list[int], torch.Generator], Tensor]
"""Indices of training shapes and a generator -> prompts (B, channels, 64, 64, 64)."""


@dataclass(frozen=True)
class Pairs:
    """The training set of the pair: normalised latents (N, C, n, n, n), captions and what balances the draws."""

    latents: Tensor
    categories: Sequence[str]
    is_real: Sequence[bool]
    texts: Sequence[Sequence[str]]

    @cached_property
    def structures(self) -> list[int]:
        """(N,) index of every shape's category among the sorted categories."""
        names = sorted(set(self.categories))
        return [names.index(category) for category in self.categories]


def train_denoiser(
    model: PairModel, pairs: Pairs, validation: tuple[Tensor, Sequence[str]], schedule: Schedule, config: LoopConfig,
    workdir: Path, seed: int, device: str, fingerprint: str, prompts: Prompts | None = None,
    validation_prompts: Tensor | None = None, name: str = "denoiser", noisiest: float = 0.0,
) -> PairModel:  # fmt: skip
    """Train a model whose prior is fitted; see :func:`pair_loss`.

    From ``config.restart`` on, the share ``noisiest`` of all draws is from the last tenth of the schedule:
    only there a prompt says what the noisy latent does not.

    The learning curve's "validation" is the error over a ladder of noise levels with the text given, in
    units of what the prior expects of itself; "prior" is the prior's own error in these units.
    """
    structures = torch.tensor(pairs.structures)
    draw = balanced(pairs.categories, pairs.is_real)

    def loss_of(module: nn.Module, generator: torch.Generator, step: int) -> Tensor:
        assert isinstance(module, PairModel)  # noqa: S101 - narrows the loop's general type
        chosen = draw(config.batch, generator)
        clean = pairs.latents[chosen].float().to(device)
        captions = [_pick(pairs.texts[index], generator) for index in chosen]
        condition = prompts(chosen, generator).to(device) if prompts is not None else None
        share = noisiest if config.restart and step >= config.restart else 0.0
        return pair_loss(module, clean, captions, structures[chosen].to(device), schedule, generator, condition, share)

    @torch.no_grad()
    def validate(average: nn.Module) -> dict[str, float]:
        assert isinstance(average, PairModel)  # noqa: S101
        generator = torch.Generator().manual_seed(0)
        clean, captions = validation
        condition = None if validation_prompts is None else validation_prompts.to(device)
        return _validation_errors(average, clean.to(device), captions, schedule, generator, condition)

    trained = run_loop(name, model, loss_of, validate, config, workdir, seed, device, fingerprint)
    assert isinstance(trained, PairModel)  # noqa: S101
    return trained


def pair_loss(
    model: PairModel, clean: Tensor, captions: Sequence[str], structures: Tensor, schedule: Schedule,
    generator: torch.Generator, condition: Tensor | None, noisiest: float = 0.0,
) -> Tensor:  # fmt: skip
    """Training loss of one batch; ``structures`` (B,) are indices of the true categories.

    The shape's squared error in units of what the prior expects of itself, so that every structure and
    noise level counts alike; plus a tenth of the error of the text part, whose target is held constant
    so that the tower cannot make it easy, and a tenth of the cross-entropy of the structure by the text.
    """
    batch, device = len(clean), clean.device
    embedding = model.embed(captions)
    steps = draw_shape_steps(schedule, batch, generator, noisiest)
    shape_level = level_of(schedule, steps, batch, device)
    text_level = level_of(schedule, draw_text_steps(schedule, batch, generator), batch, device)
    noise = torch.randn(clean.shape, generator=generator).to(device)
    text_noise = torch.randn(embedding.shape, generator=generator).to(device)
    noisy = add_noise(clean, noise, *shape_level.unbind(1))
    noisy_text = add_noise(embedding, text_noise, *text_level.unbind(1))
    estimate: PairEstimate = model.denoiser(noisy, noisy_text, shape_level, text_level, condition)
    shape_error = relative_error(estimate.shape, clean, estimate.expected).mean()
    text_error = (estimate.text.float() - embedding.detach()).square().mean()
    return shape_error + 0.1 * text_error + 0.1 * F.nll_loss(estimate.log_structure, structures)


def relative_error(estimate: Tensor, clean: Tensor, expected: Expectation) -> Tensor:
    """(B,) mean squared error over what the prior expects; a fiftieth of its variance keeps the last steps quiet."""
    unit = expected.error.square() + 0.02 * expected.spread.square()
    return (estimate.float() - clean).square().mean(dim=(1, 2, 3, 4)) / unit


def draw_shape_steps(schedule: Schedule, batch: int, generator: torch.Generator, noisiest: float) -> Tensor:
    """(B,) times, uniform but for the share ``noisiest`` of them, which is uniform over the last tenth."""
    steps = torch.randint(schedule.steps, (batch,), generator=generator)
    late = schedule.steps - 1 - torch.randint(max(1, schedule.steps // 10), (batch,), generator=generator)
    return torch.where(torch.rand(batch, generator=generator) < noisiest, late, steps)


def draw_text_steps(schedule: Schedule, batch: int, generator: torch.Generator) -> Tensor:
    """Noise levels of the text part: given four times in five, unknown one in ten, anything in between otherwise."""
    kind = torch.rand(batch, generator=generator)
    between = torch.randint(schedule.steps, (batch,), generator=generator)
    steps = torch.where(kind < 0.9, torch.full_like(between, schedule.steps - 1), between)
    return torch.where(kind < 0.8, torch.full_like(between, GIVEN), steps)


def _validation_errors(
    model: PairModel, clean: Tensor, captions: Sequence[str], schedule: Schedule, generator: torch.Generator,
    condition: Tensor | None,
) -> dict[str, float]:  # fmt: skip
    """Mean relative errors over a fixed ladder of noise levels, text given: of the model and of its prior alone."""
    embedding = model.embed(captions)
    errors: dict[str, list[Tensor]] = {"validation": [], "prior": []}
    for step in range(4, schedule.steps, 9):
        level = level_of(schedule, step, len(clean), clean.device)
        given = level_of(schedule, GIVEN, len(clean), clean.device)
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        noisy = add_noise(clean, noise, *level.unbind(1))
        estimate: PairEstimate = model.denoiser(noisy, embedding, level, given, condition)
        errors["validation"].append(relative_error(estimate.shape, clean, estimate.expected).mean())
        errors["prior"].append(relative_error(estimate.expected.shape, clean, estimate.expected).mean())
    return {name: float(torch.stack(values).mean()) for name, values in errors.items()}


def _pick(options: Sequence[str], generator: torch.Generator) -> str:
    return options[int(torch.randint(len(options), (1,), generator=generator))]
