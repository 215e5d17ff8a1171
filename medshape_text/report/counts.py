"""What is counted and checked: shapes by kind and split, what every stage kept and dropped, files by hash."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from medshape_text import manifest
from medshape_text.records import CONFIGS, SPLITS
from medshape_text.report.declared import Declared, Step
from medshape_text.report.rows import Columns, read_table, texts

MOST = 400
"""Rows of one table on the page."""
DROPPED = "dropped.parquet"
EXAMPLES = 20
MOST_REASONS = 150
"""Reasons with examples on the page; there are some thirty codes, so more means that something is very wrong."""
_MOST_PROBLEMS = 40


@dataclass(frozen=True)
class Tally:
    """Shapes that share a ``label``: all of them, and by split in the order of the page."""

    label: str
    count: int
    by_split: tuple[int, ...]
    note: str = ""
    subjects: int = 0


@dataclass(frozen=True)
class Group:
    """One small table; ``left_out`` rows, the rarest, are not in it."""

    title: str
    note: str
    rows: tuple[Tally, ...]
    left_out: int


def splits_of(columns: Columns) -> list[str]:
    """The splits there are, the known ones first and in their order."""
    found = set(columns["split"])
    return [name for name in SPLITS if name in found] + sorted(str(name) for name in found - set(SPLITS))


def categories(columns: Columns, splits: Sequence[str]) -> list[Tally]:
    """Every category by name, with its super-class as ``note``."""
    above = dict(zip(columns["category"], columns["super_class"], strict=True))
    subjects: dict[str, set[str]] = defaultdict(set)
    for category, subject in zip(columns["category"], columns["subject"], strict=True):
        subjects[category].add(subject)
    rows = _tally(zip(columns["category"], columns["split"], strict=True), splits)
    return sorted(
        (Tally(row.label, row.count, row.by_split, str(above[row.label]), len(subjects[row.label])) for row in rows),
        key=lambda row: row.label,
    )


def groups(columns: Columns, splits: Sequence[str]) -> list[Group]:
    """The small tables, each row a value and the shapes that have it."""
    found = [
        _group(title, "", zip(columns[name], columns["split"], strict=True), splits)
        for title, name in (("Super-class", "super_class"), ("Origin", "origin"), ("Source", "source"))
    ]
    may = ["may be passed on" if yes else "recipe only" for yes in columns["redistributable"]]
    licences = [f"{name or 'none stated'} ({what})" for name, what in zip(columns["licence"], may, strict=True)]
    found.append(_group("Licence", "", zip(licences, columns["split"], strict=True), splits))
    flags = (
        (flag, split)
        for own, split in zip(columns["flags"], columns["split"], strict=True)
        for flag in sorted(set(own or ())) or ["no flag"]
    )
    found.append(_group("Flags", "What is odd about shapes that were kept; one may have several.", flags, splits))
    repairs = (
        (action, split)
        for own, split in zip(columns["repairs"], columns["split"], strict=True)
        for action in sorted({repair["action"] for repair in own or ()}) or ["not repaired"]
    )
    found.append(_group("Repairs", "Shapes whose mesh was changed; one may have several.", repairs, splits))
    return found


def shared_subjects(columns: Columns) -> list[tuple[str, str]]:
    """Subjects with shapes in more than one of train, validation and test, and in which."""
    where: dict[str, set[str]] = defaultdict(set)
    for subject, split in zip(columns["subject"], columns["split"], strict=True):
        if split in SPLITS[:3]:
            where[subject].add(split)
    return sorted((subject, ", ".join(sorted(names))) for subject, names in where.items() if len(names) > 1)


def _group(title: str, note: str, pairs: Iterable[tuple[str, str]], splits: Sequence[str]) -> Group:
    rows = sorted(_tally(pairs, splits), key=lambda row: (-row.count, row.label))
    return Group(title, note, tuple(rows[:MOST]), max(0, len(rows) - MOST))


def _tally(pairs: Iterable[tuple[str, str]], splits: Sequence[str]) -> list[Tally]:
    number = Counter(pairs)
    labels = dict.fromkeys(label for label, _ in number)
    found = []
    for label in labels:
        by_split = tuple(number[label, split] for split in splits)
        found.append(Tally(str(label), sum(by_split), by_split))
    return found


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


@dataclass(frozen=True)
class Check:
    """One statement, and what speaks against it: ``problems`` are the first of ``count``; none if it holds."""

    statement: str
    problems: tuple[str, ...] = ()
    count: int = 0


def check(statement: str, problems: Sequence[str]) -> Check:
    """A statement with the first of its problems."""
    return Check(statement, tuple(problems[:_MOST_PROBLEMS]), len(problems))


def integrity(folder: Path, told: Declared, columns: Columns, sums: Sequence[str]) -> list[Check]:
    """All checks; ``sums`` are the problems of the funnel. Every file is read once to be hashed.

    Raises:
        DatasetError: if there is no readable manifest.
    """
    shapes = len(columns["id"])
    rows = {config.name: config.rows for config in told.configs}
    uneven = [
        f"{name}: {rows.get(name, 0)} rows instead of {shapes}" for name in CONFIGS if rows.get(name, 0) != shapes
    ]
    repeated = shapes - len(set(columns["id"]))
    return [
        check("Every file has the sha256 that the manifest states", manifest.verify(folder)),
        check("There is no file that the manifest does not know", manifest.unlisted(folder)),
        check("In every stage, in = out + dropped, and nothing is lost between stages", sums),
        check("Every configuration has one row for each shape", uneven),
        check("No id occurs twice", [f"{repeated} rows repeat an id"] if repeated else []),
    ]
