"""Stage two: the denoiser of the pair, and with a prompt stem the input-conditioned baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genmed.codecs import Latent
from genmed.denoiser import PairEstimate
from genmed.diffusion import Schedule, add_noise, cosine_schedule
from genmed.job import Job
from genmed.loop import run_loop
from genmed.model import PairNetworks
from genmed.pair import GIVEN, level_of
from genmed.prior import Expectation

Prompts = Callable[[Sequence[int], torch.Generator], Tensor]
"""Indices of shapes and a generator -> prompts (B, channels, 64, 64, 64)."""


@dataclass(frozen=True)
class PromptTraining:
    """What a denoiser with a prompt as input is trained on (the input-conditioned baseline).

    Attributes:
        draw: prompts of training shapes, drawn anew in every batch.
        watched: fixed prompts of the validation shapes.
        noisiest: share of the draws, after the restart, from the last tenth of the schedule: only there a prompt says
            what the noisy latent does not.
    """

    draw: Prompts
    watched: Tensor
    noisiest: float


def train_denoiser(
    networks: PairNetworks, job: Job, shape: Latent, latents: Tensor, prompts: PromptTraining | None = None
) -> PairNetworks:
    """Train a denoiser whose prior is fitted; see :func:`pair_loss`.

    The learning curve's "validation" is the error over a ladder of noise levels with the text given, in
    units of what the prior expects of itself; "prior" is the prior's own error in these units.

    Args:
        networks: on the device of the job.
        job: what is learnt from.
        shape: codec of the shapes.
        latents: (N, C, n, n, n) codes of all training shapes.
        prompts: of a denoiser that takes one.
    """
    config, device = job.settings.train_denoiser, job.device
    schedule = cosine_schedule(job.settings.diffusion_steps)
    structures, texts = torch.tensor(job.structures), job.data.texts

    def loss_of(module: nn.Module, generator: torch.Generator, step: int) -> Tensor:
        assert isinstance(module, PairNetworks)  # noqa: S101 - narrows the loop's general type
        chosen = job.draw(config.batch, generator)
        captions = [_pick(texts[index], generator) for index in chosen]
        condition = prompts.draw(chosen, generator).to(device) if prompts is not None else None
        share = prompts.noisiest if prompts is not None and config.restart and step >= config.restart else 0.0
        batch = Batch(latents[chosen].float().to(device), captions, structures[chosen].to(device), condition)
        return pair_loss(module, batch, schedule, generator, share)

    watched = watched_batch(job, shape, prompts)

    @torch.no_grad()
    def validate(average: nn.Module) -> dict[str, float]:
        assert isinstance(average, PairNetworks)  # noqa: S101
        return _validation_errors(average, watched, schedule)

    name = "denoiser" if prompts is None else "input-conditioned"
    trained = run_loop(name, networks, loss_of, validate, config, job.workspace)
    assert isinstance(trained, PairNetworks)  # noqa: S101
    return trained


@dataclass(frozen=True)
class Batch:
    """Some examples: codes (B, C, n, n, n), captions, (B,) indices of their true categories, and perhaps prompts."""

    latents: Tensor
    captions: Sequence[str]
    structures: Tensor
    prompts: Tensor | None = None


@torch.no_grad()
def watched_batch(job: Job, shape: Latent, prompts: PromptTraining | None) -> Batch:
    """The validation shapes under their plain names."""
    codes = [shape.encode(part.to(job.device)).cpu() for part in torch.split(job.watched, 8)]
    captions = [texts[0] for texts in job.validation.texts]
    condition = None if prompts is None else prompts.watched.to(job.device)
    return Batch(torch.cat(codes).to(job.device), captions, torch.empty(0), condition)


def pair_loss(
    model: PairNetworks, examples: Batch, schedule: Schedule, generator: torch.Generator, noisiest: float = 0.0
) -> Tensor:
    """Training loss of one batch.

    The shape's squared error in units of what the prior expects of itself, so that every structure and
    noise level counts alike; plus a tenth of the error of the text part, whose target is held constant
    so that the tower cannot make it easy, and a tenth of the cross-entropy of the structure by the text.
    """
    clean = examples.latents
    batch, device = len(clean), clean.device
    embedding = model.embed(examples.captions)
    steps = draw_shape_steps(schedule, batch, generator, noisiest)
    shape_level = level_of(schedule, steps, batch, device)
    text_level = level_of(schedule, draw_text_steps(schedule, batch, generator), batch, device)
    noise = torch.randn(clean.shape, generator=generator).to(device)
    text_noise = torch.randn(embedding.shape, generator=generator).to(device)
    noisy = add_noise(clean, noise, *shape_level.unbind(1))
    noisy_text = add_noise(embedding, text_noise, *text_level.unbind(1))
    estimate: PairEstimate = model.denoiser(noisy, noisy_text, shape_level, text_level, examples.prompts)
    shape_error = relative_error(estimate.shape, clean, estimate.expected).mean()
    text_error = (estimate.text.float() - embedding.detach()).square().mean()
    return shape_error + 0.1 * text_error + 0.1 * F.nll_loss(estimate.log_structure, examples.structures)


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


def _validation_errors(model: PairNetworks, watched: Batch, schedule: Schedule) -> dict[str, float]:
    """Mean relative errors over a fixed ladder of noise levels, text given: of the model and of its prior alone."""
    clean, generator = watched.latents, torch.Generator().manual_seed(0)
    embedding = model.embed(watched.captions)
    errors: dict[str, list[Tensor]] = {"validation": [], "prior": []}
    for step in range(4, schedule.steps, 9):
        level = level_of(schedule, step, len(clean), clean.device)
        given = level_of(schedule, GIVEN, len(clean), clean.device)
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        noisy = add_noise(clean, noise, *level.unbind(1))
        estimate: PairEstimate = model.denoiser(noisy, embedding, level, given, watched.prompts)
        errors["validation"].append(relative_error(estimate.shape, clean, estimate.expected).mean())
        errors["prior"].append(relative_error(estimate.expected.shape, clean, estimate.expected).mean())
    return {name: float(torch.stack(values).mean()) for name, values in errors.items()}


def _pick(options: Sequence[str], generator: torch.Generator) -> str:
    return options[int(torch.randint(len(options), (1,), generator=generator))]
