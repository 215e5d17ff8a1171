"""The whole contract between the benchmark and a method, on one page.

A *case* is an observation of a hidden shape. The runner turns it into a *request* (everything but
the truth), hands that to a *method*, and scores the *prediction* against the truth it kept.

All volumes are canonical-frame SDFs ("genmed64"): (64, 64, 64) float32, index order (x, y, z),
negative inside, one unit = 32 voxels, truncated at +-0.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # metadata is read (`genmed-bench list`) without waiting for torch
    import torch

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Observation:
    """What is known of a case: ``value = operator(truth)``, up to damage the method is not told about.

    Attributes:
        prompt: name of the task's prompt ("oneplane", "broken", ...).
        kind: "planes" (``value`` is 0/1 occupancy, right wherever ``observed``) or "corrupted"
            (``value`` is the published-form SDF of a damaged mask; any voxel may be wrong).
        value: (64, 64, 64) float32, zero where a plane prompt observed nothing.
        observed: (64, 64, 64) bool.
        operator: differentiable torch map of SDFs (..., 64, 64, 64) to the layout of ``value``.
        parameters: what was drawn or declared (plane indices, radii), JSON-serialisable. The damage
            itself is not in here.
        empty: True when the observed voxels contain no foreground.
    """

    prompt: str
    kind: str
    value: Volume
    observed: Mask
    operator: Callable[[torch.Tensor], torch.Tensor]
    parameters: dict[str, object] = field(default_factory=dict)
    empty: bool = False


@dataclass(frozen=True)
class Request:
    """All a method ever sees of a case. ``seed`` is derived from (case id, purpose, run seed)."""

    case_id: str
    category: str
    text: str
    observation: Observation
    seed: int


@dataclass(frozen=True)
class Case:
    """A request's worth of facts plus the truth, which stays with the runner.

    ``millimetres_per_unit`` is the physical length of one canonical unit, None where unknown.
    """

    id: str
    subject: str
    category: str
    origin: str
    text: str
    observation: Observation
    truth: Volume
    millimetres_per_unit: float | None = None

    def request(self, seed: int) -> Request:
        """The case without its truth."""
        return Request(self.id, self.category, self.text, self.observation, seed)


@dataclass(frozen=True)
class Prediction:
    """What a method returns for a request: one SDF on the case's grid (negative inside)."""

    sdf: Volume


class TrainingData(Protocol):
    """The training split as a method's ``fit`` sees it; volumes and meshes are read when asked for."""

    revision: str
    """Manifest hash of the data set."""
    ids: Sequence[str]
    subjects: Sequence[str]
    categories: Sequence[str]
    origins: Sequence[str]
    texts: Sequence[Sequence[str]]
    """Captions of every shape."""

    def __len__(self) -> int:
        """Number of shapes."""
        ...

    def sdf(self, index: int) -> Volume:
        """Mesh SDF of one shape."""
        ...

    def mesh(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Canonical vertices (V, 3) and faces (F, 3); shapes of one category and template correspond by vertex."""
        ...


@runtime_checkable
class Method(Protocol):
    """Anything that completes shapes. A method may also have ``fit`` (see :class:`Fittable`)."""

    def predict(self, request: Request) -> Prediction:
        """Complete one shape. Same request, same bytes: draw only from ``request.seed``."""
        ...


@runtime_checkable
class Fittable(Protocol):
    """A method that learns from training data; ``workdir`` keeps checkpoints and may be resumed."""

    def fit(self, training_data: TrainingData, workdir: Path) -> None:
        """Learn from the training split."""
        ...


@runtime_checkable
class TruthControl(Protocol):
    """A control that looks at the truth (the oracle). Its spec says ``sees_truth``; it is never ranked."""

    def reveal(self, case: Case) -> Prediction:
        """Answer with knowledge of the truth."""
        ...


@dataclass(frozen=True)
class MethodSpec:
    """Metadata of a method, read from ``spec.toml`` beside its module without importing it.

    Attributes:
        name: the name of its entry point in the group ``genmed_bench.methods``.
        title: one line for people.
        task_families: e.g. ("shape-completion",).
        licence: SPDX expression.
        paper: citation or URL.
        implementation: "ours" or "official".
        training_data: what it learnt from, e.g. "mini/train" or "none".
        fit: "never", "on-run" (cheap: the runner fits it on the training split first) or "weights"
            (it loads trained weights and is fitted by ``genmed-bench fit``).
        samples: declared sample budget per case.
        sees_truth: True for controls that need the truth.
    """

    name: str
    title: str
    task_families: tuple[str, ...]
    licence: str
    paper: str
    implementation: str
    training_data: str
    fit: str = "never"
    samples: int = 1
    sees_truth: bool = False


@dataclass(frozen=True)
class MethodContext:
    """What a method's factory is given. An entry point ``name = module:factory`` has ``factory(context) -> Method``.

    ``checkpoint`` overrides shipped weights.
    """

    device: str = "cpu"
    checkpoint: Path | None = None


MethodFactory = Callable[[MethodContext], Method | TruthControl]
