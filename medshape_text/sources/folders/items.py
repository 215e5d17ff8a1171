"""Every shape a folder offers, and every file in it that offers none, once each; links that lead out are none."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from medshape_text.hashing import file_sha256
from medshape_text.reading.limits import MAX_BYTES, BadShapeError, check_size
from medshape_text.reading.volumes import read_header, read_volume, volume_suffix
from medshape_text.sources.folders.labels import Row, Tables, label_file, shape_suffix
from medshape_text.sources.labels import Label, refused
from medshape_text.sources.shared import hashed_id, safe_id
from medshape_text.stage import Drop

MAX_FILES = 10**6


@dataclass(frozen=True)
class Listed:
    """A file by its path relative to the folder, with ``/``; with a ``reason`` it is not to be opened."""

    path: str
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Listing:
    """Shape files and label tables in the order of their paths, and how many files are neither."""

    shapes: tuple[Listed, ...]
    json_files: tuple[str, ...]
    others: int


def list_folder(folder: Path) -> Listing:
    """List a folder and those in it. Names that start with a dot are passed over.

    A link is followed to a file inside the folder only; one that leads elsewhere, or to a folder, is refused with
    ``link-outside`` or ``linked-folder``, what is neither file nor folder with ``not-a-file``, and a path nobody can
    write down with ``bad-encoding`` or ``control-characters``.

    Raises:
        NotADirectoryError: if there is no such folder.
        OSError: if a part of it cannot be listed.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise NotADirectoryError(f"there is no folder {folder}")
    shapes, json_files, others = [], [], 0
    for path in _walk(root):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() and path.is_dir():
            shapes.append(Listed(_shown(name), "linked-folder", "a linked folder is not entered"))
        elif shape_suffix(name):
            shapes.append(_checked(path, name, root))
        elif name.lower().endswith(".json") and not path.is_symlink() and _shown(name) == name:
            json_files.append(name)
        else:
            others += 1
    return Listing(tuple(sorted(shapes, key=lambda listed: listed.path)), tuple(sorted(json_files)), others)


def _shown(name: str) -> str:
    """The name itself, or if its bytes are no UTF-8, one that can be hashed and written down."""
    return os.fsencode(name).decode("utf-8", errors="backslashreplace")


def _checked(path: Path, name: str, root: Path) -> Listed:
    if _shown(name) != name:
        return Listed(_shown(name), "bad-encoding", "its path is not UTF-8 text; rename it")
    # Not Path.resolve, which fails of links that lead to each other.
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
        return Listed(name, "link-outside", "it is a link that leaves the folder")
    if not path.is_file():
        return Listed(name, "not-a-file", "it is no regular file, or a link to nothing")
    if not name.isprintable():
        return Listed(name, "control-characters", "its path holds control characters")
    return Listed(name)


def _walk(root: Path) -> Iterator[Path]:
    count = 0

    def fail(error: OSError) -> None:
        raise error

    for folder, folders, files in os.walk(root, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in (*files, *(name for name in folders if (Path(folder) / name).is_symlink())):
            if name.startswith("."):
                continue
            count += 1
            if count > MAX_FILES:
                raise OSError(f"{root} holds more than {MAX_FILES} files; give a smaller folder")
            yield Path(folder) / name


@dataclass(frozen=True)
class Item:
    """A file, or one label of it (``value``, 0 for the whole), with what is said of it or the reason it is no shape."""

    id: str
    path: str
    value: int = 0
    sha256: str = ""
    label: Label | None = None
    row: Row | None = None
    reason: str = ""
    detail: str = ""


def items_of(folder: Path, listing: Listing, tables: Tables) -> tuple[Item, ...]:
    """All items in the order of their paths and values; their ids differ.

    Reasons of those that are no shape: those of `list_folder`, `label_file` and the readers, ``unnamed-label`` (a value
    no table names), ``label-absent`` and ``missing-file`` (named by ``shapes.csv``, and not there). No line of
    ``shapes.csv`` is passed over: one about a label of a file that is read as a whole is ``label-absent`` too.

    Raises:
        OSError: if a file cannot be read.
    """
    found = [item for listed in listing.shapes for item in _of_file(folder, listed, tables)]
    paths = {listed.path for listed in listing.shapes}
    whole = {item.path for item in found if item.value == 0 and item.sha256}
    for (path, value), row in sorted(tables.rows.items()):
        if path not in paths:
            gone = Drop("missing-file", "shapes.csv names it, and there is no such shape file")
            found.append(_item(path, value, row, gone))
        elif value and path in whole:
            absent = Drop("label-absent", f"shapes.csv names the value {value} of a file that is read as a whole")
            found.append(_item(path, value, row, absent))
    return tuple(_distinct(found))


def _of_file(folder: Path, listed: Listed, tables: Tables) -> Iterator[Item]:
    path, row = listed.path, tables.rows.get((listed.path, 0))
    if listed.reason:
        yield _item(path, 0, row, Drop(listed.reason, listed.detail))
        return
    try:
        check_size("bytes", (folder / path).stat().st_size, MAX_BYTES)
        digest = file_sha256(folder / path)
        named = _named_values(folder, path, row, tables)
        present = read_volume(folder / path).values if named else ()
    except BadShapeError as error:
        yield _item(path, 0, row, refused(error))
        return
    except PermissionError as error:
        yield _item(path, 0, row, Drop("unreadable", error.strerror or "it may not be read"))
        return
    if not named:
        yield _item(path, 0, row, label_file(path, row, tables.labels.get(path, "")), digest)
        return
    for value in sorted({*present, *(label for file, label in tables.rows if file == path and label)}):
        said = tables.rows.get((path, value))
        if value not in named:
            made: Label | Drop = Drop("unnamed-label", f"no table says what the value {value} means")
        elif value not in present:
            made = Drop("label-absent", f"no voxel has the value {value}")
        else:
            made = label_file(path, said, named[value])
        yield _item(path, value, said, made, digest)


def _named_values(folder: Path, path: str, row: Row | None, tables: Tables) -> Mapping[int, str]:
    """What the values of a volume mean; empty for a mesh, and for a mask of one thing."""
    if not volume_suffix(path) or row is not None:
        return {}
    beside = path.rpartition("/")[0]
    named = dict(read_header(folder / path).names)
    while True:
        if beside in tables.values:
            named |= tables.values[beside]
            break
        if not beside:
            break
        beside = beside.rpartition("/")[0]
    return named | {label: said.category for (file, label), said in tables.rows.items() if file == path and label}


def _item(path: str, value: int, row: Row | None, made: Label | Drop, digest: str = "") -> Item:
    stem = path[: len(path) - len(shape_suffix(path))].replace("/", "-")
    shape_id = safe_id(stem + (f"-{value}" if value else ""))
    if isinstance(made, Drop):
        return Item(shape_id, path, value, digest, None, row, made.reason, made.detail)
    return Item(shape_id, path, value, digest, made, row)


def _distinct(items: list[Item]) -> Iterator[Item]:
    """``a/b.stl``, ``a-b.stl`` and ``a/b.ply`` have one id at first; each gets a hash of its own path then."""
    counts = Counter(item.id.lower() for item in items)
    taken: set[str] = set()
    for item in items:
        found = item.id
        if counts[found.lower()] > 1:
            found = hashed_id(f"{item.path}:{item.value}" if item.value else item.path)
        while found.lower() in taken:  # a file may be called as another's id
            found = hashed_id(f"{found}:{item.path}:{item.value}")
        taken.add(found.lower())
        yield replace(item, id=found)
