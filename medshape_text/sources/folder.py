"""Shapes in a folder of the files of a user: meshes, and masks of which surfaces are made."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medshape_text import licences
from medshape_text.curate.split import HashSplit, SplitRule
from medshape_text.hashing import canonical_json, file_sha256, sha256
from medshape_text.pipeline import standard_stages
from medshape_text.reading.limits import BadShapeError
from medshape_text.reading.meshes import Mesh, parse_mesh
from medshape_text.reading.volumes import Volume, read_volume, volume_suffix
from medshape_text.records import Repair, Shape
from medshape_text.sources.folders.items import Item, items_of, list_folder
from medshape_text.sources.folders.labels import Row, read_tables, shape_suffix
from medshape_text.sources.labels import Label, SubjectTable, labelled_shape, read_subject_table, refused
from medshape_text.sources.packages.label_maps import RECIPE, Box, cut_flags, label_surface
from medshape_text.sources.shared import ItemSource
from medshape_text.stage import Drop, Stage

SPLIT_RULE = "genmed-bench/folder/split/v1"
_READ_VERSION = "1"
_CARD = """\
## Where the shapes come from

A folder of files. What a shape is, whose it is and under which licence comes from the files' names and from the
tables beside them; nothing of it was checked against images. Surfaces of masks are in millimetres and were made by
marching cubes on the smoothed mask, which shrinks thin structures; the unit of meshes is unknown unless it was
declared. Shapes flagged `unknown-subject` are safe in no split.
"""


@dataclass(frozen=True, eq=False)
class FolderSource(ItemSource[Item]):
    """Shapes of the ``items`` in ``folder``; ``declared_splits`` are those that ``shapes.csv`` gives, by id.

    ``licence`` is of all shapes of which ``shapes.csv`` says nothing.
    """

    folder: Path
    items: tuple[Item, ...]
    tables: Mapping[str, str]
    ignored: int = 0
    licence: str = "unknown"
    subjects: SubjectTable = field(default_factory=SubjectTable)
    name: str = "folder"
    stages: Sequence[Stage] = field(default_factory=standard_stages)
    split_rule: SplitRule = field(default_factory=lambda: HashSplit(SPLIT_RULE))

    @cached_property
    def declared_splits(self) -> Mapping[str, str]:
        """Splits the user declares, by id; they are kept as they are, so that a subject in two of them is found."""
        return {item.id: item.row.split for item in self.items if item.row is not None and item.row.split}

    @property
    def attribution(self) -> Mapping[str, str]:
        """Nothing but what ``shapes.csv`` calls the sources."""
        named = {item.row.source for item in self.items if item.row is not None and item.row.source}
        return dict.fromkeys(sorted(named | {self.name}), "as its owner says")

    def fingerprint(self, shape_id: str) -> str:
        """Hash of the file, of everything that is said of it, and of how surfaces are made of masks."""
        item = self._by_id[shape_id]
        known = self.subjects.of(item.label.person) if item.label is not None else None
        recipe = RECIPE if volume_suffix(item.path) else None
        return sha256(canonical_json([_READ_VERSION, asdict(item), self.licence, known, recipe]))

    def read(self, shape_id: str) -> Shape | Drop:
        """The shape in a file, or of one label in it; vertices of a mask are in millimetres.

        Reasons: those of `items_of` and of the readers, ``many-labels`` (and no table says what they mean),
        ``no-faces`` (a cloud of points), ``too-few-voxels`` (too few to make a surface of).

        Raises:
            ChangedFileError: if the file changed after the folder was listed.
        """
        item = self._by_id[shape_id]
        if item.label is None:
            return Drop(item.reason, item.detail)
        try:
            found = read_geometry(self.folder, item)
        except BadShapeError as error:
            return refused(error)
        if isinstance(found, Drop):
            return found
        return self._shape(item, item.label, item.row or Row(item.path), found)

    def provenance(self) -> dict[str, Any]:
        """Every file as one hash, the tables beside them, and how many are no shapes for which reason."""
        files = sorted({(item.path, item.sha256) for item in self.items})
        return {
            "name": self.name,
            "version": _READ_VERSION,
            "files": {"count": len(files), "sha256": sha256(canonical_json(files)), "ignored": self.ignored},
            "tables": dict(sorted(self.tables.items())),
            "refused": dict(sorted(Counter(item.reason for item in self.items if item.reason).items())),
            "surfaces_of_masks": RECIPE,
            "subject_table": self.subjects.sha256,
            "licence": self.licence,
        }

    def card(self) -> str:
        """What is known of a stranger's shapes, which is little."""
        return _CARD

    def notice(self) -> str:
        """The licences that were declared."""
        declared = sorted({item.row.licence if item.row and item.row.licence else self.licence for item in self.items})
        return f"Shapes from a user's folder. Licences they declared: {', '.join(declared)}. Each row names its own.\n"

    def _shape(self, item: Item, label: Label, row: Row, found: Geometry) -> Shape:
        licence = row.licence or self.licence
        shape = labelled_shape(
            label, found.mesh, self.subjects, id=item.id, source=row.source or "folder", licence=licence,
            redistributable=licences.refusal(licence, redistributable=True) is None, file_name=item.path,
            input_sha256=item.sha256, millimetres=bool(volume_suffix(item.path)) or row.unit == "mm",
        )  # fmt: skip
        return replace(
            shape,
            origin=row.origin or shape.origin,
            age=shape.age if row.age is None else row.age,
            sex=row.sex or shape.sex,
            flags=(*shape.flags, *found.flags),
            repairs=found.repairs,
        )


