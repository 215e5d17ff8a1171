"""Duplicates that were found, and the leak report, as things to look at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medshape_text.manifest import DatasetError
from medshape_text.report.rows import read_object, read_table, readable

DUPLICATES, LEAKS = "duplicates.parquet", "leaks.json"
WITH_PICTURES = 24
MOST = 200
EXAMPLES = 20
LARGEST_JSON = 64 << 20


@dataclass(frozen=True)
class Pair:
    """Two shapes that were found alike; ``facts`` is what else is known of them."""

    first: str
    second: str
    kind: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Duplicates:
    """``pairs`` are the first ones; ``kinds`` counts all ``total``. ``known`` is False without a list of pairs."""

    known: bool
    total: int
    kinds: tuple[tuple[str, int], ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Finding:
    """A list in the leak report: its length, its first items as a table, and those of them that are pairs."""

    title: str
    total: int
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True)
class Leaks:
    """``facts`` are the numbers and words of the leak report, ``findings`` its lists; ``open`` is its own count."""

    known: bool
    open: int | None = None
    facts: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()


def read_duplicates(folder: Path) -> Duplicates:
    """Pairs of ``duplicates.parquet``, in its order.

    Raises:
        DatasetError: if it cannot be read or has no columns ``first`` and ``second``.
    """
    path = folder / DUPLICATES
    table = read_table(path)
    if table is None:
        return Duplicates(False, 0, (), ())
    with readable(path):
        total = len(table)
        named = table.column("kind").to_pylist() if "kind" in table.schema.names else [""] * total
        kinds = Counter(str(kind) for kind in named)
        pairs = tuple(_pair(row) for row in table.slice(0, MOST).to_pylist())
    return Duplicates(True, total, tuple(sorted(kinds.items(), key=lambda item: (-item[1], item[0]))), pairs)


def read_leaks(folder: Path) -> Leaks:
    """What ``leaks.json`` says, whatever its lists are called.

    Raises:
        DatasetError: if it is no JSON object, or larger than such a report can be.
    """
    path = folder / LEAKS
    if not path.is_file():
        return Leaks(False)
    try:
        found = read_object(path, LARGEST_JSON)
    except ValueError as error:
        raise DatasetError(f"{path} is damaged ({error}).") from error
    still = found.pop("open_leaks", None)
    if not isinstance(still, int | None):
        raise DatasetError(f"{path} is damaged: open_leaks is no number.")
    facts: list[tuple[str, str]] = []
    findings: list[Finding] = []
    _sort_out("", found, facts, findings)
    return Leaks(True, still, tuple(facts[:MOST]), tuple(findings[:MOST]))


def _sort_out(prefix: str, found: Mapping[str, Any], facts: list[tuple[str, str]], findings: list[Finding]) -> None:
    for key, value in found.items():
        name = f"{prefix} {key}".strip().replace("_", " ")
        if isinstance(value, dict) and len(value) <= EXAMPLES:
            _sort_out(name, value, facts, findings)
        elif isinstance(value, dict):
            items = list(value.items())
            rows = tuple((str(label), _text(item)) for label, item in items[:EXAMPLES])
            findings.append(Finding(name, len(items), ("", ""), rows))
        elif isinstance(value, list):
            findings.append(_finding(name, value))
        else:
            facts.append((name, _text(value)))


def _finding(name: str, items: Sequence[Any]) -> Finding:
    first = items[:EXAMPLES]
    if not all(isinstance(item, dict) for item in first):
        return Finding(name, len(items), ("",), tuple((_text(item),) for item in first))
    head = tuple(dict.fromkeys(str(key) for item in first for key in item))
    rows = tuple(tuple(_text(item.get(key, "")) for key in head) for item in first)
    shown = items[:WITH_PICTURES]
    alike = all(isinstance(item, dict) and {"first", "second"} <= item.keys() for item in shown)
    pairs = tuple(_pair(item) for item in shown) if alike else ()
    return Finding(name, len(items), tuple(key.replace("_", " ") for key in head), rows, pairs)


def _pair(row: Mapping[str, Any]) -> Pair:
    rest = {key: value for key, value in row.items() if key not in ("first", "second", "kind")}
    facts = tuple((str(key).replace("_", " "), _text(value)) for key, value in rest.items() if value not in (None, ""))
    return Pair(str(row["first"]), str(row["second"]), str(row.get("kind", "")), facts)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value[:EXAMPLES]) + (" …" if len(value) > EXAMPLES else "")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
