"""``genmed-bench fit --method genmed --task seg``: the joint model of image and structures, from a data set."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.metrics import dice
from benchmark.tasks.segmentation.training import SegmentationTrainingData
from genmed.diffusion import Schedule, add_noise
from genmed.loop import Workspace, run_loop
from genmed.pair import GIVEN, level_of
from genmed.volumes.augment import augment
from genmed.volumes.checkpoint import save_volume_model
from genmed.volumes.config import VolumeConfig, load_sizes, parse_volume_config
from genmed.volumes.denoiser import VoxelDenoiser
from genmed.volumes.model import IMAGE, SDF, VolumeModel
from genmed.volumes.window import encoded
from medshape_text.frame import TRUNCATION

SEED = 0
_BAND = 4.0
"""How much more a voxel counts where the distance is not truncated."""
_QUIET = 0.05
"""Variance that keeps the last steps, where next to nothing is left to learn, from outweighing the rest."""


@dataclass(frozen=True)
class Volumes:
    """All cases of a split as codes: images (N, X, Y, Z), distances (N, S, X, Y, Z), annotated (N, S) bool."""

    images: Tensor
    sdfs: Tensor
    annotated: Tensor

    @staticmethod
    def read(data: SegmentationTrainingData, config: VolumeConfig) -> Volumes:
        """Into memory, half precision: about 2.6 MB a case of 64 voxels a side and four structures."""
        cases = range(len(data))
        return Volumes(
            torch.stack([encoded(config, data.part(index, IMAGE)).half() for index in cases]),
            torch.stack([torch.from_numpy(data.part(index, SDF) / TRUNCATION).half() for index in cases]),
            torch.from_numpy(np.stack([data.annotated(index) for index in cases])),
        )

    @cached_property
    def mean(self) -> Tensor:
        """(S, X, Y, Z) mean distances of the cases in which a structure was looked for."""
        weights = self.annotated.float() / self.annotated.sum(dim=0).clamp(min=1)
        return torch.einsum("ns,nsxyz->sxyz", weights, self.sdfs.float())


def fit_command(
    config: str,
    data: SegmentationTrainingData,
    validation: SegmentationTrainingData,
    out: Path,
    device: str,
    resume: bool = True,
) -> None:
    """Train ``config`` on ``data`` and write ``out``; state and learning curve lie in ``<out>.work``.

    Started again after a kill it goes on where it was and ends with the same weights; without ``resume`` it starts
    afresh.

    Raises:
        ValueError: for an unknown configuration, or a work folder of another one.
    """
    settings = config_for(config, data)
    folder = out.with_name(out.name + ".work")
    if not resume:
        (folder / "volumes.state").unlink(missing_ok=True)
    text = f"{settings.to_json()}\0{data.revision}\0{SEED}"
    workspace = Workspace(folder, SEED, device, hashlib.sha256(text.encode()).hexdigest())
    model = train(settings, Volumes.read(data, settings), Volumes.read(validation, settings), workspace)
    rows = [json.loads(line) for line in (folder / "volumes.jsonl").read_text().splitlines()]
    step = max(1, len(rows) // 20)
    model.provenance = {
        "command": f"genmed-bench fit --method genmed --task seg --data {data.described.name} --config {config}",
        "seed": SEED,
        "data": data.revision,
        "cases": len(data),
        "curves": {"volumes": rows[step - 1 :: step]},
    }
    save_volume_model(model, out)


def config_for(name: str, data: SegmentationTrainingData) -> VolumeConfig:
    """A configuration with what the data decides."""
    described, modality = data.described, data.modality
    facts = {"structures": described.structures, "modality": modality.name, "window": modality.window}
    return parse_volume_config({**load_sizes(name), **facts, "size": described.shape})


def train(config: VolumeConfig, cases: Volumes, validation: Volumes, workspace: Workspace) -> VolumeModel:
    """Train a model; the curve's "dice" is that of the one-step answer to whole validation images."""
    device = workspace.device
    torch.manual_seed(workspace.seed)  # initial weights only; every other draw has a generator of its own
    denoiser = VoxelDenoiser(config)
    denoiser.mean.copy_(cases.mean)
    model = VolumeModel(config, denoiser.to(device))

    def loss_of(module: nn.Module, generator: torch.Generator, _step: int) -> Tensor:
        assert isinstance(module, VoxelDenoiser)  # noqa: S101 - narrows the loop's general type
        chosen = torch.randint(len(cases.images), (config.train.batch,), generator=generator)
        image, sdf = augment(cases.images[chosen].float(), cases.sdfs[chosen].float(), config.augmentation, generator)
        annotated = cases.annotated[chosen]
        return joint_loss(module, image.to(device), sdf.to(device), annotated.to(device), model.schedule, generator)

    @torch.no_grad()
    def validate(average: nn.Module) -> dict[str, float]:
        assert isinstance(average, VoxelDenoiser)  # noqa: S101
        return {"dice": one_step_dice(average, validation, model.schedule, device)}

    trained = run_loop("volumes", model.denoiser, loss_of, validate, config.train, workspace)
    assert isinstance(trained, VoxelDenoiser)  # noqa: S101
    model.denoiser = trained
    return model


