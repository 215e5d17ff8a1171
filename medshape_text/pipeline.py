"""The stages in order, and the count that shows nothing got lost between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from medshape_text.curate import describe, inspect, measure, normalise, surface
from medshape_text.curate import field as sdf_field
from medshape_text.curate.split import split_stage
from medshape_text.records import Shape
from medshape_text.stage import Drop, Stage

READ = "read"
"""Name of the first step, which is the source's own."""


class Source(Protocol):
    """Where shapes come from. It travels to worker processes, so it must pickle."""

    @property
    def name(self) -> str:
        """Short name, as given to ``--source``."""
        ...

    @property
    def stages(self) -> Sequence[Stage]:
        """What its shapes go through after reading."""
        ...

    def ids(self) -> Sequence[str]:
        """Ids of all shapes it offers, in the order of the published rows."""
        ...

    def fingerprint(self, shape_id: str) -> str:
        """Hash of everything :meth:`read` makes this shape of."""
        ...

    def read(self, shape_id: str) -> Shape | Drop:
        """One raw shape."""
        ...

    def provenance(self) -> dict[str, Any]:
        """For the manifest: what was read (with sha256) and how (versions, parameters, seeds)."""
        ...

    def card(self) -> str:
        """Markdown for the data-set card: what the shapes are, their limits, licence and citation."""
        ...

    def notice(self) -> str:
        """Licence notice that has to travel with the data."""
        ...


@dataclass(frozen=True)
class Dropped:
    """A shape that left the pipeline: where and why."""

    id: str
    stage: str
    reason: str
    detail: str


def standard_stages(subjects: Sequence[str], train_only: Sequence[str] = ()) -> tuple[Stage, ...]:
    """The stages every source's shapes go through, for a declared list of subjects to split."""
    curated = (inspect.STAGE, measure.STAGE, normalise.STAGE, sdf_field.STAGE, surface.STAGE, describe.STAGE)
    return (*curated, split_stage(subjects, train_only))


def process(source: Source, shape_id: str) -> Shape | Dropped:
    """Read one shape and take it through all stages of its source."""
    shape = source.read(shape_id)
    if isinstance(shape, Drop):
        return Dropped(shape_id, READ, shape.reason, shape.detail)
    for stage in source.stages:
        result = stage(shape)
        if isinstance(result, Drop):
            return Dropped(shape_id, stage.name, result.reason, result.detail)
        shape = result
    return shape


@dataclass(frozen=True)
class StageCount:
    """How many shapes came to a stage and left it; ``dropped`` counts by reason code."""

    stage: str
    n_in: int
    n_out: int
    dropped: dict[str, int] = field(default_factory=dict)


def funnel(stages: Sequence[str], n_ids: int, n_kept: int, dropped: Iterable[Dropped]) -> list[StageCount]:
    """Count every stage in order from the drops, and check that what is left is what was kept.

    Raises:
        ValueError: if ids, drops and kept shapes do not add up, or a drop names an unknown stage.
    """
    reasons: dict[str, Counter[str]] = {stage: Counter() for stage in stages}
    for drop in dropped:
        if drop.stage not in reasons:
            raise ValueError(f"{drop.id} was dropped by a stage that is not in the pipeline: {drop.stage}")
        reasons[drop.stage][drop.reason] += 1
    counts, flowing = [], n_ids
    for stage in stages:
        left = flowing - reasons[stage].total()
        counts.append(StageCount(stage, flowing, left, dict(sorted(reasons[stage].items()))))
        flowing = left
    if flowing != n_kept:
        raise ValueError(f"of {n_ids} shapes {flowing} should have come through every stage, but {n_kept} were kept")
    return counts
