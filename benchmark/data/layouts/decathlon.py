"""Medical Segmentation Decathlon: ``dataset.json``, ``imagesTr/CASE.nii.gz``, ``labelsTr/CASE.nii.gz``.

Also a folder of ``images`` and ``labels`` without the JSON file, as such data are passed on. Images of several channels
are 4-D and refused by name. Several volumes may be of one person, and nobody can tell.
"""

from __future__ import annotations

from pathlib import Path

from benchmark.data.layouts.nnunet import modality_of, structures_of
from benchmark.data.layouts.reading import folder_of, image_of, labels_of, read_json, required
from benchmark.data.volumes.record import Layout, VolumeRecord
from benchmark.errors import DataError


def read_decathlon(root: Path) -> Layout:
    """All training cases in the order of their names.

    Raises:
        DataError: if dataset.json lacks something, or a file is missing.
    """
    described = read_json(root / "dataset.json")
    modalities, labels = described.get("modality"), described.get("labels")
    if not isinstance(modalities, dict) or not isinstance(labels, dict):
        raise DataError(f"{root / 'dataset.json'} names no modality or no labels; is it of the Decathlon?")
    if len(modalities) > 1:
        raise DataError(f"{root} has images of {len(modalities)} channels in one file (4-D), which are not read")
    (channel,) = modalities.values()
    structures, table = structures_of({str(name): int(value) for value, name in labels.items()}, root)
    name = str(described.get("name") or root.name).lower()
    records = paired(root, ("imagesTr", "labelsTr"), modality_of(str(channel)).name, table)
    return Layout(
        name=name,
        title=str(described.get("description") or name),
        licence=str(described.get("licence") or "CC-BY-SA-4.0"),
        structures=structures,
        modalities=(modality_of(str(channel)),),
        records=records,
        source={"layout": "decathlon", "release": str(described.get("release") or described.get("relase") or "")},
    )


def paired(root: Path, folders: tuple[str, str], modality: str, table: dict[int, int]) -> list[VolumeRecord]:
    """A record for every label file with the image of the same name; files of a Mac (``._x``) are none."""
    images, labels = (folder_of(root, name) for name in folders)
    records = []
    for path in sorted(labels.glob("[!.]*.nii.gz")):
        case = path.name.removesuffix(".nii.gz")
        image = required(images / path.name, case, "its image")
        records.append(VolumeRecord(case, case, {modality: image_of(image)}, labels_of(path, table, case)))
    return records
