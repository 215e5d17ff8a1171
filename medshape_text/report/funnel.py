"""What every stage kept, and examples of what it did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from medshape_text.report.declared import Step
from medshape_text.report.rows import read_table, texts

DROPPED = "dropped.parquet"
EXAMPLES = 20
MOST_REASONS = 150
"""Reasons with examples on the page; there are some thirty codes, so more means that something is very wrong."""

Kind = tuple[str, str]
"""(stage, reason)."""


@dataclass(frozen=True)
class Reason:
    """One reason of a stage: what the manifest counts, and the first (id, detail) of ``dropped.parquet``."""

    stage: str
    reason: str
    count: int
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Drops:
    """``dropped.parquet``: how many rows of each kind, and the first few of each."""

    counts: Counter[Kind]
    examples: dict[Kind, list[tuple[str, str]]]


def read_drops(folder: Path) -> Drops:
    """What ``dropped.parquet`` says; nothing if there is none.

    Raises:
        DatasetError: if it cannot be read.
    """
    path = folder / DROPPED
    table = read_table(path)
    drops = Drops(Counter(), {})
    if table is None:
        return drops
    for shape_id, stage, reason, detail in zip(*texts(table, ("id", "stage", "reason", "detail"), path), strict=True):
        kind = (stage, reason)
        drops.counts[kind] += 1
        if drops.counts[kind] <= EXAMPLES:
            drops.examples.setdefault(kind, []).append((shape_id, detail))
    return drops


def reasons(steps: Sequence[Step], drops: Drops) -> list[Reason]:
    """Every reason of every stage, most frequent first."""
    found = [
        Reason(step.name, reason, count, tuple(drops.examples.get((step.name, reason), ())))
        for step in steps
        for reason, count in step.dropped.items()
    ]
    return sorted(found, key=lambda each: (-each.count, each.stage, each.reason))


def problems(steps: Sequence[Step], drops: Drops, kept: int) -> list[str]:
    """What does not add up; empty if all does."""
    found = [
        f"stage {step.name}: {step.n_in} is not {step.n_out} + {step.n_dropped}" for step in steps if not step.adds_up
    ]
    for before, after in pairwise(steps):
        if before.n_out != after.n_in:
            found.append(f"{before.n_out} shapes left stage {before.name}, but {after.n_in} came to {after.name}")
    if steps and steps[-1].n_out != kept:
        found.append(f"{steps[-1].n_out} shapes left the last stage, but the tables have {kept}")
    told = Counter({(step.name, reason): count for step in steps for reason, count in step.dropped.items()})
    found += [
        f"{' / '.join(kind)}: the manifest counts {told[kind]}, {DROPPED} has {drops.counts[kind]}"
        for kind in sorted(told.keys() | drops.counts.keys())
        if told[kind] != drops.counts[kind]
    ]
    return found
