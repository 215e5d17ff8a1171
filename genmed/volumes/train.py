"""``genmed-bench fit --method genmed --task seg``: the joint model of image and structures, from a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.metrics import dice
from benchmark.tasks.segmentation.tasks import IMAGE, SDF
from benchmark.tasks.segmentation.training import SegmentationTrainingData
from genmed.diffusion import Schedule, add_noise
from genmed.loop import Workspace, open_workspace, run_loop, thinned_curve
from genmed.pair import GIVEN, level_of
from genmed.volumes.augment import augment
from genmed.volumes.checkpoint import save_volume_model
from genmed.volumes.config import Augmentation, VolumeConfig, load_sizes, parse_volume_config
from genmed.volumes.denoiser import VolumeEstimate, VoxelDenoiser, VoxelPrior
from genmed.volumes.model import VolumeModel
from genmed.volumes.window import encoded
from medshape_text.frame import TRUNCATION

_BAND = 4.0
"""How much more a voxel counts where the distance is not truncated."""
_IMAGE_WEIGHT = 0.3
"""Of the image's error beside that of the distances: most of it is noise that nobody can foretell."""
_QUIET = 0.02
"""Share of a part's variance that keeps the last steps, where next to nothing is left to learn, quiet."""
_PRIOR_DRAWS = 16
"""How often every training case is varied to find the spread of each voxel."""
_LEAST_SPREAD = 0.05
"""Of a voxel, in code units: what never varied in training may still do so a little."""


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
    workspace = open_workspace(settings.to_json(), data.revision, out, device, resume)
    model = train(settings, Volumes.read(data, settings), Volumes.read(validation, settings), workspace)
    model.provenance = {
        "command": f"genmed-bench fit --method genmed --task seg --data {data.described.name} --config {config}",
        "seed": workspace.seed,
        "data": data.revision,
        "cases": len(data),
        "curves": {"volumes": thinned_curve(workspace.folder, "volumes")},
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
    fit_priors(denoiser, cases, config.augmentation, workspace.seed)
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
    """Squared errors of both clean parts, in units of what is expected; surfaces count more than what is far off.

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
    clean: VolumeEstimate = denoiser(noisy_image, noisy_sdf, image_level, sdf_level)
    weights = known * (1 + _BAND * (sdf.abs() < 0.99))
    sdf_error = _relative(clean.sdf - sdf, weights, clean.sdf_error, denoiser.sdf_prior.spread)
    everywhere = torch.ones_like(image)
    image_error = _relative(clean.image - image, everywhere, clean.image_error, denoiser.image_prior.spread)
    return sdf_error + _IMAGE_WEIGHT * image_error


def _relative(error: Tensor, weights: Tensor, expected: Tensor, spread: Tensor) -> Tensor:
    """Mean over the batch of the squared error over what the prior expects, all noise levels alike."""
    unit = expected.square() + _QUIET * spread.square()
    shares = (weights * error.square()).flatten(1).sum(dim=1) / (weights * unit).flatten(1).sum(dim=1).clamp(1e-6)
    return shares.mean()


@torch.no_grad()
def fit_priors(denoiser: VoxelDenoiser, cases: Volumes, amount: Augmentation, seed: int) -> None:
    """Mean and spread of every voxel over varied training cases; of a structure, over those that have it annotated."""
    generator = torch.Generator().manual_seed(seed)
    images, sdfs = [], []
    for _ in range(_PRIOR_DRAWS):
        for index in range(len(cases.images)):
            one = slice(index, index + 1)
            image, sdf = augment(cases.images[one].float(), cases.sdfs[one].float(), amount, generator)
            images.append(image.half())
            sdfs.append(sdf.half())
    denoiser.image_prior.fit(torch.cat(images).float(), _LEAST_SPREAD)
    annotated = cases.annotated.repeat(_PRIOR_DRAWS, 1)
    every = torch.cat(sdfs)
    for structure, prior_mean in enumerate(denoiser.sdf_prior.mean):
        rows = every[annotated[:, structure], structure].float()
        if len(rows):
            prior = VoxelPrior(tuple(prior_mean.shape))
            prior.fit(rows, _LEAST_SPREAD)
            prior_mean.copy_(prior.mean)
            denoiser.sdf_prior.spread[structure].copy_(prior.spread)


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


@torch.no_grad()
def one_step_dice(denoiser: VoxelDenoiser, cases: Volumes, schedule: Schedule, device: str) -> float:
    """Mean Dice over cases and annotated structures of E[distances | image], from one draw of noise."""
    generator = torch.Generator().manual_seed(0)
    values = []
    for index in range(len(cases.images)):
        image = cases.images[index : index + 1].float().to(device)
        noise = torch.randn(1, *cases.sdfs.shape[1:], generator=generator).to(device)
        levels = (level_of(schedule, GIVEN, 1, device), level_of(schedule, schedule.steps - 1, 1, device))
        clean: VolumeEstimate = denoiser(image, noise, *levels)
        scores = dice(clean.sdf[0].cpu() < 0, cases.sdfs[index].float() < 0, empty=1, batched=True)
        values.append(scores[cases.annotated[index]])
    return float(torch.cat(values).mean())
