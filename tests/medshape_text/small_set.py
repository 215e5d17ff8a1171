"""A small data set written by hand, without curating anything: what storage and publishing are tested on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from medshape_text import card, codec, croissant, manifest, records, shards
from medshape_text.frame import voxel_centres
from medshape_text.hashing import file_sha256

LICENCES = {"bones": "MPL-2.0", "hearts": "CC BY 4.0", "teeth": "CC BY-NC-ND 4.0", "livers": ""}
SPLIT_OF = ("train", "train", "test", "validation", "train", "zero_shot")
_RADIUS = np.linalg.norm(voxel_centres(), axis=1).reshape(64, 64, 64)


def ball(radius: float) -> np.ndarray:
    """Truncated SDF of a ball."""
    return np.clip(_RADIUS - radius, -0.2, 0.2).astype(np.float32)


def row(identity: str, source: str, split: str, radius: float = 0.7) -> dict[str, Any]:
    """All columns of a row."""
    directions = np.random.default_rng(len(identity)).standard_normal((64, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    mesh = codec.encode_ply(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) * radius, faces)
    parts = [{"text": f"a {source[:-1]}", "provenance": "name"}, {"text": " of 3 cm³", "provenance": "measured"}]
    return {
        **dict.fromkeys(("side", "level", "pathology", "sex", "template", "grammar"), ""),
        "id": identity,
        "subject": f"s-{identity}",
        "category": source[:-1],
        "super_class": "organ",
        "origin": "real_subject",
        "split": split,
        "source": source,
        "licence": LICENCES.get(source, source),
        "file_name": f"{identity}.stl",
        "url": "",
        "input_sha256": f"{len(source):064d}",
        "captions": [{"text": f"a {source[:-1]} of 3 cm³", "provenance": "measured", "parts": parts}],
        "age": None,
        "redistributable": True,
        "flags": ["flat-cap"] if split == "test" else [],
        "repairs": [{"action": "merged-vertices", "count": 7}],
        "unit": "mm",
        "centre": [1.0, 2.0, 3.0],
        "scale": 0.02,
        "volume_mm3": 3000.0 + radius,
        "area_mm2": 900.0,
        "extent_mm": [10.0, 30.0, 20.0],
        "elongation": 3.0,
        "n_vertices": 4,
        "n_faces": 4,
        "n_components": 1,
        "watertight": True,
        "content_hash": f"{radius:064.3f}",
        "sdf": codec.encode_sdf(ball(radius)),
        "points": codec.encode_points(directions * radius),
        "normals": codec.encode_normals(directions),
        "mesh": {"bytes": mesh, "path": f"{identity}.ply"},
    }


def rows(sources: tuple[str, ...] = ("bones", "hearts"), per_source: int = 6) -> list[dict[str, Any]]:
    """Rows of some sources, in all splits."""
    return [
        row(f"{source}-{index}", source, SPLIT_OF[index % len(SPLIT_OF)], 0.5 + 0.05 * index)
        for source in sources
        for index in range(per_source)
    ]


def write(folder: Path, content: list[dict[str, Any]], rows_per_shard: int = 4096) -> Path:
    """A finished data set of these rows."""
    folder.mkdir(parents=True)
    totals = Counter(item["split"] for item in content)
    sizes = {}
    for config in records.CONFIGS:
        tables = iter([table(content, config)])
        written = shards.write_config(folder, config, totals, tables, rows_per_shard)
        sizes |= {shard.path: shard.rows for shard in written}
    light = table(content, "shapes")
    about = card.About("small", "# small\n\nBalls of several sizes.", {"hearts": "Doe et al., *Hearts*, 2020."})
    card.write(folder, about, light, [])
    croissant.write(folder, about, light)
    (folder / "NOTICE").write_text("nothing to note")
    shards.write_table(folder / "dropped.parquet", pa.Table.from_pylist([], schema=records.dropped_schema()))
    files: dict[str, dict[str, Any]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        files[name] = {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        files[name] |= {"rows": sizes[name]} if name in sizes else {}
    found: dict[str, Any] = {
        "schema_version": manifest.SCHEMA_VERSION, "name": "small", "recipe": "0" * 64, "source": {"name": "small"},
        "stages": [{"name": "read", "n_in": len(content), "n_out": len(content), "dropped": {}}], "files": files,
    }  # fmt: skip
    found["revision"] = manifest.revision(found)
    (folder / "manifest.json").write_text(json.dumps(found, indent=1) + "\n")
    return folder


def table(content: list[dict[str, Any]], config: str) -> pa.Table:
    """The columns of one configuration."""
    schema = records.arrow_schema(config)
    return pa.Table.from_pylist([{name: item[name] for name in schema.names} for item in content], schema=schema)