def joint_loss(
    denoiser: VoxelDenoiser, image: Tensor, sdf: Tensor, annotated: Tensor, schedule: Schedule,
    generator: torch.Generator,
) -> Tensor:  # fmt: skip
    """Squared errors of both clean parts over the variance of their noise; surfaces count more than what is far off.

    A structure nobody looked for is all noise in the input and has no loss.
    """
    batch, device = len(image), image.device
    image_steps, sdf_steps = draw_steps(schedule, batch, generator)
    image_level = level_of(schedule, image_steps, batch, device)
    sdf_level = level_of(schedule, sdf_steps, batch, device)
    noisy_image = add_noise(image, torch.randn(image.shape, generator=generator).to(device), *image_level.unbind(1))
    noise = torch.randn(sdf.shape, generator=generator).to(device)
    known = annotated[:, :, None, None, None]
    noisy_sdf = torch.where(known, add_noise(sdf, noise, *sdf_level.unbind(1)), noise)
    clean_image, clean_sdf = denoiser(noisy_image, noisy_sdf, image_level, sdf_level)
    weights = known * (1 + _BAND * (sdf.abs() < 0.99))
    sdf_error = (weights * (clean_sdf - sdf).square()).sum(dim=(1, 2, 3, 4)) / weights.sum(dim=(1, 2, 3, 4)).clamp(1)
    image_error = (clean_image - image).square().mean(dim=(1, 2, 3))
    loss: Tensor = (sdf_error / _unit(sdf_level) + image_error / _unit(image_level)).mean()
    return loss


def draw_steps(schedule: Schedule, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(B,) times of the image and of the distances.

    Half of the time the image is given or nearly so, which is what whole images ask; otherwise both parts are at one
    time (guided sampling), at any two, or one is unknown.
    """
    top = schedule.steps - 1
    first, second = torch.randint(schedule.steps, (2, batch), generator=generator)
    kind, unknown = torch.rand(2, batch, generator=generator)
    image = torch.where(kind < 0.4, GIVEN, first)
    sdf = torch.where((kind >= 0.4) & (kind < 0.75), first, second)
    sdf = torch.where(unknown < torch.where(kind < 0.4, 0.6, 0.15), top, sdf)
    image = torch.where((kind >= 0.95), top, image)
    return image, sdf


def _unit(level: Tensor) -> Tensor:
    return level[:, 1].square() + _QUIET


@torch.no_grad()
def one_step_dice(denoiser: VoxelDenoiser, cases: Volumes, schedule: Schedule, device: str) -> float:
    """Mean Dice over cases and annotated structures of E[distances | image], from one draw of noise."""
    generator = torch.Generator().manual_seed(0)
    values = []
    for index in range(len(cases.images)):
        image = cases.images[index : index + 1].float().to(device)
        noise = torch.randn(1, *cases.sdfs.shape[1:], generator=generator).to(device)
        levels = (level_of(schedule, GIVEN, 1, device), level_of(schedule, schedule.steps - 1, 1, device))
        _, sdf = denoiser(image, noise, *levels)
        scores = dice(sdf[0].cpu() < 0, cases.sdfs[index].float() < 0, empty=1, batched=True)
        values.append(scores[cases.annotated[index]])
    return float(torch.cat(values).mean())
