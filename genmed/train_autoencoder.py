"""Stage one: the SDF autoencoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.metrics import dice
from genmed.autoencoder import Autoencoder, reconstruction_loss
from genmed.config import LoopConfig
from genmed.loop import Validate, run_loop

ReadSdf = Callable[[int], np.ndarray]
Draw = Callable[[int, torch.Generator], list[int]]
"""Size of a batch and a generator -> indices of training shapes."""


def balanced(categories: Sequence[str], is_real: Sequence[bool]) -> Draw:
    """Batches with every category as likely, a real shape one time in five where there are synthetic ones."""
    groups: dict[tuple[str, bool], list[int]] = {}
    for index, key in enumerate(zip(categories, is_real, strict=True)):
        groups.setdefault(key, []).append(index)
    names = sorted(set(categories))

    def draw(count: int, generator: torch.Generator) -> list[int]:
        drawn = []
        for _ in range(count):
            name = names[int(torch.randint(len(names), (1,), generator=generator))]
            want_real = bool(torch.rand(1, generator=generator) < 0.2)
            group = groups.get((name, want_real)) or groups[(name, not want_real)]
            drawn.append(group[int(torch.randint(len(group), (1,), generator=generator))])
        return drawn

    return draw


def train_autoencoder(
    model: Autoencoder, read: ReadSdf, categories: Sequence[str], is_real: Sequence[bool], validation: Tensor,
    config: LoopConfig, kl_weight: float, workdir: Path, seed: int, device: str, fingerprint: str,
) -> Autoencoder:  # fmt: skip
    """Train on SDFs ``read(i)`` (64, 64, 64); ``validation`` is (V, 64, 64, 64) and only watched, never learnt from.

    Up to ``config.restart`` the loss is the coarse one, afterwards the fine one.
    """
    draw = balanced(categories, is_real)

    def loss_of(module: nn.Module, generator: torch.Generator, step: int) -> Tensor:
        assert isinstance(module, Autoencoder)  # noqa: S101 - narrows the loop's general type
        chosen = draw(config.batch, generator)
        batch = torch.from_numpy(np.stack([read(index) for index in chosen])).float()[:, None].to(device)
        mean, log_variance = module.moments(batch)
        mean, log_variance = mean.float(), log_variance.float()
        noise = torch.randn(mean.shape, generator=generator).to(device)
        decoded = module.decode(mean + torch.exp(0.5 * log_variance) * noise).float()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=(1, 2, 3, 4)).mean()
        coarse = step < (config.restart or config.steps)
        return reconstruction_loss(decoded, batch, coarse=coarse) + kl_weight * divergence

    trained = run_loop(
        "autoencoder", model, loss_of, _watch(validation, device), config, workdir, seed, device, fingerprint
    )
    assert isinstance(trained, Autoencoder)  # noqa: S101
    return trained


def tune_decoder(
    model: Autoencoder, read: ReadSdf, latents: Tensor, scale: float, categories: Sequence[str],
    is_real: Sequence[bool], validation: Tensor, config: LoopConfig, workdir: Path, seed: int, device: str,
    fingerprint: str,
) -> Autoencoder:  # fmt: skip
    """Train the decoder alone on posterior means ``scale * latents`` (N, C, n, n, n), all it decodes ever after.

    While the encoder learns, the decoder sees means plus noise, and most latent cells of an SDF are
    nothing but noise; without it, group normalisation finds other statistics and the surface moves by
    a twentieth of a voxel.
    """
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(("down.", "to_moments.")))

    draw = balanced(categories, is_real)

    def loss_of(module: nn.Module, generator: torch.Generator, _step: int) -> Tensor:
        assert isinstance(module, Autoencoder)  # noqa: S101
        chosen = draw(config.batch, generator)
        batch = torch.from_numpy(np.stack([read(index) for index in chosen])).float()[:, None].to(device)
        decoded = module.decode(scale * latents[chosen].float().to(device)).float()
        return reconstruction_loss(decoded, batch, coarse=False)

    trained = run_loop(
        "decoder", model, loss_of, _watch(validation, device), config, workdir, seed, device, fingerprint
    )
    assert isinstance(trained, Autoencoder)  # noqa: S101
    return trained


def _watch(validation: Tensor, device: str) -> Validate:
    @torch.no_grad()
    def validate(average: nn.Module) -> dict[str, float]:
        assert isinstance(average, Autoencoder)  # noqa: S101
        decoded = torch.cat(
            [average.decode(average.encode(part[:, None].to(device))) for part in torch.split(validation, 8)]
        )
        return {"dice": float(dice(decoded[:, 0].cpu(), validation, empty=0, batched=True, sdf=True).mean())}

    return validate
