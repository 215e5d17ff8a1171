"""nnU-Net's raw format (version 2): ``dataset.json``, ``imagesTr/CASE_0000.nii.gz`` a channel, ``labelsTr/CASE.nii.gz``.

Regions (labels that are lists of values) are read as structures where they do not overlap; of nested ones the smaller
is written over the larger, so that each voxel keeps its innermost region.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.data.layouts.reading import folder_of, image_of, labels_of, read_json, required
from benchmark.data.volumes.files import SUFFIXES
from benchmark.data.volumes.prepared import Modality
from benchmark.data.volumes.record import Layout, VolumeRecord
from benchmark.errors import DataError

IGNORED = "ignore"


def read_nnunet(root: Path) -> Layout:
    """All training cases.

    Raises:
        DataError: if dataset.json lacks something, or a channel of a case is missing.
    """
    described = read_json(root / "dataset.json")
    for key in ("channel_names", "labels", "file_ending"):
        if key not in described:
            raise DataError(f"{root / 'dataset.json'} has no {key}; is it of nnU-Net version 2?")
    ending = str(described["file_ending"])
    if ending not in SUFFIXES:
        raise DataError(f"{root / 'dataset.json'}: files that end with {ending} are not read")
    channels = [str(name) for _, name in sorted(described["channel_names"].items(), key=lambda item: int(item[0]))]
    if len(set(map(modality_name, channels))) < len(channels):
        raise DataError(f"{root / 'dataset.json'}: two channels have one name: {', '.join(channels)}")
    structures, table = structures_of(described["labels"], root)
    folder, labels = folder_of(root, "imagesTr"), folder_of(root, "labelsTr")
    records = []
    for path in sorted(labels.glob(f"*{ending}")):
        case = path.name[: -len(ending)]
        images = {
            modality_name(channel): image_of(required(folder / f"{case}_{index:04d}{ending}", case, f"channel {channel}"))
            for index, channel in enumerate(channels)
        }
        records.append(VolumeRecord(case, case, images, labels_of(path, table, case)))
    return Layout(
        name=str(described.get("name") or root.name),
        title=str(described.get("description") or root.name),
        licence=str(described.get("licence") or described.get("license") or "unknown"),
        structures=structures,
        modalities=tuple(modality_of(channel) for channel in channels),
        records=records,
        source={"layout": "nnunet"},
    )


def structures_of(labels: Mapping[str, Any], root: Path) -> tuple[tuple[str, ...], dict[int, int]]:
    """Names of the structures, and what each value of a file becomes.

    Args:
        labels: name -> value or list of values, as in dataset.json; 0 is background, ``ignore`` is left out.
        root: for the message.

    Raises:
        DataError: if a value is no whole number, or regions overlap without one lying in the other.
    """
    regions: dict[str, frozenset[int]] = {}
    for name, value in labels.items():
        values = value if isinstance(value, list) else [value]
        try:
            found = frozenset(int(each) for each in values)
        except (TypeError, ValueError):
            raise DataError(f"{root}: label {name!r} is {value!r}, no whole number") from None
        if found != {0} and name != IGNORED:
            regions[name] = found
    for first, a in regions.items():
        for second, b in regions.items():
            if first < second and a & b and not (a < b or b < a):
                raise DataError(f"{root}: regions {first!r} and {second!r} overlap, and neither holds the other")
    structures = tuple(regions)
    table = {0: 0, **{int(value): 0 for name, value in labels.items() if name == IGNORED and not isinstance(value, list)}}
    for name in sorted(regions, key=lambda each: -len(regions[each])):
        table |= dict.fromkeys(regions[name], structures.index(name) + 1)
    return structures, table


def modality_name(channel: str) -> str:
    """A channel as a modality: small letters, no spaces.

    >>> modality_name("T1 weighted")
    't1_weighted'
    """
    return "_".join(channel.lower().split()) or "image"


def modality_of(channel: str) -> Modality:
    """CT is in HU; what other channels are measured in nobody knows."""
    name = modality_name(channel)
    return Modality(name, "HU" if name == "ct" else "", None)
