"""Loading a finished data set: a thin layer over ``datasets.load_dataset`` that checks what it is given."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medshape_text import manifest
from medshape_text.manifest import DatasetError
from medshape_text.records import CONFIGS, SPLITS, arrow_schema

if TYPE_CHECKING:
    import datasets


def load(
    path_or_repo: str | Path, config: str = "sdf64", split: str = "test", streaming: bool = False,
    columns: Sequence[str] | None = None,
) -> datasets.Dataset | datasets.IterableDataset:  # fmt: skip
    """One configuration and split of a data set from a folder or the Hub.

    Rows are decoded with :func:`decode_sdf`, :func:`decode_mask`, :func:`published_sdf`,
    :func:`decode_surface` and :func:`decode_mesh`. The mesh column stays bytes, because decoding it
    with trimesh may renumber vertices.

    Args:
        path_or_repo: a folder that ``medshape-build`` wrote, or a Hub repository ``ORG/NAME``.
        config: "shapes" (the light columns only), "sdf64", "surface" or "mesh".
        split: "train", "validation", "test" or "zero_shot", where the data set has it.
        streaming: read rows as they are asked for, without a local copy.
        columns: those to read, by default all; random access to ``["sdf"]`` is twice as fast as to whole rows.

    Raises:
        DatasetError: if the folder is missing, is no finished data set or of another schema version, or
            has no such configuration, split or column.
    """
    _check_name("configuration", config, CONFIGS)
    if _is_local(path_or_repo):
        _check_folder(Path(path_or_repo).expanduser(), split)
    else:
        _check_name("split", split, SPLITS)
    for column in columns or ():
        _check_name("column", column, arrow_schema(config).names)
    import datasets

    where = Path(path_or_repo).expanduser() if _is_local(path_or_repo) else path_or_repo
    rows = datasets.load_dataset(str(where), config, split=split, streaming=streaming)
    if config == "mesh" and hasattr(datasets, "Mesh"):
        rows = rows.cast_column("mesh", datasets.Mesh(decode=False))
    return rows if columns is None else rows.select_columns(list(columns))


def _is_local(path_or_repo: str | Path) -> bool:
    if isinstance(path_or_repo, Path) or Path(path_or_repo).exists():
        return True
    return path_or_repo.startswith((".", "~", os.sep)) or path_or_repo.count("/") != 1  # a Hub name is ORG/NAME


def _check_folder(folder: Path, split: str) -> None:
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}. Build one with: medshape-build --source mini --out {folder}")
    files = manifest.read(folder)["files"]
    found = {path.removeprefix("shapes/").split("-")[0] for path in files if path.startswith("shapes/")}
    _check_name("split", split, [name for name in SPLITS if name in found])


def _check_name(what: str, name: str, known: Sequence[str]) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise DatasetError(f"unknown {what} {name!r}; there are {', '.join(known)}.{hint}")
