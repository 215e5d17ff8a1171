"""What an observation says about a decoded shape: losses whose gradient steers the sampler."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.contract import Observation
from medshape_text.frame import HALF_BOX_VOXELS


@dataclass(frozen=True)
class Evidence:
    """An observation as tensors: ``value`` and ``observed`` are (64, 64, 64); ``planes`` tells the kind."""

    value: Tensor
    observed: Tensor
    planes: bool

    @staticmethod
    def of(observation: Observation, device: str) -> Evidence:
        """Copy an observation to a device.

        Raises:
            ValueError: for a kind of observation this model has no likelihood for.
        """
        if observation.kind not in ("planes", "corrupted"):
            raise ValueError(f"no likelihood for observations of kind {observation.kind!r}")
        value = torch.from_numpy(observation.value.copy()).to(device)
        observed = torch.from_numpy(observation.observed.copy()).to(device)
        return Evidence(value, observed, observation.kind == "planes")

    @property
    def inside(self) -> Tensor:
        """(64, 64, 64) bool: observed as inside. Means nothing where nothing is observed."""
        return self.value > 0.5 if self.planes else self.value < 0


def published_loss(evidence: Evidence, decoded: Tensor) -> Tensor:
    """GenMed's soft loss of each of (B, 64, 64, 64) decoded SDFs, (B,).

    Planes: mean over observed voxels of how far the SDF has the wrong sign. Corrupted: mean squared
    difference to the prompt's SDF over all voxels. Source: kanydao/GenMed ddpm/diffusion.py
    ``loss_fn_*`` (its reductions run over the batch; gradients are normalised per sample afterwards,
    so per-sample means give the same steps).
    """
    if not evidence.planes:
        return (decoded - evidence.value).square().mean(dim=(1, 2, 3))
    inside = evidence.inside & evidence.observed
    outside = ~evidence.inside & evidence.observed
    wrong = F.relu(decoded) * inside + F.relu(-decoded) * outside
    return wrong.sum(dim=(1, 2, 3)) / evidence.observed.sum()


@dataclass(frozen=True)
class Likelihood:
    """Probability of the observed inside/outside labels given a decoded SDF.

    A voxel at signed distance d is labelled inside with probability ``sigmoid(-d / softness)``, except
    that with probability ``outliers`` its label says nothing (damage, additions). ``softness`` is in
    voxels. ``weight`` discounts that neighbouring voxels are not independent observations.
    """

    softness: float = 0.5
    outliers: float = 0.0
    weight: float = 1.0

    def misfit(self, evidence: Evidence, decoded: Tensor) -> Tensor:
        """Weighted negative log-likelihood of (B, 64, 64, 64) decoded SDFs, (B,)."""
        sign = torch.where(evidence.inside, -1.0, 1.0)
        margin = sign * decoded * (HALF_BOX_VOXELS / self.softness)
        agreement = F.logsigmoid(margin)
        if self.outliers > 0:
            # log((1 - e) * sigmoid(margin) + e / 2), stable for large negative margins
            floor = torch.full_like(agreement, self.outliers / 2).log()
            agreement = torch.logaddexp(agreement + torch.tensor(1 - self.outliers).log(), floor)
        return -(agreement * evidence.observed).sum(dim=(1, 2, 3)) * self.weight
