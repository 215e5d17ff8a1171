"""The only schema: what a shape is while it travels the pipeline, and which columns it is published as.

Every configuration of the data set carries the same *light* columns, so that any of them can be
filtered by itself; the heavy ones (``sdf64``, ``surface``, ``mesh``) add their geometry as bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medshape_text import codec
from medshape_text.frame import Similarity
from medshape_text.hashing import sha256

if TYPE_CHECKING:
    import datasets

CONFIGS = ("shapes", "sdf64", "surface", "mesh")
SPLITS = ("train", "validation", "test", "zero_shot")
"""``zero_shot`` holds the categories a data set declares as never trained on; the others are splits of subjects."""
UNKNOWN_SUBJECT = "unknown-subject"
"""Flag of shapes of which nobody knows whose they are; they are never tested on."""
ORIGINS = ("real_subject", "template", "mirrored", "synthetic_ssm", "synthetic_warp")
PROVENANCES = ("name", "meta", "template", "measured")
"""Where a part of a caption comes from: the source's own name of the structure, a table about the subject that came
with the source, a fixed phrase, our ruler."""

_TEXT_COLUMNS = (
    *("id", "subject", "category", "side", "level", "super_class", "pathology", "sex"),
    *("origin", "split", "source", "licence", "template", "file_name", "url", "grammar", "input_sha256"),
)
HEAVY_COLUMNS = {"shapes": (), "sdf64": ("sdf",), "surface": ("points", "normals"), "mesh": ("mesh",)}
SIGNATURE = "signature"
"""The one column of a row that is not published: what near-duplicates are searched by."""
_HEAVY_TYPES = dict.fromkeys(("sdf", "points", "normals"), pa.binary()) | {
    "mesh": pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
}


@dataclass(frozen=True)
class Caption:
    """One description and its provenance, one of :data:`PROVENANCES`.

    ``parts`` are pieces of ``text`` in their order, (piece, its own provenance); joined they give ``text``.
    ``provenance`` is ``measured`` if any part is, else ``meta`` if any is, else what most of it is.
    ``measured`` captions tell facts of the very geometry a completion method has to find: never give
    one to a method as its prompt.
    """

    text: str
    provenance: str
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Repair:
    """What was done to a mesh, as a code such as ``merged-vertices``, and to how many of its elements."""

    action: str
    count: int


@dataclass(frozen=True)
class Facts:
    """Measured on the mesh as read; what needs a physical scale is None where the source has none.

    ``extent_mm`` are the sides of the axis-aligned bounding box, ``elongation`` its longest over its shortest side.
    """

    n_vertices: int
    n_faces: int
    n_components: int
    watertight: bool
    elongation: float
    volume_mm3: float | None = None
    area_mm2: float | None = None
    extent_mm: tuple[float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Shape:
    """One anatomical structure of one subject, from raw mesh to finished row; a stage fills in what it makes.

    ``vertices`` (V, 3) float64 are in source units until the stage ``normalise`` and canonical from
    then on; ``faces`` (F, 3) int64. ``transform`` maps source units to canonical coordinates; they are
    millimetres if ``millimetres`` says so and unknown otherwise. Shapes of one ``template`` and category
    correspond vertex by vertex.

    ``level`` is a vertebra's ("T3") or rib's ("7"), ``pathology`` what the source says of the structure
    ("tumour"), both empty where it says nothing. ``file_name``, ``url``, ``grammar`` (of the name) and
    ``input_sha256`` (of the bytes read) are empty for shapes that did not come one by one in files. ``flags`` are the
    codes of what is odd about a shape that was kept. ``signature`` is what near-duplicates are searched by.
    """

    id: str
    subject: str
    category: str
    side: str
    super_class: str
    origin: str
    source: str
    licence: str
    template: str
    millimetres: bool
    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    level: str = ""
    pathology: str = ""
    file_name: str = ""
    url: str = ""
    grammar: str = ""
    input_sha256: str = ""
    age: int | None = None
    sex: str = ""
    redistributable: bool = True
    flags: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()
    facts: Facts | None = None
    transform: Similarity | None = None
    sdf: NDArray[np.float32] | None = None
    points: NDArray[np.float32] | None = None
    normals: NDArray[np.float32] | None = None
    captions: tuple[Caption, ...] = ()
    signature: NDArray[np.float32] | None = None


def to_row(shape: Shape) -> dict[str, Any]:
    """All columns of all configurations of a finished shape, as plain Python values.

    The column ``split`` is empty: which split a shape belongs to is decided when all of them are known.

    Raises:
        ValueError: if a stage has not filled in its part.
    """
    facts, transform = shape.facts, shape.transform
    if facts is None or transform is None or shape.sdf is None or shape.points is None or shape.normals is None:
        raise ValueError(f"{shape.id} has not been through every stage")
    mesh = codec.encode_ply(shape.vertices, shape.faces)
    return {
        "id": shape.id,
        "subject": shape.subject,
        "category": shape.category,
        "side": shape.side,
        "super_class": shape.super_class,
        "origin": shape.origin,
        "split": "",
        "source": shape.source,
        "licence": shape.licence,
        "template": shape.template,
        "level": shape.level,
        "pathology": shape.pathology,
        "file_name": shape.file_name,
        "url": shape.url,
        "grammar": shape.grammar,
        "input_sha256": shape.input_sha256,
        "age": shape.age,
        "sex": shape.sex,
        "redistributable": shape.redistributable,
        "flags": list(shape.flags),
        "repairs": [{"action": repair.action, "count": repair.count} for repair in shape.repairs],
        "captions": [_caption(caption) for caption in shape.captions],
        "unit": "mm" if shape.millimetres else "unknown",
        "centre": list(transform.centre),
        "scale": transform.scale,
        "volume_mm3": facts.volume_mm3,
        "area_mm2": facts.area_mm2,
        "extent_mm": None if facts.extent_mm is None else list(facts.extent_mm),
        "elongation": facts.elongation,
        "n_vertices": facts.n_vertices,
        "n_faces": facts.n_faces,
        "n_components": facts.n_components,
        "watertight": facts.watertight,
        "content_hash": sha256(mesh),
        "sdf": codec.encode_sdf(shape.sdf),
        "points": codec.encode_points(shape.points),
        "normals": codec.encode_normals(shape.normals),
        "mesh": {"bytes": mesh, "path": f"{shape.id}.ply"},
        SIGNATURE: None if shape.signature is None else shape.signature.tolist(),
    }


def _caption(caption: Caption) -> dict[str, Any]:
    parts = caption.parts or ((caption.text, caption.provenance),)
    return {
        "text": caption.text,
        "provenance": caption.provenance,
        "parts": [{"text": text, "provenance": provenance} for text, provenance in parts],
    }


def arrow_schema(config: str) -> pa.Schema:
    """The columns of one configuration as plain Arrow types; workers need no more than this.

    Raises:
        KeyError: for a name that is not in :data:`CONFIGS`.
    """
    return pa.schema([*_light_fields(), *(pa.field(name, _HEAVY_TYPES[name]) for name in HEAVY_COLUMNS[config])])


def features(config: str) -> datasets.Features:
    """The columns of one configuration as ``datasets`` features.

    Raises:
        KeyError: for a name that is not in :data:`CONFIGS`.
    """
    import datasets  # slow to import, and only writers and loaders need it

    found = datasets.Features.from_arrow_schema(arrow_schema(config))
    if "mesh" in found and hasattr(datasets, "Mesh"):  # else it stays what is stored: a struct of bytes and path
        found["mesh"] = datasets.Mesh()
    return found


def dropped_schema() -> pa.Schema:
    """The columns of ``dropped.parquet``: which shape left the pipeline at which stage, and why."""
    return pa.schema([pa.field(name, pa.string()) for name in ("id", "stage", "reason", "detail")])


def duplicates_schema() -> pa.Schema:
    """The columns of ``duplicates.parquet``: pairs of ids, as `medshape_text.curate.dedup.DuplicatePair` tells them."""
    text, number = pa.string(), pa.float64()
    return pa.schema([
        *(pa.field(name, text) for name in ("first", "second", "kind")),
        *(pa.field(name, number) for name in ("distance_voxels", "p95_voxels", "drift_voxels", "degrees", "scale")),
    ])  # fmt: skip


def _light_fields() -> list[pa.Field]:
    text, texts = pa.string(), pa.list_(pa.string())
    part = [pa.field("text", text), pa.field("provenance", text)]
    caption = pa.struct([*part, pa.field("parts", pa.list_(pa.struct(part)))])
    repair = pa.struct([pa.field("action", text), pa.field("count", pa.int32())])
    types = dict.fromkeys(_TEXT_COLUMNS, text) | {
        "captions": pa.list_(caption),
        "age": pa.int32(),
        "redistributable": pa.bool_(),
        "flags": texts,
        "repairs": pa.list_(repair),
        "unit": text,
        "centre": pa.list_(pa.float64()),
        **dict.fromkeys(("scale", "volume_mm3", "area_mm2"), pa.float64()),
        "extent_mm": pa.list_(pa.float64()),
        "elongation": pa.float64(),
        **dict.fromkeys(("n_vertices", "n_faces", "n_components"), pa.int32()),
        "watertight": pa.bool_(),
        "content_hash": text,
    }
    return [pa.field(name, kind) for name, kind in types.items()]
