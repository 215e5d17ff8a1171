"""The part of a data set that may be published: a filtered copy with its own card, manifest and recipe.

The copy lies beside the data set under a name that hashes what it was made of, so that a second run finds it. Rows
that may not be published are only named there, with the reason: in ``dropped.parquet``, where duplicates and leaks are
listed, and in ``recipe/``, which says how to rebuild them. Only files this module knows are copied: what somebody laid
into the folder stays there, and so do the geometries of dropped shapes, of which nobody keeps a licence.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from medshape_text import card, croissant, licences, provenance, records, shards
from medshape_text import manifest as manifests
from medshape_text.files import sync
from medshape_text.hashing import canonical_json, sha256
from medshape_text.pipeline import StageCount
from medshape_text.publish import recipe

_VERSION = "2"
_STAGE = "publish"
_DROPPED = "dropped.parquet"
_KEPT = ("NOTICE", _DROPPED, "duplicates.parquet", "leaks.json")
_FOLDERS = (*(f"{config}/" for config in records.CONFIGS), "figures/", f"{recipe.FOLDER}/")
_FILES = frozenset((*_KEPT, card.CARD, card.ABOUT, croissant.CROISSANT, manifests.MANIFEST))
_BATCH = 256


@dataclass(frozen=True)
class Share:
    """What of a data set may be published: ``excluded`` are ids with their refusals."""

    rows: int
    excluded: Mapping[str, licences.Refusal]
    by_licence: Mapping[str, int]

    @property
    def by_reason(self) -> dict[str, int]:
        """Number of excluded rows by reason code."""
        return dict(sorted(Counter(refusal.reason for refusal in self.excluded.values()).items()))


def is_known(path: str) -> bool:
    """Whether a published data set has a file of this name."""
    return path in _FILES or path.startswith(_FOLDERS)


def whole(manifest: Mapping[str, Any], allowed: Share) -> bool:
    """Whether a data set may be published as it is: nothing is excluded, and no file holds more than the rows."""
    more = [entry for name, entry in manifest["files"].items() if not is_known(name)]
    return not allowed.excluded and all(entry.get("rows") == 0 for entry in more)


def share(folder: Path, manifest: Mapping[str, Any]) -> Share:
    """Decide about every row by its licence and its column ``redistributable``."""
    light = _read(folder, manifest, "shapes", ["id", "licence", "redistributable"])
    excluded: dict[str, licences.Refusal] = {}
    by_licence: Counter[str] = Counter()
    total = 0
    for table in light:
        for row in table.to_pylist():
            total += 1
            refusal = licences.refusal(row["licence"] or "", bool(row["redistributable"]))
            if refusal is not None:
                excluded[row["id"]] = refusal
                by_licence[row["licence"] or "not stated"] += 1
    return Share(total, excluded, dict(sorted(by_licence.items())))


def copy(folder: Path, manifest: Mapping[str, Any], allowed: Share, command: str) -> Path:
    """The filtered copy of a verified data set; made anew unless a whole one is there.

    Args:
        folder: of the data set.
        manifest: of the data set.
        allowed: what may be published; some rows have to be left.
        command: that builds the whole data set.
    """
    identity = [_VERSION, manifest["revision"], sorted(allowed.excluded), command, shards.declaration()]
    digest = sha256(canonical_json(identity))
    target = folder.parent / f".{folder.name}.publish-{digest[:16]}"
    if _is_sound(target):
        return target
    partial = target.with_name(f"{target.name}.partial")
    for old in (partial, target):
        shutil.rmtree(old, ignore_errors=True)
    partial.mkdir()
    _write(folder, partial, dict(manifest), allowed, command, digest)
    for path in [*partial.rglob("*"), partial]:
        sync(path)
    partial.rename(target)
    sync(target.parent)
    return target


def _is_sound(target: Path) -> bool:
    try:
        return not manifests.verify(target)
    except manifests.DatasetError:
        return False


def _write(folder: Path, target: Path, manifest: dict[str, Any], allowed: Share, command: str, digest: str) -> None:
    totals: Counter[str] = Counter()
    light = []
    for table in _kept(folder, manifest, "shapes", allowed):
        totals.update(table.column("split").to_pylist())
        light.append(table)
    shapes = pa.concat_tables(light)
    splits = {split: totals[split] for split in records.SPLITS if totals[split]}
    sizes: dict[str, int] = {}
    for config in records.CONFIGS:
        written = shards.write_config(target, config, splits, _kept(folder, manifest, config, allowed))
        sizes |= {shard.path: shard.rows for shard in written}
    for name in _KEPT:
        if name in manifest["files"]:
            shutil.copyfile(folder / name, target / name)
            if "rows" in manifest["files"][name]:
                sizes[name] = manifest["files"][name]["rows"]
    stages = list(manifest["stages"])
    about = card.read_about(folder)
    if allowed.excluded:
        rows = (row for table in _read(folder, manifest, "shapes", list(recipe.COLUMNS)) for row in table.to_pylist())
        sizes |= recipe.write(target, manifest, allowed.rows, rows, allowed.excluded, command)
        sizes[_DROPPED] = _add_dropped(target / _DROPPED, allowed.excluded)
        stages.append({"name": _STAGE, "n_in": allowed.rows, "n_out": len(shapes), "dropped": allowed.by_reason})
        note = (
            f"**{len(allowed.excluded)} of {allowed.rows} shapes of this data set are not here**, because their "
            f"licence does not allow it or nobody has said that it does. [{recipe.FOLDER}/]({recipe.FOLDER}/README.md) "
            "names them and says how to rebuild them."
        )
        about = replace(about, text=f"{about.text.strip()}\n\n{note}")
    counts = [StageCount(found["name"], found["n_in"], found["n_out"], found["dropped"]) for found in stages]
    card.write(target, about, shapes, counts)
    croissant.write(target, about, shapes)
    made = manifest | {"recipe": digest, "stages": stages, "published_from": manifest["revision"]}
    made["files"] = provenance.list_files(target, sizes)
    made["revision"] = manifests.revision(made)
    (target / manifests.MANIFEST).write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _add_dropped(path: Path, excluded: Mapping[str, licences.Refusal]) -> int:
    """Add what was left out to ``dropped.parquet``, which has a row for each shape that left; gives its rows."""
    rows = pq.read_table(path).to_pylist() if path.exists() else []
    rows += [
        {"id": identity, "stage": _STAGE, "reason": refusal.reason, "detail": refusal.detail}
        for identity, refusal in excluded.items()
    ]
    shards.write_table(path, pa.Table.from_pylist(rows, schema=records.dropped_schema()))
    return len(rows)


def _kept(folder: Path, manifest: Mapping[str, Any], config: str, allowed: Share) -> Iterator[pa.Table]:
    for table in _read(folder, manifest, config, records.arrow_schema(config).names):
        ids = table.column("id").to_pylist()
        places = [place for place, identity in enumerate(ids) if identity not in allowed.excluded]
        if places:
            yield table.take(places)


def _read(folder: Path, manifest: Mapping[str, Any], config: str, columns: list[str]) -> Iterator[pa.Table]:
    for name in sorted(name for name in manifest["files"] if name.startswith(f"{config}/")):
        with pq.ParquetFile(folder / name, memory_map=True) as file:
            for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
                yield pa.Table.from_batches([batch]).replace_schema_metadata()
