"""The whole contract between the benchmark, its task families and its methods, on one page.

A *case* is what was observed of some hidden *parts*: a shape, an image, its labels, an answer. The runner turns it
into a *request* (everything but the truth), hands that to a *method*, and the family of the task scores the
*prediction* against the truth that the runner kept. Nothing here knows the name of a family, a metric or a prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from medshape_text.frame import RESOLUTION

if TYPE_CHECKING:  # metadata is read (`genmed-bench list`) without waiting for torch
    import torch

Array = NDArray[Any]
Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]

KINDS = ("sdf", "occupancy", "image", "labels", "points", "choice")
"""What an array may be; see `Space`."""


@dataclass(frozen=True)
class Grid:
    """The voxels of a case.

    Attributes:
        shape: voxels along (x, y, z).
        affine: 4 x 4, voxel index -> millimetres, RAS+; None in the canonical shape frame ("genmed64").
        millimetres_per_unit: in the canonical frame, the physical length of one unit (half the box); None if unknown.
    """

    shape: tuple[int, ...]
    affine: tuple[tuple[float, ...], ...] | None = None
    millimetres_per_unit: float | None = None


CANONICAL = Grid((RESOLUTION,) * 3)
"""The canonical shape frame: index order (x, y, z), one unit = 32 voxels."""


@dataclass(frozen=True)
class Space:
    """What an array may be. `benchmark.spaces` checks, stores and measures arrays by it.

    Attributes:
        kind: "sdf" (signed distance, negative inside), "occupancy" (probability of inside, 0 to 1), "image", "labels"
            (0 is background, i + 1 is ``names[i]``), "points" (N, 3), or "choice" (one of ``names``, as an index).
        dtype: numpy's name of the type that methods see and return.
        shape: of the array; None is the case's grid, of several channels (C, *grid). An entry None is any length.
        names: structures, channels or options.
        unit: of the values: "canonical" (32 voxels), "HU", "mm", "" ...
        limits: smallest and largest value that is stored; a signed distance is truncated there.
    """

    kind: str
    dtype: str
    shape: tuple[int | None, ...] | None = None
    names: tuple[str, ...] = ()
    unit: str = ""
    limits: tuple[float, float] | None = None


class Operator(Protocol):
    """What was measured of a part: a differentiable torch map with declared parameters.

    Given a part as a tensor with any leading axes it returns what an observation of it would read, with the same
    leading axes. Occupancy operators give calibrated probabilities: their log-odds are proportional to the depth.
    """

    def __call__(self, part: torch.Tensor) -> torch.Tensor:
        """Measure a part (..., *shape) -> (..., *shape of the value); same dtype and device."""
        ...

    def declared(self) -> dict[str, Any]:
        """Name and parameters as JSON values; equal for operators that do the same."""
        ...


@dataclass(frozen=True, eq=False)
class Observation:
    """What is known of one part: ``value ≈ operator(part)`` wherever ``mask``.

    Methods steer by ``operator``; how it came about (which prompt, which scanner) is nobody's business.

    Attributes:
        part: name of the part that was observed.
        operator: see `Operator`.
        value: what was read, in ``space``; zero where nothing was observed.
        mask: bool, the shape of ``value``: where it was read.
        exact: True: right wherever observed. False: any value may be damaged, and nobody knows where.
        space: of ``value``.
        parameters: what else may be known of how it was made, as JSON values; never where it was damaged.
    """

    part: str
    operator: Operator
    value: Array
    mask: Mask
    exact: bool
    space: Space
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing was observed of the part: no voxel at all, or for a shape none of its inside."""
        seen = self.value[self.mask]
        if self.space.kind == "sdf":
            return not bool((seen < 0).any())
        if self.space.kind == "occupancy":
            return not bool((seen > 0.5).any())
        return not seen.size


@dataclass(frozen=True, eq=False)
class Request:
    """All a method ever sees of a case.

    Attributes:
        case_id, category, text: facts of the case.
        grid: its voxels; None where it has none.
        observations: what is known.
        outputs: name -> Space of the parts that are asked for.
        seed: derived from (case id, purpose, run seed); the only source of randomness a method may use.
    """

    case_id: str
    category: str
    text: str
    grid: Grid | None
    observations: tuple[Observation, ...]
    outputs: Mapping[str, Space]
    seed: int

    @property
    def observation(self) -> Observation:
        """The only observation.

        Raises:
            ValueError: if there is none, or more than one.
        """
        return _only(self.observations)


