"""Segmentation by the joint model: image given or measured, distances asked for."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.contract import MethodContext, Observation, Prediction, Request
from benchmark.data.volumes.distances import labels_of_distances
from benchmark.errors import MethodError
from benchmark.tasks.segmentation.tasks import IMAGE, LABELS, SDF
from genmed.checkpoint import WeightsError
from genmed.guidance import Intensities, Measurement, NoiseModels
from genmed.pair import Known
from genmed.sample import GuidedSettings, sample_guided, sample_unguided
from genmed.volumes.checkpoint import load_volume_model
from genmed.volumes.model import VolumeModel
from genmed.volumes.window import window_for


@dataclass(frozen=True)
class SegmentationSettings:
    """Choices made on validation subjects.

    ``samples``: starts from noise whose expected distances are averaged. ``spread``: standard deviation, in halves of
    the image's window, that exact readings are allowed. ``guided``: of the joint sampling of what is not a whole image.
    """

    samples: int = 2
    spread: float = 0.05
    guided: GuidedSettings = dataclasses.field(
        default_factory=lambda: GuidedSettings(levels=(49, 44, 36, 26, 16, 8), evaluations=3, radius=200.0)
    )


@dataclass
class VolumeMethod:
    """One trained model of image and structures."""

    model: VolumeModel
    device: str
    settings: SegmentationSettings = dataclasses.field(default_factory=SegmentationSettings)

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights file, for the run record."""
        return self.model.sha256

    def predict(self, request: Request) -> Prediction:
        """Label every voxel with the structure it is deepest inside of; all draws come from ``request.seed``."""
        generator = torch.Generator().manual_seed(request.seed)
        seen = request.observation
        if seen.part != IMAGE:
            raise ValueError(f"this model observes images, not {seen.part!r}")
        size = request.grid.shape if request.grid is not None else None
        if size != self.model.config.size:
            raise ValueError(f"this model was trained on grids of {self.model.config.size}, the case has {size}")
        model = dataclasses.replace(self.model, image=window_for(self.model.config, seen.value[seen.mask]))
        if shows_all(seen, self.model.config.size):
            image = model.image.encode(torch.from_numpy(np.asarray(seen.value, np.float32))[None]).to(self.device)
        else:
            image = self._image(model, seen, generator)
        return Prediction({LABELS: labels_of_distances(self._distances(model, image, generator).cpu().numpy())})

    def _image(self, model: VolumeModel, seen: Observation, generator: torch.Generator) -> Tensor:
        """(1, X, Y, Z) code of the most probable image: sampled with its distances, so that anatomy completes it."""
        known = Known(measured=(Measurement.of(seen, self.device),), wanted=(SDF,))
        guided = dataclasses.replace(self.settings.guided, noise_models=self._noise(model, seen))
        return sample_guided(model, known, 1, generator, self.device, guided)[IMAGE]

    def _distances(self, model: VolumeModel, image: Tensor, generator: torch.Generator) -> Tensor:
        """(S, X, Y, Z) expected distances given an image: the denoiser's answer to distances of pure noise.

        Sampling on would trade the expectation for a draw, whose surfaces agree less.
        """
        known = Known(given={IMAGE: image}, wanted=(SDF,))
        steps = model.schedule.steps
        codes = sample_unguided(model, known, self.settings.samples, generator, self.device, stride=steps)
        return codes[SDF].mean(dim=0)

    def _noise(self, model: VolumeModel, seen: Observation) -> NoiseModels:
        low, high = model.image.decode(torch.tensor([-1.0, 1.0])).tolist()
        unit = (high - low) / 2
        declared = seen.parameters.get("standard_deviation", 0.0)
        spread = float(np.hypot(self.settings.spread * unit, declared))
        return NoiseModels(intensities=Intensities(spread=spread))


def segmenter(context: MethodContext) -> VolumeMethod:
    """The model that was trained on what the task may be learnt from.

    Raises:
        MethodError: if none is shipped; the message says how to train it.
        WeightsError: if the weights cannot be read, or know other structures.
    """
    if context.checkpoint is not None:
        model = load_volume_model(Path(context.checkpoint), context.device)
    else:
        model = shipped(context)
    if model.config.structures != context.outputs[LABELS].names:
        known, asked = ", ".join(model.config.structures), ", ".join(context.outputs[LABELS].names)
        raise WeightsError(f"the weights know the structures {known}; the data set has {asked}")
    return VolumeMethod(model, context.device)


def shipped(context: MethodContext) -> VolumeModel:
    """Weights of the package by the revision of the data they learnt from; see `segmenter` for what it raises."""
    folder = files("genmed").joinpath("weights", "volumes")
    cards = (
        {}
        if not folder.is_dir()
        else {entry.name: json.loads(entry.read_text()) for entry in folder.iterdir() if entry.name.endswith(".json")}
    )
    for name, card in sorted(cards.items()):
        if card["data"] == context.training:
            with as_file(folder.joinpath(name.replace(".json", ".safetensors"))) as path:
                return load_volume_model(path, context.device, card["sha256"])
    raise MethodError(
        "no weights of genmed are shipped for what this task may be learnt from; train them with genmed-bench fit "
        "--method genmed --config mini --task TASK --data DATA --out WEIGHTS, and run with --checkpoint WEIGHTS"
    )


def shows_all(seen: Observation, size: tuple[int, ...]) -> bool:
    """Whether an observation is the image itself: exact, everywhere, and read as it is."""
    if not seen.exact or seen.value.shape != size or not seen.mask.all():
        return False
    image = torch.from_numpy(np.asarray(seen.value, np.float32))
    return bool(torch.equal(seen.operator(image), image))
