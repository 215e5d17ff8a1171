"""The part of a data set that may be published: a filtered copy with its own card, manifest and recipe.

The copy lies beside the data set under a name that hashes what it was made of, so that a second run finds it. Rows
that may not be published appear nowhere in it but in ``recipe/``: what they are, why they are missing and how to
rebuild them. Only files this module knows are copied: what somebody laid into the folder stays there.
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

from medshape_text import card, croissant, licences, records, shards
from medshape_text import manifest as manifests
from medshape_text.files import sync
from medshape_text.hashing import canonical_json, file_sha256, sha256

RECIPE = "recipe"
_VERSION = "1"
_STAGE = "publish"
_KEPT = ("NOTICE", "dropped.parquet", "duplicates.parquet", "leaks.json")
_EXCLUDED_COLUMNS = ("id", "subject", "category", "source", "licence", "file_name", "url", "input_sha256")
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


@dataclass(frozen=True)
class _Count:
    stage: str
    n_in: int
    n_out: int
    dropped: Mapping[str, int]


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
    recipe = sha256(canonical_json(identity))
    target = folder.parent / f".{folder.name}.publish-{recipe[:16]}"
    if target.is_dir() and not manifests.verify(target):
        return target
    partial = target.with_name(f"{target.name}.partial")
    for old in (partial, target):
        shutil.rmtree(old, ignore_errors=True)
    partial.mkdir()
    _write(folder, partial, dict(manifest), allowed, command, recipe)
    for path in [*partial.rglob("*"), partial]:
        sync(path)
    partial.rename(target)
    sync(target.parent)
    return target


def _write(folder: Path, target: Path, manifest: dict[str, Any], allowed: Share, command: str, recipe: str) -> None:
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
    sizes[f"{RECIPE}/excluded.parquet"] = len(allowed.excluded)
    _write_recipe(folder, target, manifest, allowed, command)
    stage = {"name": _STAGE, "n_in": allowed.rows, "n_out": len(shapes), "dropped": allowed.by_reason}
    stages = [*manifest["stages"], stage]
    counts = [_Count(found["name"], found["n_in"], found["n_out"], found["dropped"]) for found in stages]
    about = card.read_about(folder)
    note = (
        f"**{len(allowed.excluded)} of {allowed.rows} shapes of this data set are not here**, because their licence "
        f"does not allow it or nobody has said that it does. [{RECIPE}/]({RECIPE}/README.md) names them and says how "
        "to rebuild them."
    )
    about = replace(about, text=f"{about.text.strip()}\n\n{note}")
    card.write(target, about, shapes, counts)
    croissant.write(target, about, shapes)
    made = manifest | {"recipe": recipe, "stages": stages, "published_from": manifest["revision"]}
    made["files"] = _files(target, sizes)
    made["revision"] = manifests.revision(made)
    (target / manifests.MANIFEST).write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_recipe(folder: Path, target: Path, manifest: Mapping[str, Any], allowed: Share, command: str) -> None:
    (target / RECIPE).mkdir()
    found = []
    for table in _read(folder, manifest, "shapes", list(_EXCLUDED_COLUMNS)):
        for row in table.to_pylist():
            if row["id"] in allowed.excluded:
                refusal = allowed.excluded[row["id"]]
                found.append(row | {"reason": refusal.reason, "detail": refusal.detail})
    schema = pa.schema([pa.field(name, pa.string()) for name in (*_EXCLUDED_COLUMNS, "reason", "detail")])
    shards.write_table(target / RECIPE / "excluded.parquet", pa.Table.from_pylist(found, schema=schema))
    source = json.dumps(manifest["source"], indent=1, ensure_ascii=False)
    text = f"""\
# Shapes that are not here

{len(found)} of {allowed.rows} shapes may not be handed on, or nobody has said that they may
({_list(allowed.by_reason)}).
`excluded.parquet` names each of them with its licence, the reason, and the sha256 of the file it was read from
(`input_sha256`). Whoever may use the sources rebuilds them, with all the others, by

    {command}

which fetches the same inputs and checks their hashes. The whole data set then has the revision `{manifest["revision"]}`
in its `manifest.json`. What it was made of:

```json
{source}
```
"""
    (target / RECIPE / "README.md").write_text(text, encoding="utf-8")


def _list(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} × {name}" for name, number in numbers.items())


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


def _files(folder: Path, rows: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    files: dict[str, dict[str, Any]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        files[name] = {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        if name in rows:
            files[name]["rows"] = rows[name]
    return files
