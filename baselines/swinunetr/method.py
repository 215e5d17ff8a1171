"""SwinUNETR behind the contract: learns the training cases of a task, sees whole images.

Images are stretched between two percentiles, in training and prediction; one that was degraded is replaced by the
smoothest that reads as observed before. MONAI is imported when the network is built.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from baselines.segmenting import stretched, whole_image
from baselines.swinunetr.network import NetworkConfig, build_network, segmentation_loss
from baselines.swinunetr.patches import draw_patch, predict_logits
from baselines.training import NotFittedError
from benchmark.contract import Method, MethodContext, Prediction, Request
from benchmark.tasks.segmentation.tasks import IMAGE, LABELS
from benchmark.tasks.segmentation.training import SegmentationTrainingData
from genmed.config import LoopConfig
from genmed.loop import Workspace, run_loop
from medshape_text.files import replacing

SEED = 0
WEIGHTS = "swinunetr.pt"


@dataclass(frozen=True)
class Settings:
    """What is trained, and how long."""

    network: NetworkConfig
    train: LoopConfig


def load_settings(name: str = "mini") -> Settings:
    """A shipped configuration.

    Raises:
        ValueError: if there is none of this name.
    """
    shipped = files("baselines.swinunetr").joinpath(f"{name}.toml")
    if not shipped.is_file():
        raise ValueError(f"no configuration named {name!r}; shipped is mini")
    table = tomllib.loads(shipped.read_text())
    return Settings(NetworkConfig(**table["network"]), LoopConfig(**table["train"]))


def train(settings: Settings, data: SegmentationTrainingData, folder: Path, device: str) -> nn.Module:
    """The moving average of the weights after the declared steps; goes on from what ``folder`` holds."""
    torch.manual_seed(SEED)
    network = build_network(settings.network, len(data.described.structures)).to(device)
    told = json.dumps([dataclasses.asdict(settings), data.revision, list(data.ids), SEED])
    workspace = Workspace(folder, SEED, device, hashlib.sha256(told.encode()).hexdigest())

    def loss_of(model: nn.Module, generator: torch.Generator, step: int) -> Tensor:
        rows = torch.randint(len(data), (settings.train.batch,), generator=generator).tolist()
        drawn = [_drawn(data, row, settings.network.patch, generator) for row in rows]
        images, labels = (torch.stack(parts).to(device) for parts in zip(*drawn, strict=True))
        annotated = torch.from_numpy(np.stack([data.annotated(row) for row in rows])).to(device)
        return segmentation_loss(model(images[:, None]), labels, annotated)

    return run_loop("swinunetr", network, loss_of, lambda _: {}, settings.train, workspace).eval()


def _drawn(data: SegmentationTrainingData, row: int, patch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    image = torch.from_numpy(stretched(np.asarray(data.part(row, IMAGE), np.float32)))
    return draw_patch(image, torch.from_numpy(data.part(row, LABELS).astype(np.int64)), patch, generator)


class SwinSegmenter:
    """Answers with the most probable label of each voxel."""

    def __init__(self, settings: Settings, device: str = "cpu", checkpoint: Path | None = None) -> None:
        """Read weights if there are any; else `fit` is to be called first."""
        self._settings, self._device = settings, device
        self._network: nn.Module | None = None
        self._given = checkpoint is not None
        if checkpoint is not None:
            self._settings, self._network = load_weights(checkpoint, device)

    def fit(self, training_data: SegmentationTrainingData, workdir: Path) -> None:
        """Train, or take what ``workdir`` holds; with a checkpoint there is nothing to learn."""
        if not self._given:
            self._network = train(self._settings, training_data, workdir, self._device)

    def predict(self, request: Request) -> Prediction:
        """Labels of the whole image that reads as observed."""
        if self._network is None:
            raise NotFittedError("swinunetr learns from the training split: call fit before predict")
        image = stretched(whole_image(request))
        logits = predict_logits(self._network, image, self._settings.network.patch, self._device)
        return Prediction({LABELS: logits.argmax(dim=0).numpy().astype(np.uint8)})


def save_weights(network: nn.Module, settings: Settings, structures: int, path: Path) -> None:
    """Write weights with what it takes to build the network."""
    state: dict[str, Any] = {"settings": dataclasses.asdict(settings), "structures": structures}
    with replacing(path) as stream:
        torch.save(state | {"weights": network.state_dict()}, stream)


def load_weights(path: Path, device: str) -> tuple[Settings, nn.Module]:
    """What `save_weights` wrote; of a folder the file in it."""
    state = torch.load(path / WEIGHTS if path.is_dir() else path, map_location=device, weights_only=True)
    table = state["settings"]
    settings = Settings(NetworkConfig(**table["network"]), LoopConfig(**table["train"]))
    network = build_network(settings.network, state["structures"])
    network.load_state_dict(state["weights"])
    return settings, network.to(device).eval()


def fit_command(
    config: str, data: SegmentationTrainingData, validation: object, out: Path, device: str, resume: bool = True
) -> None:
    """``genmed-bench fit --method swinunetr``: the same training, its weights kept in the folder ``out``."""
    settings, work = load_settings(config), out.with_name(out.name + ".work")
    if not resume:
        (work / "swinunetr.state").unlink(missing_ok=True)
    network = train(settings, data, work, device)
    out.mkdir(parents=True, exist_ok=True)
    save_weights(network, settings, len(data.described.structures), out / WEIGHTS)


def build(context: MethodContext) -> Method:
    """Entry point ``swinunetr``."""
    return SwinSegmenter(load_settings(), context.device, context.checkpoint)
