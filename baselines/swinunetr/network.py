"""SwinUNETR of any number of structures, and its loss where some were not looked for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class NetworkConfig:
    """Channels after the patch embedding (a multiple of 12), and voxels a side of what it sees (64 or more, by 32)."""

    feature_size: int
    patch: int


def build_network(config: NetworkConfig, structures: int) -> nn.Module:
    """The network: (B, 1, P, P, P) -> logits (B, 1 + structures, P, P, P).

    Raises:
        ModuleNotFoundError: without MONAI, saying how to have it.
    """
    try:
        from monai.networks.nets.swin_unetr import SwinUNETR
    except ImportError as error:
        raise ModuleNotFoundError("swinunetr needs MONAI: pip install 'genmed-bench[monai]'") from error
    network: nn.Module = SwinUNETR(in_channels=1, out_channels=1 + structures, feature_size=config.feature_size)
    return network


def segmentation_loss(logits: Tensor, labels: Tensor, annotated: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice of the structures, of those somebody looked for.

    The others are part of the background in the labels; so they are in the prediction, by the sum of both probabilities
    (a marginal loss, Fang and Yan, IEEE TMI 39, 2020): calling them by name costs nothing.

    Args:
        logits: (B, 1 + C, X, Y, Z).
        labels: (B, X, Y, Z) int64.
        annotated: (B, C) bool.
    """
    known = torch.cat([torch.ones_like(annotated[:, :1]), annotated], dim=1)[:, :, None, None, None]
    logs = F.log_softmax(logits.float(), dim=1)
    hidden = torch.where(known, -torch.inf, logs)
    background = torch.logsumexp(torch.cat([logs[:, :1], hidden[:, 1:]], dim=1), dim=1, keepdim=True)
    merged = torch.cat([background, torch.where(known[:, 1:], logs[:, 1:], -30.0)], dim=1)
    entropy = F.nll_loss(merged, labels)
    shares = merged[:, 1:].exp()
    truth = F.one_hot(labels, logits.shape[1]).movedim(-1, 1)[:, 1:].to(shares.dtype)
    axes = (2, 3, 4)
    overlap = (2 * (shares * truth).sum(axes) + 1) / (shares.sum(axes) + truth.sum(axes) + 1)
    return entropy + (1 - overlap)[annotated].mean() if annotated.any() else entropy
