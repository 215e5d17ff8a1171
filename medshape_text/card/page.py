"""The page: what every card says in the same words, and its own sections, with the figures beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from medshape_text import licences, shards
from medshape_text.card import figures, tables
from medshape_text.hashing import canonical_json, sha256
from medshape_text.manifest import DatasetError
from medshape_text.records import CONFIGS, arrow_schema

ORIGINS = """\
`origin` says what a shape is: `real_subject` (one structure of one person), `template` (an average or model
person), `mirrored`, `synthetic_ssm` and `synthetic_warp` (drawn from shape models, training only). Splits are by
subject; `zero_shot` holds categories that nothing may be trained on."""

CAPTIONS = """\
Every caption says where it comes from (`provenance`), and so does each of its `parts`: `name` (the source's own name
of the structure), `meta` (a table about the subject that came with the source), `template` (a fixed phrase) or
`measured` (our ruler, on the mesh). Measured captions tell facts of the very geometry that a completion method has to
find: do not give them to a method as its prompt."""

FLAGS = """\
`flags` name what is odd about a shape that was kept, `repairs` what was done to its mesh."""

DECODING = """\
The columns are plain Parquet; numpy and pyarrow are enough. `row` is one row as a dict of Python values.

**`sdf`** (configuration `sdf64`): the signed distance field in the canonical frame. 64 x 64 x 64 voxels, x slowest;
the box is [-1, 1]³, so that one unit is 32 voxels; negative inside; truncated at ±0.2 units. A cell is `SDF`, a version
byte (1) and a zstd frame of 524,288 bytes: the low and the high bytes of zigzag-coded differences (along x, then z) of
levels of 1/64 voxel. Loss: at most 1/128 voxel, none in the truncated part, and the sign of every voxel is exact.
The occupancy is `sdf < 0`.

```python
import numpy as np
import pyarrow as pa

def decode_sdf(row):
    cell = row["sdf"]
    assert cell[:4] == b"SDF\\x01"
    low, high = np.frombuffer(pa.decompress(cell[4:], 524288, codec="zstd"), "u1").reshape(2, 64, 64, 64)
    code = low | high.astype("u2") << 8
    step = (code >> 1).astype("i2") ^ -(code & 1).astype("i2")
    level = step.cumsum(axis=0, dtype="i2").cumsum(axis=2, dtype="i2")
    return np.clip((level + np.float32(0.5)) / np.float32(2048), -0.2, 0.2)
```

**`points`, `normals`** (configuration `surface`): area-uniform samples of the surface, in canonical coordinates.
Loss: at most 0.0005 voxels in a coordinate, 0.4° in a normal.

```python
def decode_surface(row):
    points = np.frombuffer(row["points"], "<i2").reshape(-1, 3) / np.float32(32767)
    normals = np.frombuffer(row["normals"], "i1").reshape(-1, 3).astype(np.float32)
    return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)
```

**`mesh`** (configuration `mesh`): a struct of `bytes`, a binary PLY file in canonical coordinates, and `path`, its
name. `datasets` 5 and newer opens it with trimesh; older ones get the struct with
`load_dataset(..., features=Features({..., "mesh": {"bytes": Value("binary"), "path": Value("string")}}))`.

Back to the units of the source (`unit`; millimetres where it says `mm`): `canonical / scale + centre`."""
CARD, ABOUT, FIGURES = "README.md", "card.json", "figures"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def loading(name: str, splits: Sequence[str]) -> str:
    """How to load it, with a split that it has."""
    split = "test" if "test" in splits else splits[0]
    return f"""\
There are four configurations with the same light columns: `shapes` (nothing else), `sdf64`, `surface` and `mesh`.

