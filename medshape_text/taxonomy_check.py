"""How much of a list of file names the grammars and the taxonomy cover, and whether published classes agree."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from medshape_text import names, taxonomy
from medshape_text.taxonomy_file import squeeze

MAX_BYTES = 256 * 2**20
EXAMPLES = 5
"""So many names are kept of each kind of fault."""
_CLASS_COLUMNS = ("class", "category", "label")


class NamesError(ValueError):
    """A list of names that cannot be read."""


@dataclass
class Group:
    """How many names have something in common, and the first few of them."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(name)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"count": self.count, "examples": list(self.examples)}


@dataclass
class Coverage:
    """What became of a list of names.

    ``parsed`` names follow a grammar, ``resolved`` ones have a category too. ``unknown`` are structures without one,
    as ``structure[_side][_level]`` spelled by the source. ``classes`` are the categories of each published class.
    ``wrong_merges`` are published classes that hold more than one structure, or one that their own name is not,
    with the names of each structure counted.
    """

    names: int = 0
    parsed: int = 0
    resolved: int = 0
    split_safe: int = 0
    subjects: int = 0
    repeated: int = 0
    grammars: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)
    pathologies: Counter[str] = field(default_factory=Counter)
    unparsable: dict[str, Group] = field(default_factory=dict)
    unknown: dict[str, Group] = field(default_factory=dict)
    classes: dict[str, Counter[str]] = field(default_factory=dict)
    wrong_merges: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every name has a category and no published class merges structures wrongly."""
        return self.resolved == self.names and not self.wrong_merges

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with the taxonomy's version and which of the 139 categories no name has."""
        canonical = [category.name for category in taxonomy.categories()]
        return {
            "taxonomy_version": taxonomy.VERSION,
            "names": self.names,
            "parsed": self.parsed,
            "resolved": self.resolved,
            "split_safe": self.split_safe,
            "subjects": self.subjects,
            "repeated": self.repeated,
            "complete": self.complete,
            "grammars": _sorted(self.grammars),
            "categories": _sorted(self.categories),
            "categories_absent": [name for name in canonical if not self.categories[name]],
            "pathologies": _sorted(self.pathologies),
            "unparsable": {reason: group.as_dict() for reason, group in sorted(self.unparsable.items())},
            "unknown": {structure: group.as_dict() for structure, group in sorted(self.unknown.items())},
            "classes": {name: _sorted(counts) for name, counts in sorted(self.classes.items())},
            "wrong_merges": {name: dict(counts) for name, counts in sorted(self.wrong_merges.items())},
        }

    def text(self) -> str:
        """The same for people."""
        known = self.as_dict()
        absent = known["categories_absent"]
        total = len(taxonomy.categories())
        lines = [
            f"taxonomy version {taxonomy.VERSION}: {total} categories, {len(taxonomy.supplement())} in the supplement",
            f"{self.names} names ({self.repeated} repeated), {self.parsed} parsed, {self.resolved} have a category",
            f"{self.subjects} subjects; {self.split_safe} names can be split by subject",
            f"{total - len(absent)} of {total} categories have a name",
            *_block("grammars", known["grammars"]),
            *_block("refused names", {reason: _examples(group) for reason, group in sorted(self.unparsable.items())}),
            *_block("unknown structures", {name: _examples(group) for name, group in sorted(self.unknown.items())}),
            *_block("published classes", {name: ", ".join(counts) for name, counts in known["classes"].items()}),
            *_block(
                "wrong merges",
                {
                    name: ", ".join(f"{structure} ({count})" for structure, count in counts.items())
                    for name, counts in known["wrong_merges"].items()
                },
            ),
        ]
        return "\n".join(lines)


def check_names(named: Iterable[tuple[str, str | None]]) -> Coverage:
    """Parse and resolve every (file name, published class or None)."""
    coverage = Coverage()
    subjects: set[str] = set()
    seen: set[str] = set()
    structures: dict[str, Counter[str]] = {}
    for file_name, published in named:
        coverage.names += 1
        coverage.repeated += file_name in seen
        seen.add(file_name)
        category = _look_up(file_name, coverage, subjects)
        if published is not None:
            found = coverage.classes.setdefault(published, Counter())
            if category is not None:
                found[category.name] += 1
                structures.setdefault(published, Counter())[category.structure] += 1
    coverage.subjects = len(subjects)
    own = {squeeze(alias): each.structure for each in (*taxonomy.categories(), *taxonomy.supplement())
           for alias in each.aliases}  # fmt: skip
    coverage.wrong_merges = {
        published: _sorted(counts) for published, counts in structures.items() if _is_wrong(published, counts, own)
    }
    return coverage


