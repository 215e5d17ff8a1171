"""Loading a finished data set: a thin layer over ``datasets.load_dataset`` that checks what it is given."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from medshape_text import manifest
from medshape_text.manifest import DatasetError
from medshape_text.records import CONFIGS

if TYPE_CHECKING:
    import datasets


def load(
    path_or_repo: str | Path, config: str = "sdf64", split: str = "test", streaming: bool = False
) -> datasets.Dataset | datasets.IterableDataset:
    """One configuration and split of a data set from a folder or the Hub.

    Rows are decoded with :func:`decode_sdf`, :func:`decode_mask`, :func:`published_sdf`,
    :func:`decode_surface` and :func:`decode_mesh`. The mesh column stays bytes, because decoding it
    with trimesh may renumber vertices.

    Args:
        path_or_repo: a folder that ``medshape-build`` wrote, or a Hub repository ``ORG/NAME``.
        config: "shapes" (the light columns only), "sdf64", "surface" or "mesh".
        split: "train", "validation" or "test".
        streaming: read rows as they are asked for, without a local copy.

    Raises:
        DatasetError: if the folder is missing, is no finished data set or of another schema version, or
            has no such configuration or split.
    """
    _check_name("configuration", config, CONFIGS)
    if _is_local(path_or_repo):
        _check_folder(Path(path_or_repo), split)
    import datasets

    rows = datasets.load_dataset(str(path_or_repo), config, split=split, streaming=streaming)
    return rows.cast_column("mesh", datasets.Mesh(decode=False)) if config == "mesh" else rows


def _is_local(path_or_repo: str | Path) -> bool:
    if isinstance(path_or_repo, Path) or Path(path_or_repo).exists():
        return True
    return path_or_repo.startswith((".", "~", os.sep)) or path_or_repo.count("/") != 1  # a Hub name is ORG/NAME


def _check_folder(folder: Path, split: str) -> None:
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}. Build one with: medshape-build --source mini --out {folder}")
    files = manifest.read(folder)["files"]
    _check_name("split", split, sorted({path.split("/")[1].split("-")[0] for path in files if "/" in path}))


def _check_name(what: str, name: str, known: tuple[str, ...] | list[str]) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise DatasetError(f"unknown {what} {name!r}; there are {', '.join(known)}.{hint}")
