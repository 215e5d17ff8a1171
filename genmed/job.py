"""One training: what is learnt from, with which settings, and where it is kept. Every stage takes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.contract import TrainingData
from genmed.config import Config
from genmed.loop import Workspace, open_workspace
from genmed.model import SHAPE

REAL = "real_subject"

Draw = Callable[[int, torch.Generator], list[int]]
"""Size of a batch and a generator -> indices of training shapes."""


@dataclass(frozen=True)
class Job:
    """What every stage of one training shares."""

    settings: Config
    data: TrainingData
    validation: TrainingData
    workspace: Workspace

    @property
    def device(self) -> str:
        """Where it is trained."""
        return self.workspace.device

    @cached_property
    def watched(self) -> Tensor:
        """The validation SDFs (V, 64, 64, 64); looked at, never learnt from."""
        return read(self.validation, range(len(self.validation)))

    @cached_property
    def structures(self) -> list[int]:
        """(N,) index of every training shape's category among the sorted categories."""
        names = sorted(set(self.data.categories))
        return [names.index(category) for category in self.data.categories]

    @cached_property
    def draw(self) -> Draw:
        """Batches with every category as likely, a real shape one time in five where there are synthetic ones."""
        groups: dict[tuple[str, bool], list[int]] = {}
        for index, (category, origin) in enumerate(zip(self.data.categories, self.data.origins, strict=True)):
            groups.setdefault((category, origin == REAL), []).append(index)
        names = sorted(set(self.data.categories))

        def draw(count: int, generator: torch.Generator) -> list[int]:
            drawn = []
            for _ in range(count):
                name = names[int(torch.randint(len(names), (1,), generator=generator))]
                want_real = bool(torch.rand(1, generator=generator) < 0.2)
                group = groups.get((name, want_real)) or groups[(name, not want_real)]
                drawn.append(group[int(torch.randint(len(group), (1,), generator=generator))])
            return drawn

        return draw

    def batch(self, indices: list[int]) -> Tensor:
        """(B, 64, 64, 64) training SDFs on the device."""
        return read(self.data, indices).to(self.device)


def open_job(
    settings: Config, data: TrainingData, validation: TrainingData, out: Path, device: str, resume: bool
) -> Job:
    """Gather what the stages share; without ``resume`` forget what an earlier training left in ``<out>.work``."""
    workspace = open_workspace(settings.to_json(), data.revision, out, device, resume)
    return Job(settings, data, validation, workspace)


def with_structures(settings: Config, data: TrainingData) -> Config:
    """The configuration with the categories of the data as its structures."""
    denoiser = dataclasses.replace(settings.denoiser, structures=tuple(sorted(set(data.categories))))
    return dataclasses.replace(settings, denoiser=denoiser)


def read(data: TrainingData, indices: range | list[int]) -> Tensor:
    """(B, 64, 64, 64) SDFs of some examples, float32."""
    return torch.from_numpy(np.stack([data.part(index, SHAPE) for index in indices])).float()