def _look_up(file_name: str, coverage: Coverage, subjects: set[str]) -> taxonomy.Category | None:
    parsed = names.parse(file_name)
    if isinstance(parsed, names.Unparsable):
        coverage.unparsable.setdefault(parsed.reason, Group()).add(file_name)
        return None
    coverage.parsed += 1
    coverage.grammars[parsed.grammar] += 1
    coverage.split_safe += parsed.split_safe
    subjects.add(parsed.subject)
    if parsed.pathology:
        coverage.pathologies[parsed.pathology] += 1
    try:
        category = taxonomy.resolve(parsed)
    except taxonomy.UnknownStructureError:
        side = "" if parsed.side == "none" else parsed.side
        spelled = "_".join(part for part in (parsed.structure, side, parsed.level) if part)
        coverage.unknown.setdefault(spelled, Group()).add(file_name)
        return None
    coverage.resolved += 1
    coverage.categories[category.name] += 1
    return category


def _is_wrong(published: str, structures: Mapping[str, int], own: Mapping[str, str]) -> bool:
    """Whether a class holds several structures, or another one than its own name spells; ``own`` are all spellings."""
    if len(structures) > 1:
        return True
    meant = own.get(squeeze(names.spell(published).structure))
    return meant is not None and meant not in structures


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _examples(group: Group) -> str:
    more = " ..." if group.count > len(group.examples) else ""
    return f"{group.count}: " + ", ".join(ascii(name) for name in group.examples) + more


def _block(title: str, rows: Mapping[str, object]) -> list[str]:
    width = max((len(ascii(name)) - 2 for name in rows), default=0)
    return (
        ["", f"{title}:", *(f"  {ascii(name)[1:-1]:<{width}}  {value}" for name, value in rows.items())] if rows else []
    )


def read_names(path: Path) -> list[tuple[str, str | None]]:
    """File names, with their published class where there is one.

    A table (CSV) has a header with the column ``file_name`` and perhaps one whose name begins with ``class``,
    ``category`` or ``label``. Anything else is a plain list, one name or URL a line; of a URL the parameter ``files``
    or the last part of its path is read. Empty lines and what follows a ``#`` after a space or at the start are left
    out.

    Raises:
        NamesError: if it is larger than :data:`MAX_BYTES`, not UTF-8, or a row of a table has no file name.
        OSError: if it cannot be read.
    """
    with path.open("rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise NamesError(f"{path} holds more than {MAX_BYTES} bytes; split it")
    try:
        lines = re.split(r"\r\n|\n|\r", raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NamesError(f"{path} is not UTF-8 text: {error}") from error
    first = next((line for line in lines if line.strip()), "")
    if "file_name" in _cells(first):
        return _read_table(path, lines)
    cleaned = (re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in lines)
    return [(_file_of(line), None) for line in cleaned if line]


def _cells(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error:  # a cell beyond the reader's limit: no row of a table
        return []


def _read_table(path: Path, lines: list[str]) -> list[tuple[str, str | None]]:
    rows = [(number, _cells(line)) for number, line in enumerate(lines, 1) if line.strip()]
    header = rows[0][1]
    name_at = header.index("file_name")
    class_at = next((at for at, column in enumerate(header) if column.lower().startswith(_CLASS_COLUMNS)), None)
    found: list[tuple[str, str | None]] = []
    for number, row in rows[1:]:
        if len(row) != len(header) or not row[name_at]:
            raise NamesError(f"{path}, line {number}: expected {len(header)} columns with a file_name, got {row!a}")
        found.append((row[name_at], (row[class_at] or None) if class_at is not None else None))
    return found


def _file_of(line: str) -> str:
    """The file name of a line, which may be a URL."""
    if "://" not in line:
        return line
    try:
        parts = urlsplit(line)
    except ValueError:
        return line  # no name that any grammar has, so it is listed as refused
    wanted = parse_qs(parts.query).get("files")
    return wanted[0] if wanted else unquote(parts.path.rsplit("/", 1)[-1])
