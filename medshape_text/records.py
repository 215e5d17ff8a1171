"""The only schema: what a shape is while it travels the pipeline, and which columns it is published as.

Every configuration of the data set carries the same *light* columns, so that any of them can be
filtered by itself; the heavy ones (``sdf64``, ``surface``, ``mesh``) add their geometry as bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medshape_text import codec
from medshape_text.frame import Similarity
from medshape_text.hashing import sha256

if TYPE_CHECKING:
    import datasets

CONFIGS = ("shapes", "sdf64", "surface", "mesh")
SPLITS = ("train", "validation", "test")
ORIGINS = ("real_subject", "template", "mirrored", "synthetic_ssm", "synthetic_warp")
PROVENANCES = ("name", "template", "measured")
"""Where a caption comes from: the source's own name of the structure, a fixed phrase about the source, our ruler."""

_TEXT_COLUMNS = (
    *("id", "subject", "category", "side", "super_class"),
    *("origin", "split", "source", "licence", "template"),
)
HEAVY_COLUMNS = {"shapes": (), "sdf64": ("sdf", "mask"), "surface": ("points", "normals"), "mesh": ("mesh",)}


@dataclass(frozen=True)
class Caption:
    """One description and its provenance, one of :data:`PROVENANCES`.

    ``measured`` captions tell facts of the very geometry a completion method has to find: never give
    one to a method as its prompt.
    """

    text: str
    provenance: str


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
    then on; ``faces`` (F, 3) int64. ``transform`` maps millimetres to canonical coordinates and stays
    None when ``millimetres`` is False. Shapes of one ``template`` and category correspond vertex by vertex.
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
    facts: Facts | None = None
    transform: Similarity | None = None
    sdf: NDArray[np.float32] | None = None
    points: NDArray[np.float32] | None = None
    normals: NDArray[np.float32] | None = None
    captions: tuple[Caption, ...] = ()
    split: str = ""


def to_row(shape: Shape) -> dict[str, Any]:
    """All columns of all configurations of a finished shape, as plain Python values.

    Raises:
        ValueError: if a stage has not filled in its part.
    """
    facts, transform = shape.facts, shape.transform
    if facts is None or shape.sdf is None or shape.points is None or shape.normals is None or not shape.split:
        raise ValueError(f"{shape.id} has not been through every stage")
    mesh = codec.encode_ply(shape.vertices, shape.faces)
    return {
        "id": shape.id,
        "subject": shape.subject,
        "category": shape.category,
        "side": shape.side,
        "super_class": shape.super_class,
        "origin": shape.origin,
        "split": shape.split,
        "source": shape.source,
        "licence": shape.licence,
        "template": shape.template,
        "captions": [{"text": caption.text, "provenance": caption.provenance} for caption in shape.captions],
        "centre_mm": None if transform is None else list(transform.centre),
        "scale": None if transform is None else transform.scale,
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
        "mask": codec.encode_mask(shape.sdf < 0),
        "points": codec.encode_vectors(shape.points, "<f4"),
        "normals": codec.encode_vectors(shape.normals, "<f2"),
        "mesh": {"bytes": mesh, "path": f"{shape.id}.ply"},
    }


def features(config: str) -> datasets.Features:
    """The columns of one configuration as ``datasets`` features.

    Raises:
        KeyError: for a name that is not in :data:`CONFIGS`.
    """
    import datasets  # slow to import, and only writers and loaders need it

    light: dict[str, Any] = {name: datasets.Value("string") for name in _TEXT_COLUMNS}
    light["captions"] = datasets.List({"text": datasets.Value("string"), "provenance": datasets.Value("string")})
    light["centre_mm"] = datasets.List(datasets.Value("float64"))
    light["scale"] = datasets.Value("float64")
    light["volume_mm3"] = datasets.Value("float64")
    light["area_mm2"] = datasets.Value("float64")
    light["extent_mm"] = datasets.List(datasets.Value("float64"))
    light["elongation"] = datasets.Value("float64")
    light |= {name: datasets.Value("int32") for name in ("n_vertices", "n_faces", "n_components")}
    light["watertight"] = datasets.Value("bool")
    light["content_hash"] = datasets.Value("string")
    heavy = {name: datasets.Mesh() if name == "mesh" else datasets.Value("binary") for name in HEAVY_COLUMNS[config]}
    return datasets.Features(light | heavy)


def dropped_features() -> datasets.Features:
    """The columns of ``dropped.parquet``: which shape left the pipeline at which stage, and why."""
    import datasets

    return datasets.Features({name: datasets.Value("string") for name in ("id", "stage", "reason", "detail")})
