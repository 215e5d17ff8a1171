"""Stage one: the SDF autoencoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmark.metrics import dice
from genmed.autoencoder import Autoencoder, reconstruction_loss
from genmed.job import Job
from genmed.loop import Validate, run_loop


def train_autoencoder(model: Autoencoder, job: Job) -> Autoencoder:
    """Train on the SDFs of the job. Up to ``restart`` the loss is the coarse one, afterwards the fine one."""
    config, weight = job.settings.train_autoencoder, job.settings.autoencoder.kl_weight

    def loss_of(module: nn.Module, generator: torch.Generator, step: int) -> Tensor:
        assert isinstance(module, Autoencoder)  # noqa: S101 - narrows the loop's general type
        batch = job.batch(job.draw(config.batch, generator))[:, None]
        mean, log_variance = module.moments(batch)
        mean, log_variance = mean.float(), log_variance.float()
        noise = torch.randn(mean.shape, generator=generator).to(job.device)
        decoded = module.decode(mean + torch.exp(0.5 * log_variance) * noise).float()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=(1, 2, 3, 4)).mean()
        coarse = step < (config.restart or config.steps)
        return reconstruction_loss(decoded, batch, coarse=coarse) + weight * divergence

    trained = run_loop("autoencoder", model, loss_of, _watch(job), config, job.workspace)
    assert isinstance(trained, Autoencoder)  # noqa: S101
    return trained


def tune_decoder(model: Autoencoder, job: Job, latents: Tensor, scale: float) -> Autoencoder:
    """Train the decoder alone on posterior means ``scale * latents`` (N, C, n, n, n), all it decodes ever after.

    While the encoder learns, the decoder sees means plus noise, and most latent cells of an SDF are
    nothing but noise; without it, group normalisation finds other statistics and the surface moves by
    a twentieth of a voxel.
    """
    config = job.settings.train_decoder
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(("down.", "to_moments.")))

    def loss_of(module: nn.Module, generator: torch.Generator, _step: int) -> Tensor:
        assert isinstance(module, Autoencoder)  # noqa: S101
        chosen = job.draw(config.batch, generator)
        decoded = module.decode(scale * latents[chosen].float().to(job.device)).float()
        return reconstruction_loss(decoded, job.batch(chosen)[:, None], coarse=False)

    trained = run_loop("decoder", model, loss_of, _watch(job), config, job.workspace)
    assert isinstance(trained, Autoencoder)  # noqa: S101
    return trained


def _watch(job: Job) -> Validate:
    @torch.no_grad()
    def validate(average: nn.Module) -> dict[str, float]:
        assert isinstance(average, Autoencoder)  # noqa: S101
        parts = torch.split(job.watched, 8)
        decoded = torch.cat([average.decode(average.encode(part[:, None].to(job.device))) for part in parts])
        return {"dice": float(dice(decoded[:, 0].cpu(), job.watched, empty=0, batched=True, sdf=True).mean())}

    return validate
