"""What an observation says about decoded parts: losses whose gradient steers the sampler.

A part is decoded, measured by the observation's operator, and compared with what was read, where it was read. Which
noise model compares them follows from the Space of the value and from whether it is exact; nothing here knows how the
observation came about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.contract import Observation
from medshape_text.frame import HALF_BOX_VOXELS, TRUNCATION

LOG_ODDS_PER_VOXEL = 2.0
"""Of a calibrated occupancy operator (`benchmark.observations.operators.DEFAULT_SHARPNESS`)."""
_SURE = 1e-15
"""Probabilities nearer to 0 or 1 say no more; in double precision log-odds are right up to there."""
_LEAK = 0.05
"""Slope beyond the truncation of a signed distance: nearly flat, as the truth is, but with a way back."""


@dataclass(frozen=True)
class Measurement:
    """An observation as tensors on a device.

    Attributes:
        part: name of the part that was measured.
        operator: part (B, *shape) -> what would be read, (B, *shape of the value).
        value: what was read.
        mask: bool, where.
        exact: whether it is right wherever observed.
        kind: of the value's Space.
    """

    part: str
    operator: Callable[[Tensor], Tensor]
    value: Tensor
    mask: Tensor
    exact: bool
    kind: str

    @staticmethod
    def of(observation: Observation, device: str) -> Measurement:
        """Copy an observation to a device.

        Raises:
            ValueError: for a kind of value this model has no noise model for.
        """
        if observation.space.kind not in ("occupancy", "sdf", "image"):
            raise ValueError(f"there is no noise model for observations of kind {observation.space.kind!r}")
        value = torch.from_numpy(observation.value.copy()).to(device)
        mask = torch.from_numpy(observation.mask.copy()).to(device)
        return Measurement(
            observation.part, observation.operator, value, mask, observation.exact, observation.space.kind
        )

    def read(self, decoded: Tensor) -> Tensor:
        """What the operator reads of (B, *shape) decoded parts at the N observed places, (B, N).

        Occupancies come as log-odds, positive inside; everything else as it is.
        """
        if self.kind != "occupancy":
            return self.operator(decoded)[:, self.mask]
        # In single precision a probability says nothing of depths beyond eight voxels, and passes no gradient.
        probability = self.operator(decoded.double())[:, self.mask].clamp(_SURE, 1 - _SURE)
        return torch.logit(probability).to(decoded.dtype)

    @property
    def inside(self) -> Tensor:
        """(N,) bool: read as inside, at the observed places."""
        seen = self.value[self.mask]
        return seen > 0.5 if self.kind == "occupancy" else seen < 0


def published_loss(measurement: Measurement, decoded: Tensor) -> Tensor:
    """GenMed's soft loss of each of (B, *shape) decoded SDFs, (B,).

    Occupancies: mean over observed voxels of how far the SDF has the wrong sign. Otherwise: mean squared
    difference to what was read. Source: kanydao/GenMed ddpm/diffusion.py ``loss_fn_*`` (its reductions
    run over the batch; gradients are normalised per sample afterwards, so per-sample means give the same steps).
    """
    read = measurement.read(decoded)
    if measurement.kind != "occupancy":
        return (read - measurement.value[measurement.mask]).square().mean(dim=1)
    depth = read / (LOG_ODDS_PER_VOXEL * HALF_BOX_VOXELS)
    return torch.where(measurement.inside, F.relu(-depth), F.relu(depth)).mean(dim=1)


@dataclass(frozen=True)
class Labels:
    """Noise model of inside and outside: the sign of what is read, seen through a little blur.

    A place at depth d is labelled inside with probability ``sigmoid(d / softness)``, except that with
    probability ``outliers`` its label says nothing (damage, additions). ``softness`` is in voxels.
    ``weight`` discounts that neighbouring voxels are not independent.
    """

    softness: float = 0.5
    outliers: float = 0.0
    weight: float = 1.0

    def negative_log_likelihood(self, measurement: Measurement, decoded: Tensor) -> Tensor:
        """Of each of (B, *shape) decoded parts, weighted, (B,)."""
        read = measurement.read(decoded)
        depth = read / LOG_ODDS_PER_VOXEL if measurement.kind == "occupancy" else -read * HALF_BOX_VOXELS
        margin = torch.where(measurement.inside, depth, -depth) / self.softness
        agreement = F.logsigmoid(margin)
        if self.outliers > 0:
            # log((1 - e) * sigmoid(margin) + e / 2), stable for large negative margins
            floor = torch.full_like(agreement, self.outliers / 2).log()
            agreement = torch.logaddexp(agreement + torch.tensor(1 - self.outliers).log(), floor)
        return -agreement.sum(dim=1) * self.weight


@dataclass(frozen=True)
class Distances:
    """Noise model of signed distances that are right: Gaussian, with a standard deviation of ``spread`` voxels."""

    spread: float = 0.25
    weight: float = 1.0

    def negative_log_likelihood(self, measurement: Measurement, decoded: Tensor) -> Tensor:
        """Of each of (B, *shape) decoded parts, weighted, (B,)."""
        inner = decoded.clamp(-TRUNCATION, TRUNCATION)
        read = measurement.read(inner + _LEAK * (decoded - inner))
        error = (read - measurement.value[measurement.mask]) * (HALF_BOX_VOXELS / self.spread)
        return 0.5 * error.square().sum(dim=1) * self.weight


@dataclass(frozen=True)
class Intensities:
    """Noise model of an image: Gaussian, with a standard deviation of ``spread`` in the unit of the values."""

    spread: float = 0.1
    weight: float = 1.0

    def negative_log_likelihood(self, measurement: Measurement, decoded: Tensor) -> Tensor:
        """Of each of (B, *shape) decoded parts, weighted, (B,)."""
        error = (measurement.read(decoded) - measurement.value[measurement.mask]) / self.spread
        return 0.5 * error.square().sum(dim=1) * self.weight


class NoiseModel(Protocol):
    """How readings scatter around what the operator reads of the true part."""

    def negative_log_likelihood(self, measurement: Measurement, decoded: Tensor) -> Tensor:
        """Of each of (B, *shape) decoded parts, (B,), up to a constant."""
        ...


@dataclass(frozen=True)
class NoiseModels:
    """Which noise model goes with which observation. The numbers were chosen on validation subjects."""

    exact_labels: NoiseModel = Labels(softness=0.15, outliers=0.0, weight=1.0)
    damaged_labels: NoiseModel = Labels(softness=0.1, outliers=0.05, weight=2.0)
    exact_distances: NoiseModel = Distances()
    intensities: NoiseModel = Intensities()

    def of(self, measurement: Measurement) -> NoiseModel:
        """Of a distance that may be damaged only its sign is believed: damage moves it by many voxels."""
        if measurement.kind == "image":
            return self.intensities
        if not measurement.exact:
            return self.damaged_labels
        return self.exact_labels if measurement.kind == "occupancy" else self.exact_distances
