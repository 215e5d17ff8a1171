"""The files of a folder, without ever leaving it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medshape_text.reading.meshes import MESH_SUFFIXES
from medshape_text.reading.volumes import volume_suffix

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


def shape_suffix(path: str) -> str:
    """The suffix by which a file is read, such as ``.stl`` or ``.nii.gz``; empty for other files."""
    suffix = Path(path).suffix.lower()
    return suffix if suffix in MESH_SUFFIXES else volume_suffix(path)


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
