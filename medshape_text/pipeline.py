"""The stages in order, and the count that shows nothing got lost between them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from medshape_text.curate import describe, inspect, normalise, repair, signature
from medshape_text.curate.split import SplitRule
from medshape_text.records import Shape
from medshape_text.stage import Drop, Stage

READ, DEDUPLICATE, SPLIT = "read", "deduplicate", "split"
"""Names of the steps that are no stages: the source's own, and those that need all shapes at once."""


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

    @property
    def split_rule(self) -> SplitRule:
        """Who is trained on and who is tested on."""
        ...

    @property
    def declared_splits(self) -> Mapping[str, str]:
        """Splits that the source itself declares, by id; empty for most."""
        ...

    @property
    def attribution(self) -> Mapping[str, str]:
        """Attribution and citation of each value of the column ``source``, as Markdown."""
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


def standard_stages() -> tuple[Stage, ...]:
    """The stages that shapes of any source go through, one by one."""
    return (
        inspect.STAGE, repair.STAGE, normalise.MEASURE, normalise.NORMALISE, normalise.SDF, normalise.SURFACE,
        signature.STAGE, describe.STAGE,
    )  # fmt: skip


def process(source: Source, shape_id: str, clock: Counter[str]) -> Shape | Dropped:
    """Read one shape and take it through all stages of its source; the microseconds of each are added to ``clock``.

    An exception that nobody foresaw costs this shape and no other: reason ``error``, or ``out-of-memory``.

    Raises:
        OSError: if something could not be read or written; that is not the shape's fault.
    """
    steps: list[tuple[str, Callable[[Any], Shape | Drop]]] = [(READ, source.read)]
    steps += [(stage.name, stage) for stage in source.stages]
    shape: Any = shape_id
    for name, step in steps:
        began = time.perf_counter()
        result = _attempt(step, shape)
        clock[name] += round(1e6 * (time.perf_counter() - began))
        if isinstance(result, Drop):
            return Dropped(shape_id, name, result.reason, result.detail)
        shape = result
    return cast(Shape, shape)


def _attempt(step: Callable[[Any], Shape | Drop], value: object) -> Shape | Drop:
    try:
        return step(value)
    except OSError:
        raise
    except MemoryError:
        return Drop("out-of-memory", "it needs more memory than a worker may take")
    except Exception as error:  # native parsers and geometry code raise anything; the report shows what it was
        return Drop("error", " ".join(f"{type(error).__name__}: {error}".split())[:300])


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
