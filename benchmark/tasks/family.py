"""What a task family has to say; everything else (run, resume, record, submit, verify, rank, show) is shared.

A family is found through the entry-point group ``genmed_bench.families``: ``name = module:FAMILY``. Its module is
imported to list tasks, so what is slow to import is imported inside its methods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:  # listing tasks waits for nothing
    from benchmark.contract import Case, Prediction, Space, TrainingData
    from benchmark.drawing.scene import Scene
    from benchmark.metrics.base import Metric, Score


@dataclass(frozen=True)
class Task:
    """What a run of this task measures. A change to any of it is a new ``version``; families may add fields.

    Attributes:
        name: what people type.
        family: which methods can do it (see ``MethodSpec.task_families``).
        headline: name of the metric that runs are compared by.
        description: one line for people.
        source: where the definition comes from.
        version: of the definition; part of the configuration of a run.
    """

    name: str
    family: str
    headline: str
    description: str
    source: str
    version: int = 1


@dataclass(frozen=True)
class Group:
    """Cases that are scored together: one, or a whole set. ``id`` is that of the only case, or the set's own."""

    id: str
    cases: tuple[str, ...]


class CaseSource(Protocol):
    """The cases of one task on one split of one data set."""

    @property
    def revision(self) -> str:
        """Of the data set."""
        ...

    @property
    def manifest_sha256(self) -> str:
        """Hash of its manifest."""
        ...

    @property
    def split(self) -> str:
        """Name of the split."""
        ...

    @property
    def groups(self) -> Sequence[Group]:
        """All groups in order; the cases of the task are theirs, one group after another."""
        ...

    def case(self, case_id: str) -> Case:
        """One case, the same every time.

        Raises:
            KeyError: if there is none of this id.
        """
        ...


class Family(Protocol):
    """Everything that only one kind of task knows."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Its tasks."""
        ...

    def metrics(self, task: Task | None = None) -> tuple[Metric, ...]:
        """Every metric it may give, or those of one task, in the order of columns, headlines first."""
        ...

    def outputs(self, task: Task) -> Mapping[str, Space]:
        """The parts that are asked for, and what each may be."""
        ...

    def cases(self, task: Task, folder: Path, split: str) -> CaseSource:
        """The cases of a task.

        Raises:
            DataError: if the folder is no data set the family can use.
        """
        ...

    def training_data(self, folder: Path, split: str) -> TrainingData:
        """A split to learn from.

        Raises:
            DataError: if the folder is no data set the family can use, or has no such split.
        """
        ...

    def expected(self, task: Task, cases: Sequence[Case]) -> list[Metric]:
        """Metrics of the rows a group of cases has, in order; a metric several times if it has several categories."""
        ...

    def score(
        self, task: Task, cases: Sequence[Case], predictions: Mapping[str, Prediction], failures: Mapping[str, str]
    ) -> list[Score]:
        """All scores of a group, one for each of `expected`, whatever failed: a missing answer scores worst.

        Args:
            task: what was asked.
            cases: of the group, with their truth.
            predictions: case id -> prediction as it was stored, checked by its Spaces.
            failures: case id -> reason, for those without one.
        """
        ...

    def floor(self, task: Task, cases: Sequence[Case]) -> list[Score]:
        """The truth against itself sampled afresh: differences below these are sampling noise. Empty where exact."""
        ...


@runtime_checkable
class AsksForItsOwn(Protocol):
    """Cases whose parts depend on the data set, as the structures of a segmentation do."""

    @property
    def outputs(self) -> Mapping[str, Space]:
        """The parts that are asked for, in place of those of the family."""
        ...


@runtime_checkable
class TrainsByTask(Protocol):
    """A family whose tasks learn from different data: from a few cases, or from images of one modality."""

    def training_for(self, task: Task, folder: Path, split: str, seed: int) -> TrainingData:
        """What may be learnt from for a task, in place of ``training_data``.

        Its ``revision`` differs from the data set's where it is not the whole split, so that no fit is taken for
        that of another task.

        Args:
            task: one of the family's.
            folder: of the data set.
            split: of it.
            seed: of the run, where the choice of a few cases is to be repeated with others.

        Raises:
            DataError: as ``training_data``.
        """
        ...


@runtime_checkable
class Draws(Protocol):
    """A family whose cases can be looked at; one that has no ``scene`` has reports without pictures."""

    captions: tuple[str, ...]
    """Names of the metrics that stand under each picture."""

    def scene(
        self, case: Case, predictions: Mapping[str, Prediction | None], status: Mapping[str, str], error_of: str
    ) -> Scene:
        """The views of a case: what was observed, each prediction (None where there is none), the truth, the error.

        Args:
            case: observations and truth.
            predictions: by method, in the order of display.
            status: "ok", or why the case failed, by method.
            error_of: the method whose distance to the truth is shown at first.
        """
        ...


@runtime_checkable
class Weighs(Protocol):
    """A family that can say of a stranger's prediction that scoring it would cost too much."""

    def too_costly(self, prediction: Prediction) -> str | None:
        """What is too much of it, in words that follow "the prediction"; None for what honest methods make."""
        ...


@runtime_checkable
class TellsCopies(Protocol):
    """A family that can say whether two predictions are one and the same, up to noise."""

    def nearly_same(self, first: Prediction, second: Prediction) -> bool:
        """Whether two predictions of a case are more alike than those of two methods ever are."""
        ...
