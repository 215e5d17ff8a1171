"""Patches of images, drawn and jittered for training, and laid over an image for prediction."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.contract import Volume

TURN = math.radians(12)
SCALE = 0.12
BRIGHTNESS, CONTRAST, GAMMA, NOISE = 0.1, 0.2, 0.3, 0.05
OVERLAP = 0.5


def padded(volume: Tensor, patch: int) -> Tensor:
    """A volume (..., X, Y, Z) with zeros behind it up to the patch along each axis."""
    missing = [max(0, patch - side) for side in volume.shape[-3:]]
    return F.pad(volume, (0, missing[2], 0, missing[1], 0, missing[0]))


def draw_patch(image: Tensor, labels: Tensor, patch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A patch anywhere in an image, turned, scaled and recoloured a little; left stays left.

    Args:
        image: (X, Y, Z), values in 0 to 1.
        labels: (X, Y, Z) int64.
        patch: voxels a side.
        generator: of all draws.

    Returns:
        (P, P, P) float32 and (P, P, P) int64.
    """
    image, labels = padded(image, patch), padded(labels, patch)
    first = [int(torch.randint(side - patch + 1, (1,), generator=generator)) for side in image.shape]
    x, y, z = (slice(start, start + patch) for start in first)

    def uniform(width: float) -> float:
        return float((2 * torch.rand(1, generator=generator) - 1) * width)

    turn = torch.eye(3)
    for axis in range(3):
        angle, (i, j) = uniform(TURN), [k for k in range(3) if k != axis]
        step = torch.eye(3)
        step[i, i] = step[j, j] = math.cos(angle)
        step[i, j], step[j, i] = -math.sin(angle), math.sin(angle)
        turn = turn @ step
    around = torch.cat([turn * (1 + uniform(SCALE)), torch.zeros(3, 1)], dim=1)[None]
    where = F.affine_grid(around, [1, 1, patch, patch, patch], align_corners=False)
    seen = F.grid_sample(image[None, None, x, y, z], where, padding_mode="border", align_corners=False)[0, 0]
    truth = F.grid_sample(labels[None, None, x, y, z].float(), where, "nearest", "zeros", align_corners=False)[0, 0]
    seen = seen.clamp(0, 1) ** math.exp(uniform(GAMMA)) * (1 + uniform(CONTRAST)) + uniform(BRIGHTNESS)
    return seen + NOISE * float(torch.rand(1, generator=generator)) * torch.randn(
        seen.shape, generator=generator
    ), truth.round().long()


@torch.no_grad()
def predict_logits(network: torch.nn.Module, image: Volume, patch: int, device: str) -> Tensor:
    """Logits (1 + C, X, Y, Z) of an image (X, Y, Z): means over patches half a patch apart, heavier in their middle."""
    from monai.inferers.utils import sliding_window_inference

    whole = padded(torch.from_numpy(image)[None, None].to(device), patch)
    found = sliding_window_inference(whole, (patch,) * 3, 1, network, overlap=OVERLAP, mode="gaussian")
    assert isinstance(found, Tensor)  # noqa: S101  (it gives several only for networks that do)
    x, y, z = image.shape
    return found[0, :, :x, :y, :z].cpu()
