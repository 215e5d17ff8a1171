"""Stage two: the denoiser of the pair, and with a prompt stem the input-conditioned baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from genmed.denoiser import Denoiser
from genmed.diffusion import Schedule, add_noise
from genmed.loop import LoopConfig, run_loop
from genmed.pair import GIVEN, level_of
from genmed.text import TextEncoder
from genmed.train_autoencoder import draw_balanced

Prompts = Callable[[list[int], torch.Generator], Tensor]
"""Indices of training shapes and a generator -> prompts (B, channels, 64, 64, 64)."""


class PairModel(nn.Module):
    """Denoiser and text tower, trained together; a pretrained tower stays frozen and outside."""

    def __init__(self, denoiser: Denoiser, text: TextEncoder) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.text = text

    def embed(self, texts: Sequence[str]) -> Tensor:
        """(B, D) embeddings."""
        return self.text.encode(texts)


def train_denoiser(
    model: PairModel, latents: Tensor, categories: Sequence[str], is_real: Sequence[bool],
    texts: Sequence[Sequence[str]], validation: tuple[Tensor, Sequence[str]], schedule: Schedule, config: LoopConfig,
    workdir: Path, seed: int, device: str, fingerprint: str, prompts: Prompts | None = None,
    validation_prompts: Tensor | None = None, spread: float = 1.0, name: str = "denoiser",
) -> PairModel:  # fmt: skip
    """Train on normalised latents (N, C, n, n, n) with captions ``texts[i]``.

    The loss is |x0_hat - x0|^2 / (spread^2 max(sigma_t^2, 0.05)), that is v-prediction's weight, capped where
    there is next to no noise left; plus a tenth of the error of the text's mean and of the text part,
    whose target is held constant so that the tower cannot make it easy. From ``config.restart`` on,
    shapes are weighted by :func:`category_weights`.
    """
    balance = category_weights(latents, categories)

    def loss_of(module: nn.Module, generator: torch.Generator, step: int) -> Tensor:
        assert isinstance(module, PairModel)  # noqa: S101 - narrows the loop's general type
        chosen = draw_balanced(categories, is_real, config.batch, generator)
        clean = latents[chosen].float().to(device)
        captions = [_pick(texts[index], generator) for index in chosen]
        condition = prompts(chosen, generator).to(device) if prompts is not None else None
        late = config.restart and step >= config.restart
        weights = balance[chosen] if late else torch.ones(len(chosen))
        return pair_loss(module, clean, captions, schedule, generator, condition, spread, weights.to(device))

    @torch.no_grad()
    def validate(average: nn.Module) -> dict[str, float]:
        assert isinstance(average, PairModel)  # noqa: S101
        generator = torch.Generator().manual_seed(0)
        clean, captions = validation
        condition = None if validation_prompts is None else validation_prompts.to(device)
        error = _validation_error(average, clean.to(device), captions, schedule, generator, condition)
        return {"validation": float(error)}

    trained = run_loop(name, model, loss_of, validate, config, workdir, seed, device, fingerprint)
    assert isinstance(trained, PairModel)  # noqa: S101
    return trained


def pair_loss(
    model: PairModel, clean: Tensor, captions: Sequence[str], schedule: Schedule, generator: torch.Generator,
    condition: Tensor | None, spread: float = 1.0, weights: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Training loss of one batch; see :func:`train_denoiser`. ``weights`` (B,) multiply the shape's error."""
    batch, device = len(clean), clean.device
    embedding = model.embed(captions)
    steps = torch.randint(schedule.steps, (batch,), generator=generator)
    shape_level = level_of(schedule, steps, batch, device)
    text_level = level_of(schedule, draw_text_steps(schedule, batch, generator), batch, device)
    noise = torch.randn(clean.shape, generator=generator).to(device)
    text_noise = torch.randn(embedding.shape, generator=generator).to(device)
    noisy = add_noise(clean, noise, *shape_level.unbind(1))
    noisy_text = add_noise(embedding, text_noise, *text_level.unbind(1))
    estimate, text_estimate = model.denoiser(noisy, noisy_text, shape_level, text_level, condition)
    weight = 1 / (spread * shape_level[:, 1]).square().clamp(min=0.05 * spread**2)
    shape_error = ((estimate.float() - clean) ** 2).mean(dim=(1, 2, 3, 4)) * weight
    if weights is not None:
        shape_error = shape_error * weights
    mean_error = (model.denoiser.mean_shape(embedding).float() - clean) ** 2
    text_error = ((text_estimate.float() - embedding.detach()) ** 2).mean(dim=1)
    loss: Tensor = shape_error.mean() + 0.1 * mean_error.mean() / spread**2 + 0.1 * text_error.mean()
    return loss


def category_weights(latents: Tensor, categories: Sequence[str]) -> Tensor:
    """(N,) weights that make the departure from its mean count alike in every category, 1 on average.

    Thin bones have little surface and so small departures; without weights a hip bone's last tenth of
    a voxel costs more than a fibula's first.
    """
    spread = {
        name: departure(latents[[i for i, other in enumerate(categories) if other == name]]) for name in set(categories)
    }
    weights = torch.tensor([spread[name] ** -2 for name in categories])
    return weights / torch.tensor([value**-2 for value in spread.values()]).mean()


def departure(latents: Tensor) -> float:
    """Root-mean-square departure of (N, ...) latents from their mean, over shapes and cells."""
    latents = latents.float()
    return float((latents - latents.mean(dim=0)).double().square().mean().sqrt())


def draw_text_steps(schedule: Schedule, batch: int, generator: torch.Generator) -> Tensor:
    """Noise levels of the text part: given four times in five, unknown one in ten, anything in between otherwise."""
    kind = torch.rand(batch, generator=generator)
    between = torch.randint(schedule.steps, (batch,), generator=generator)
    steps = torch.where(kind < 0.9, torch.full_like(between, schedule.steps - 1), between)
    return torch.where(kind < 0.8, torch.full_like(between, GIVEN), steps)


def _validation_error(
    model: PairModel, clean: Tensor, captions: Sequence[str], schedule: Schedule, generator: torch.Generator,
    condition: Tensor | None,
) -> Tensor:  # fmt: skip
    """Mean weighted error over a fixed ladder of noise levels, text given."""
    embedding = model.embed(captions)
    errors = []
    for step in range(4, schedule.steps, 9):
        level = level_of(schedule, step, len(clean), clean.device)
        given = level_of(schedule, GIVEN, len(clean), clean.device)
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        noisy = add_noise(clean, noise, *level.unbind(1))
        estimate, _ = model.denoiser(noisy, embedding, level, given, condition)
        errors.append(((estimate - clean) ** 2).mean() / (level[0, 1] ** 2).clamp(min=0.05))
    return torch.stack(errors).mean()


def _pick(options: Sequence[str], generator: torch.Generator) -> str:
    return options[int(torch.randint(len(options), (1,), generator=generator))]