def open_folder(folder: Path, *, licence: str = "unknown", meta: Path | None = None) -> FolderSource:
    """List a folder, read the tables in it and hash its files.

    Args:
        folder: of STL, PLY, OBJ, OFF and GLB meshes, and of NIfTI and NRRD masks; with `shapes.csv` and JSON labels,
            see `medshape_text.sources.folders.labels`. TotalSegmentator's layout is known.
        licence: of the shapes whose licence no table gives, as an SPDX identifier.
        meta: TotalSegmentator's ``meta.csv``; taken from the folder where it is there.

    Raises:
        FolderError, SubjectTableError: if a table beside the shapes cannot be used, or the folder holds no shapes.
        OSError: if something cannot be read.
    """
    listing = list_folder(folder)
    tables = read_tables(folder, listing.json_files)
    items = items_of(folder, listing, tables)
    if meta is None and (folder / "meta.csv").is_file():
        meta = folder / "meta.csv"
    subjects = read_subject_table(meta) if meta is not None else SubjectTable()
    return FolderSource(folder, items, tables.sha256, listing.others, licence, subjects)


class ChangedFileError(OSError):
    """A file is not what it was when the folder was listed."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """A surface, what is odd about it, and what was left out; of a mask it is in millimetres."""

    mesh: Mesh
    flags: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()


def read_geometry(folder: Path, item: Item) -> Geometry | Drop:
    """The surface of an item.

    Reasons: ``many-labels``, ``no-faces``, ``too-few-voxels``, as `FolderSource.read` explains them.

    Raises:
        BadShapeError: if the file cannot be used.
        ChangedFileError: if the file changed after the folder was listed.
    """
    path = folder / item.path
    return _of_mask(path, item) if volume_suffix(item.path) else _of_mesh(path, item)


def _of_mesh(path: Path, item: Item) -> Geometry | Drop:
    data = path.read_bytes()
    if sha256(data) != item.sha256:
        raise _changed(path)
    mesh = parse_mesh(shape_suffix(item.path), data)
    if not isinstance(mesh, Mesh):
        return Drop("no-faces", "a cloud of points, not a surface")
    return Geometry(mesh)


def _of_mask(path: Path, item: Item) -> Geometry | Drop:
    volume = _cached_volume(path, item.sha256)
    if not item.value and len(volume.values) > 1:
        first = ", ".join(map(str, volume.values[:5]))
        return Drop(
            "many-labels", f"it holds {len(volume.values)} labels ({first}, …), and no table says what they mean"
        )
    value = item.value or volume.values[0]
    box = _box(volume.labels == value)
    surface = label_surface(volume, value, box)
    if surface is None:
        return Drop("too-few-voxels", "too few voxels, or too thin, to make a surface of")
    return Geometry(Mesh(surface.vertices, surface.faces), cut_flags(volume, box), surface.repairs)


@lru_cache(maxsize=1)
def _cached_volume(path: Path, digest: str) -> Volume:
    """One volume is kept, since its labels are read one after the other."""
    if file_sha256(path) != digest:
        raise _changed(path)
    return read_volume(path)


def _changed(path: Path) -> ChangedFileError:
    return ChangedFileError(errno.ESTALE, f"{path} has changed since the folder was listed; run again")


def _box(mask: NDArray[np.bool_]) -> Box:
    """The bounding box of a mask (I, J, K) with at least one voxel."""
    sides = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        (occupied,) = np.nonzero(mask.any(axis=others))
        sides.append(slice(int(occupied[0]), int(occupied[-1]) + 1))
    return tuple(sides)
