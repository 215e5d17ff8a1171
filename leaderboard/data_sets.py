"""What a data-set folder says about itself, for its page of the site: counts, origins, licences, who made it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.data.rows import read_manifest
from benchmark.errors import DataError
from leaderboard.asked import data_name
from leaderboard.site import DataSet
from medshape_text.manifest import MANIFEST
from medshape_text.records import SPLITS

_CARD = "card.json"
_COLUMNS = ["subject", "category", "origin", "licence"]
"""Few of many: of a large data set the captions would not fit into memory."""


def describe(folder: Path) -> DataSet:
    """The page of a data set; a folder without a card is described by its shapes alone, another one's by its name.

    Raises:
        DataError: if the folder is no data set, or its card or table of shapes cannot be read.
    """
    if not (folder / MANIFEST).is_file():
        return DataSet(data_name(folder), "")  # only families know what is in it
    manifest = read_manifest(folder)
    try:
        card = json.loads((folder / _CARD).read_bytes()) if (folder / _CARD).is_file() else {}
        shapes = {split: table for split in SPLITS if len(table := _shapes(folder, manifest["files"], split))}
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"the data set {folder} cannot be described: {error}") from error
    rows = [row for table in shapes.values() for row in table]
    licences = Counter(str(row["licence"]) for row in rows)
    title = str(card.get("text", "")).partition("\n")[0]
    return DataSet(
        name=str(manifest["name"]),
        revision=str(manifest["revision"]),
        title=title.removeprefix("# ") if title.startswith("# ") else "",
        facts=(*_about(card), *_counts(shapes), *_attributions(card)),
        licences=tuple(sorted(licences.items(), key=lambda each: (-each[1], each[0]))),
        links=(("Address", str(card["url"])),) if card.get("url") else (),
    )


def _shapes(folder: Path, files: Mapping[str, Any], split: str) -> list[dict[str, Any]]:
    names = sorted(name for name in files if name.startswith(f"shapes/{split}-"))
    tables = [pq.ParquetFile(folder / name).read(columns=_COLUMNS) for name in names]
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist() if tables else []
    return rows


def _about(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if card.get("version"):
        released = f", released {card['released']}" if card.get("released") else ""
        yield "Version", f"{card['version']}{released}"
    if card.get("creator"):
        yield "Made by", str(card["creator"])


def _counts(shapes: Mapping[str, list[dict[str, Any]]]) -> Iterator[tuple[str, str]]:
    for split, rows in shapes.items():
        subjects, categories = (len({row[name] for row in rows}) for name in ("subject", "category"))
        origins = Counter(str(row["origin"]) for row in rows).most_common()
        told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in origins)
        yield f"Split {split}", f"{len(rows)} shapes of {categories} categories and {subjects} subjects: {told}"


def _attributions(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    said = card.get("attribution")
    if isinstance(said, Mapping):
        for source, words in sorted(said.items()):
            yield f"From {source}", str(words)
