"""``manifest.json``: what a data set was made of and by what, and the sha256 of every file in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

from medshape_text.hashing import canonical_json, file_sha256, sha256

MANIFEST = "manifest.json"
SCHEMA_VERSION = "2"
PACKAGE = "genmed-bench"
_ADVICE = "Build one with: medshape-build --source mini --out DIR"


class DatasetError(RuntimeError):
    """A folder is not a data set this version can read."""


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a data set of this schema version.

    Raises:
        DatasetError: if there is none, it cannot be read, or it is of another schema version.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        found = manifest["schema_version"]
        canonical_json(manifest)  # what cannot be written as JSON again, as NaN, has no revision
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(f"{folder} holds no {MANIFEST}, so it is not a finished data set. {_ADVICE}") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(f"{path} is damaged ({error!r}). {_ADVICE}") from error
    if found != SCHEMA_VERSION:
        raise DatasetError(
            f"{folder} has schema version {found!r}, this version of {PACKAGE} reads {SCHEMA_VERSION!r}. "
            f"Install the version that wrote it, or build the data set anew. {_ADVICE}"
        )
    fault = _fault(manifest.get("files"))
    if fault:
        raise DatasetError(f"{path} is damaged ({fault}). {_ADVICE}")
    return dict(manifest)


def _fault(files: object) -> str:
    """What is wrong with the list of files; empty if nothing."""
    if not isinstance(files, dict):
        return "it lists no files"
    for name, entry in files.items():
        if not name.isprintable():
            return f"{name!r} is no name of a file"
        if not (isinstance(entry, dict) and isinstance(entry.get("sha256"), str) and type(entry.get("bytes")) is int):
            return f"it states no sha256 and size of {name!r}"
    return ""


def verify(folder: Path) -> list[str]:
    """Relative paths of files that are missing or whose sha256 differs, and ``manifest.json`` if it was edited.

    A path that leads out of the folder is none of a file in it. Links are followed: a download may consist of them.

    Raises:
        DatasetError: as :func:`read`.
    """
    manifest = read(folder)
    wrong = [] if revision(manifest) == manifest.get("revision") else [MANIFEST]
    for path, entry in manifest["files"].items():
        outside = PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts
        if outside or not (folder / path).is_file() or file_sha256(folder / path) != entry["sha256"]:
            wrong.append(path)
    return wrong


def unlisted(folder: Path) -> list[str]:
    """Relative paths of files in a data set that its manifest does not know.

    Raises:
        DatasetError: as :func:`read`.
    """
    known = {MANIFEST, *read(folder)["files"]}
    found = (
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    )
    return sorted(set(found) - known)


def revision(manifest: Mapping[str, Any]) -> str:
    """Hash over a manifest: the identity of the data.

    Which release of the toolkit ran is worth knowing but does not change what the data are, so it is left out.
    """
    return sha256(canonical_json({key: manifest[key] for key in manifest if key not in ("revision", "builder")}))


def release() -> str:
    """The version of the toolkit that is installed, or ``unknown``."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "unknown"
