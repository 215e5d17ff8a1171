"""Who and what a file of a folder shows: what tables say first, then its name, then the folders it is in.

People write ``shapes.csv`` and label files in JSON beside their shapes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medshape_text import names, taxonomy
from medshape_text.hashing import sha256
from medshape_text.reading.meshes import MESH_SUFFIXES
from medshape_text.reading.volumes import volume_suffix
from medshape_text.records import ORIGINS, SPLITS, UNKNOWN_SUBJECT
from medshape_text.sources.labels import UNKNOWN_STRUCTURE, Label, label_of
from medshape_text.sources.shared import SourceError
from medshape_text.stage import Drop

FOLDER = "folder"
"""The grammar of shapes whose names follow none."""
_TOTALSEGMENTATOR = re.compile(r"(?:.*/)?(s[0-9]{4})/segmentations/([^/]+)")
SHAPES_CSV = "shapes.csv"
_MAX_BYTES = 2**26
_COLUMNS = ("file", "label", "subject", "category", "side", "level", "pathology", "split", "licence", "origin", "age",
            "sex", "unit", "source")  # fmt: skip
_ALLOWED = {"split": ("", *SPLITS), "origin": ("", *ORIGINS), "unit": ("", "mm", "unknown"),
            "side": ("", "left", "right", "none"), "sex": ("", "female", "male")}  # fmt: skip
_FILE_KEYS = ("file", "file_name", "filename", "path", "stl", "name", "id")
_LABEL_KEYS = ("category", "structure", "class", "label", "organ", "anatomy")


class FolderError(SourceError):
    """A table beside the shapes cannot be used; nothing was read."""


@dataclass(frozen=True)
class Row:
    """A line of ``shapes.csv``; ``label`` is 0 where it speaks of a whole file. Empty is not said."""

    file: str
    label: int = 0
    subject: str = ""
    category: str = ""
    side: str = ""
    level: str = ""
    pathology: str = ""
    split: str = ""
    licence: str = ""
    origin: str = ""
    age: int | None = None
    sex: str = ""
    unit: str = ""
    source: str = ""


@dataclass(frozen=True)
class Tables:
    """All that is said beside the shapes, and the sha256 of every file that says it.

    ``rows`` are by (file, label), ``labels`` give a structure by a file's path, and ``values`` what a voxel's value
    means by the folder the volumes are in (empty for the outermost).
    """

    rows: Mapping[tuple[str, int], Row] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)


def read_tables(folder: Path, json_files: tuple[str, ...]) -> Tables:
    """Read ``shapes.csv`` and every JSON file that is one of labels; other JSON files are left alone.

    ``shapes.csv`` has the column ``file`` (path in the folder) and any of ``label`` (a voxel's value), ``subject``,
    ``category``, ``side``, ``level``, ``pathology``, ``split``, ``licence``, ``origin``, ``age``, ``sex``, ``unit``
    (``mm``) and ``source``. A JSON file of labels speaks of the files beside it, in one of these forms:
    ``{"a.stl": "liver"}``, ``{"a.stl": {"label": "liver"}}``, ``[{"file": "a.stl", "class": "liver"}]``, or, for
    volumes of many labels, nnU-Net's ``{"labels": {"background": 0, "liver": 1}}``.

    Raises:
        FolderError: if ``shapes.csv`` is not such a table.
        OSError: if a file cannot be read.
    """
    tables = Tables()
    if (folder / SHAPES_CSV).is_file():
        data = _read(folder / SHAPES_CSV)
        tables = replace(tables, rows=_rows(folder / SHAPES_CSV, data), sha256={SHAPES_CSV: sha256(data)})
    labels: dict[str, str] = {}
    values: dict[str, dict[int, str]] = {}
    hashes = dict(tables.sha256)
    for name in json_files:
        data = _read(folder / name)
        found = _json_labels(data)
        beside = name.rpartition("/")[0]
        if isinstance(found, _Values):
            values.setdefault(beside, {}).update(found.names)
        elif found:
            prefix = f"{beside}/" if beside else ""
            labels |= {f"{prefix}{file}": label for file, label in found.items()}
        else:
            continue
        hashes[name] = sha256(data)
    return replace(tables, labels=labels, values=values, sha256=hashes)


@dataclass(frozen=True)
class _Values:
    names: Mapping[int, str]


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise FolderError(f"{path} is larger than {_MAX_BYTES} bytes, which no table of labels is")
    return data


def _rows(path: Path, data: bytes) -> dict[tuple[str, int], Row]:
    try:
        text = data.decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        unknown = [name for name in names if name not in _COLUMNS]
        if "file" not in names or unknown or len(set(names)) != len(names):
            wrong = f"it has the unknown column {unknown[0]!r}" if unknown else "it has no column file, or one twice"
            raise FolderError(f"{path}: {wrong}; known are {', '.join(_COLUMNS)}")
        reader.fieldnames = names
        rows: dict[tuple[str, int], Row] = {}
        for number, cells in enumerate(reader, start=2):
            row = _row(f"{path}, line {number}", cells)
            if rows.setdefault((row.file, row.label), row) is not row:
                raise FolderError(f"{path}, line {number}: {row.file} is there twice")
    except (UnicodeDecodeError, csv.Error) as error:
        raise FolderError(f"{path} is not a table in UTF-8 text: {error}") from error
    return rows


def _row(where: str, cells: Mapping[str | Any, str | Any]) -> Row:
    if None in cells or None in cells.values():
        raise FolderError(f"{where} has not as many cells as the first line has names")
    said = {name: str(value).strip() for name, value in cells.items()}
    if not said["file"]:
        raise FolderError(f"{where} names no file")
    for name, allowed in _ALLOWED.items():
        if said.get(name, "") not in allowed:
            raise FolderError(f"{where}: {name} is {said[name]!r}, one of {', '.join(filter(None, allowed))} is known")
    label, age = (said.pop(name, "") for name in ("label", "age"))
    if not all(cell.isdecimal() and len(cell) < 10 for cell in (label or "0", age or "0")) or int(age or 0) > 120:
        raise FolderError(f"{where}: label and age are whole numbers, they are {label!r} and {age!r}")
    return Row(**said, label=int(label or 0), age=int(age) if age else None)


def _json_labels(data: bytes) -> dict[str, str] | _Values | None:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if isinstance(content, dict) and isinstance(content.get("labels"), dict):
        return _values(content["labels"])
    if isinstance(content, dict) and isinstance(content.get("labels"), list):
        content = content["labels"]
    pairs = content.items() if isinstance(content, dict) else ((None, entry) for entry in content) if isinstance(
        content, list) else ()  # fmt: skip
    found: dict[str, str] = {}
    for file, entry in pairs:
        name = file if file is not None else _first(entry, _FILE_KEYS)
        label = entry if isinstance(entry, str) else _first(entry, _LABEL_KEYS)
        if name and label:
            found[name] = label
    return found


def _first(entry: object, keys: tuple[str, ...]) -> str:
    """The text under the first of the keys that has one."""
    if not isinstance(entry, dict):
        return ""
    return next((entry[key] for key in keys if isinstance(entry.get(key), str)), "")


def _values(labels: Mapping[str, object]) -> _Values | None:
    """nnU-Net's table, in either direction of its versions."""
    names: dict[int, str] = {}
    for key, value in labels.items():
        if isinstance(value, int) and not isinstance(value, bool):
            names[value] = key
        elif isinstance(value, str) and key.isdecimal() and len(key) < 10:
            names[int(key)] = value
        else:
            return None
    return _Values({value: name for value, name in names.items() if value > 0})


def shape_suffix(path: str) -> str:
    """The suffix by which a file is read, such as ``.stl`` or ``.nii.gz``; empty for other files."""
    suffix = Path(path).suffix.lower()
    return suffix if suffix in MESH_SUFFIXES else volume_suffix(path)


def label_file(path: str, row: Row | None, spelled: str) -> Label | Drop:
    """The label of a file, or of one value in it.

    Args:
        path: in the folder.
        row: what ``shapes.csv`` says.
        spelled: what a label file, or the volume itself, calls the structure; may be empty.

    Reasons: ``unknown-structure``, ``no-subject``, and those of `medshape_text.names`.
    """
    named = _from_name(path)
    what = (row.category if row else "") or spelled
    if what:
        made = _from_spelling(path, what, row, named)
    elif isinstance(named, Drop) and row is not None and row.subject:
        # The table says whose it is, which is all that a name such as liver.stl lacks.
        made = _from_spelling(path, _stem(path), row, named)
    else:
        made = named
    if isinstance(made, Drop) or row is None:
        return made
    subject = f"{FOLDER}:{row.subject}" if row.subject else made.subject
    flags = tuple(flag for flag in made.flags if not (row.subject and flag == UNKNOWN_SUBJECT))
    return replace(made, subject=subject, flags=flags, pathology=row.pathology or made.pathology)


def _from_name(path: str) -> Label | Drop:
    placed = _TOTALSEGMENTATOR.fullmatch(path)
    if placed:
        return label_of(f"{placed[1]}_{placed[2]}")
    return label_of(path.rpartition("/")[2])


def _from_spelling(path: str, spelled: str, row: Row | None, named: Label | Drop) -> Label | Drop:
    try:
        category, pathology = _category(spelled, row)
    except taxonomy.UnknownStructureError as error:
        return Drop(UNKNOWN_STRUCTURE, " ".join(str(error).split())[:300])
    if isinstance(named, Label):
        subject, grammar, flags = named.subject, named.grammar, named.flags
    else:
        # Nobody says whose it is. Files of one stem are one subject's; whether others are too is not known.
        subject, grammar, flags = f"{FOLDER}:{_stem(path)}", FOLDER, (UNKNOWN_SUBJECT,)
    return Label(
        subject, category.name, category.side, category.super_class, category.level, pathology, grammar, flags
    )  # fmt: skip


def _category(spelled: str, row: Row | None) -> tuple[taxonomy.Category, str]:
    words = re.split(r"[\s_]+", spelled.strip())
    if words[0].lower() in ("left", "right"):
        words = [*words[1:], words[0]]  # names of files have the side last
    said = names.spell("_".join(words))
    declared = (row.side, row.level) if row is not None else ("", "")
    if not any(declared):
        try:
            return taxonomy.get(spelled), ""
        except taxonomy.UnknownStructureError:
            return taxonomy.resolve(said), said.pathology
    both = replace(said, side=declared[0] or said.side, level=declared[1] or said.level)
    if said.side not in ("none", both.side) or said.level not in ("", both.level):
        raise taxonomy.UnknownStructureError(f"shapes.csv says {spelled!r} and another side or level", spelled)
    return taxonomy.resolve(both), said.pathology


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[: len(name) - len(shape_suffix(name))].removesuffix(".seg")
