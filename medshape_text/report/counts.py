"""How many shapes there are of what, by split."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medshape_text.records import SPLITS
from medshape_text.report.rows import Columns

MOST = 400
"""Rows of one table on the page."""


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