@dataclass(frozen=True, eq=False)
class Case:
    """A request's worth of facts plus the truth (name -> array), which stays with the runner."""

    id: str
    subject: str
    category: str
    origin: str
    text: str
    grid: Grid | None
    observations: tuple[Observation, ...]
    truth: Mapping[str, Array]

    @property
    def observation(self) -> Observation:
        """The only observation.

        Raises:
            ValueError: if there is none, or more than one.
        """
        return _only(self.observations)

    def request(self, outputs: Mapping[str, Space], seed: int) -> Request:
        """The case without its truth."""
        return Request(self.id, self.category, self.text, self.grid, self.observations, outputs, seed)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a method returns: the parts it was asked for, by name."""

    parts: Mapping[str, Array]


class TrainingData(Protocol):
    """The training split as a method's ``fit`` sees it; arrays are read when asked for.

    A family may offer more (`benchmark.tasks.shape_completion.training.ShapeTrainingData` has meshes).
    """

    revision: str
    """Manifest hash of the data set."""
    ids: Sequence[str]
    subjects: Sequence[str]
    categories: Sequence[str]
    origins: Sequence[str]
    texts: Sequence[Sequence[str]]
    """Captions of every example."""
    spaces: Mapping[str, Space]
    """Of the parts that `part` reads."""

    def __len__(self) -> int:
        """Number of examples."""
        ...

    def part(self, index: int, name: str) -> Array:
        """One part of one example, the caller's own."""
        ...


@runtime_checkable
class KnowsGrids(Protocol):
    """Training data whose examples lie on grids of their own."""

    def grid(self, index: int) -> Grid:
        """The voxels of one example."""
        ...


@runtime_checkable
class PartlyAnnotated(Protocol):
    """Training data in which some structures may be there and not be labelled."""

    def annotated(self, index: int) -> Mask:
        """(names of the labels,): which of them somebody looked for in one example."""
        ...


@runtime_checkable
class Method(Protocol):
    """Anything that answers requests. A method may also have ``fit`` (see `Fittable`)."""

    def predict(self, request: Request) -> Prediction:
        """Answer one request. Same request, same bytes: draw only from ``request.seed``."""
        ...


@runtime_checkable
class BatchMethod(Protocol):
    """A method that works on many requests at once, in a folder of its own (an external program)."""

    def predict_all(
        self, requests: Sequence[Request], workdir: Path, on_prediction: Callable[[str, Prediction | str], None]
    ) -> None:
        """Answer all requests, in any order. What was handed over is kept if this raises: it is next asked the rest.

        Args:
            requests: those that are not finished yet.
            workdir: kept between calls; what it holds may be used to go on.
            on_prediction: told a case id and its prediction, or a reason why there is none, as soon as it is known. Any
                reason is a failure.
        """
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


AnyMethod = Method | BatchMethod | TruthControl


@dataclass(frozen=True)
class MethodSpec:
    """Metadata of a method, read from ``spec.toml`` beside its module without importing it.

    Attributes:
        name: the name of its entry point in the group ``genmed_bench.methods``.
        title: one line for people.
        task_families: e.g. ("shape-completion",); ("any",) for controls that need nothing of a family.
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

    Attributes:
        device: to compute on.
        checkpoint: overrides shipped weights.
        outputs: name -> Space of the parts that will be asked for; empty where nobody knows yet.
        training: revision of the data that the task may be learnt from; shipped weights say what they learnt from.
    """

    device: str = "cpu"
    checkpoint: Path | None = None
    outputs: Mapping[str, Space] = field(default_factory=dict)
    training: str | None = None


MethodFactory = Callable[[MethodContext], AnyMethod]


def _only(observations: tuple[Observation, ...]) -> Observation:
    if len(observations) != 1:
        raise ValueError(f"expected one observation, got {len(observations)}")
    return observations[0]
