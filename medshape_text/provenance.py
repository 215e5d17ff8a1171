"""Writing the manifest, and the recipe hash by which a finished data set is recognised.

``recipe`` hashes what goes in (source, stages, writer), ``revision`` what came out as well. The same
recipe gives the same revision on one kind of machine; linear algebra may round differently on another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medshape_text import shards
from medshape_text.curate import dedup, split
from medshape_text.hashing import canonical_json, file_sha256, sha256
from medshape_text.manifest import MANIFEST, PACKAGE, SCHEMA_VERSION, release, revision
from medshape_text.pipeline import DEDUPLICATE, SPLIT, Source, StageCount


def recipe(source: Source) -> str:
    """Hash of everything that decides what a build writes."""
    ids = list(source.ids())
    return sha256(
        canonical_json(
            {
                "schema_version": SCHEMA_VERSION,
                "source": source.provenance(),
                "stages": [stage.declaration() for stage in source.stages],
                "together": together(source),
                "inputs": [source.fingerprint(shape_id) for shape_id in ids],
                "ids": ids,
                "writer": shards.declaration(),
                "texts": [sha256(canonical_json([source.card(), source.notice(), dict(source.attribution)]))],
            }
        )
    )


def together(source: Source) -> dict[str, dict[str, Any]]:
    """What the manifest says about the steps that need all shapes at once, by name."""
    return {
        DEDUPLICATE: {"name": DEDUPLICATE, "version": dedup.VERSION, "parameters": asdict(dedup.LIMITS)},
        SPLIT: {
            "name": SPLIT,
            "version": split.VERSION,
            "parameters": source.split_rule.declaration() | {"declared": dict(source.declared_splits)},
        },
    }


def write(folder: Path, source: Source, counts: Sequence[StageCount], rows: Mapping[str, int]) -> str:
    """Hash every file in ``folder``, write the manifest beside them and return the revision.

    ``rows`` gives the number of rows by relative path of each Parquet file.
    """
    declarations = {stage.name: stage.declaration() for stage in source.stages} | together(source)
    manifest: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "name": source.name,
        "recipe": recipe(source),
        "source": source.provenance(),
        "stages": [
            declarations.get(count.stage, {"name": count.stage})
            | {"n_in": count.n_in, "n_out": count.n_out, "dropped": count.dropped}
            for count in counts
        ],
        "writer": shards.declaration(),
        "seeds": {
            "rule": "first 8 bytes of sha256(id U+001F purpose U+001F 0), big-endian, shifted right by one bit",
            "purposes": ["synthetic-shape", "surface-samples", "captions"],
        },
        "files": list_files(folder, rows),
    }
    manifest["revision"] = revision(manifest)
    manifest["builder"] = {"package": PACKAGE, "version": release()}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return str(manifest["revision"])


def list_files(folder: Path, rows: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """What a manifest says of every file in ``folder``; ``rows`` is as in `write`."""
    files: dict[str, dict[str, Any]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        files[name] = {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        if name in rows:
            files[name]["rows"] = rows[name]
    return files