```python
from datasets import load_dataset

rows = load_dataset("ORG/NAME", "sdf64", split="{split}", streaming=True)  # or the folder instead of ORG/NAME

from medshape_text import decode_sdf  # from the package that made {name}; or see the end of this page

sdf = decode_sdf(next(iter(rows)))  # (64, 64, 64) float32, negative inside
```"""


@dataclass(frozen=True)
class About:
    """What the card says that is not in the rows; kept in ``card.json``, so that a card can be written anew.

    Attributes:
        name: of the data set.
        text: Markdown about it, beginning with its title; without one its name is put there.
        attribution: attribution and citation of each value of the column ``source``, as Markdown.
        duplicates: what was found to be there twice, as words and numbers.
        leaks: what was found of one subject or shape in several splits, as words and numbers.
        version: of the data set, as three numbers.
        released: date of that version, YYYY-MM-DD; never today's, so that the same data are the same bytes.
        url: a page about it.
        creator: who made it.
    """

    name: str
    text: str
    attribution: Mapping[str, str] = field(default_factory=dict)
    duplicates: Mapping[str, Any] = field(default_factory=dict)
    leaks: Mapping[str, Any] = field(default_factory=dict)
    version: str = "1.0.0"
    released: str = "2026-11-22"
    url: str = "https://arxiv.org/abs/2605.10645"
    creator: str = "genmed-bench maintainers"


def write(folder: Path, about: About, light: pa.Table, counts: Sequence[tables.Kept]) -> None:
    """Write ``README.md``, its figures and ``card.json`` into the folder of a data set.

    Args:
        folder: it exists.
        about: what is not in the rows.
        light: the rows of the configuration "shapes".
        counts: what every stage kept.
    """
    (folder / FIGURES).mkdir(exist_ok=True)
    for name, picture in figures.draw(light).items():
        (folder / FIGURES / name).write_text(picture, encoding="utf-8")
    (folder / CARD).write_text(render(about, light, counts), encoding="utf-8")
    text = json.dumps(asdict(about), indent=1, ensure_ascii=False, sort_keys=True)
    (folder / ABOUT).write_text(text + "\n", encoding="utf-8")


def read_about(folder: Path) -> About:
    """What :func:`write` kept.

    Raises:
        DatasetError: if it is missing or damaged.
    """
    try:
        return About(**json.loads((folder / ABOUT).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(f"{folder / ABOUT} is missing or damaged ({error}); build the data set anew") from error


def render(about: About, light: pa.Table, counts: Sequence[tables.Kept]) -> str:
    """``README.md`` of a data set with the given light rows."""
    splits = tables.splits(light)
    sections = {
        "Loading": loading(about.name, splits),
        "Shapes": f"{ORIGINS}\n\n![Shapes of each category]({FIGURES}/{figures.CATEGORIES})\n\n{tables.shapes(light)}",
        "Sizes of the real shapes": _sizes(light),
        "Captions": f"{CAPTIONS}\n\n{tables.captions(light)}",
        "Licences": tables.licences(light),
        "Attribution and citation": _credit(about, light),
        "Quality": f"{FLAGS}\n\n{tables.flags(light)}\n\n{tables.repairs(light)}",
        "Duplicates and leaks": tables.findings(about.duplicates, about.leaks),
        "What every stage kept": tables.stages(counts),
        "Reading the binary columns without this package": DECODING,
    }
    text = about.text.strip()
    parts = [_front_matter(about, light, splits), text if text.startswith("# ") else f"# {about.name}\n\n{text}"]
    parts += [f"## {title}\n\n{body}" for title, body in sections.items() if body]
    return "\n\n".join(parts) + "\n"


def _sizes(light: pa.Table) -> str:
    body = tables.sizes(light)
    if not body:
        return ""
    head = "Mean and standard deviation over shapes, measured on the meshes; only where the source has millimetres."
    return f"{head}\n\n![Volumes of each category]({FIGURES}/{figures.VOLUMES})\n\n{body}"


def _credit(about: About, light: pa.Table) -> str:
    own = f"{about.creator}, *{about.name}*, version {about.version}, {about.released[:4]}, {about.url}"
    cited = {"This data set": own} | tables.credit(light, about.attribution)
    return "\n\n".join(f"**{what}.** {text}" for what, text in cited.items())


def _front_matter(about: About, light: pa.Table, splits: Sequence[str]) -> str:
    found = [licences.find(name) for name in light.column("licence").unique().to_pylist()]
    ids = sorted({licence.hub if licence else "other" for licence in found})
    size = next((text for limit, text in _SIZES if len(light) < limit), "n>1M")
    lines = ["---", f"pretty_name: {json.dumps(about.name, ensure_ascii=False)}"]
    lines += ["license:", *(f"- {name}" for name in ids), "language:", "- en", "tags:"]
    lines += ["- medical", "- 3d", "- shape", "- signed-distance-function", f"size_categories:\n- {size}", "configs:"]
    version = _version(light)
    for config in CONFIGS:
        # `datasets` keeps what it loaded under the name of the folder and this version: never a stale copy.
        lines += [f"- config_name: {config}", f"  version: {version}"]
        if config == "shapes":
            lines.append("  default: true")
        lines.append("  data_files:")
        for split in splits:
            lines += [f"  - split: {split}", f"    path: {config}/{split}-*.parquet"]
    return "\n".join([*lines, "---"])


def _version(light: pa.Table) -> str:
    """Follows the rows and how their geometry is stored: ``datasets`` takes equal versions for equal data."""
    sink = pa.BufferOutputStream()
    rows = light.select(arrow_schema("shapes").names).combine_chunks()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    found = sha256(sink.getvalue().to_pybytes() + canonical_json(shards.declaration()))
    return f"0.0.{int(found[:8], 16)}"
