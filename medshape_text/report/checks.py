"""What is checked when the page is made: files against their hashes, counts against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medshape_text import manifest
from medshape_text.records import CONFIGS
from medshape_text.report.declared import Declared
from medshape_text.report.rows import Columns

MOST = 40


@dataclass(frozen=True)
class Check:
    """One statement, and what speaks against it: ``problems`` are the first of ``count``; none if it holds."""

    statement: str
    problems: tuple[str, ...] = ()
    count: int = 0


def check(statement: str, problems: Sequence[str]) -> Check:
    """A statement with the first of its problems."""
    return Check(statement, tuple(problems[:MOST]), len(problems))


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
