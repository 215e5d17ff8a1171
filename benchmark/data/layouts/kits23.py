"""KiTS23: kidneys with tumours and cysts in CT, ``case_00000/imaging.nii.gz`` and ``segmentation.nii.gz``.

Labels are 1 kidney, 2 tumour, 3 cyst. Cases whose image was not downloaded are left out. Non-commercial licence.
"""

from __future__ import annotations

from pathlib import Path

from benchmark.data.layouts.reading import image_of, labels_of
from benchmark.data.volumes.prepared import Modality
from benchmark.data.volumes.record import Layout, VolumeRecord

STRUCTURES = ("kidney", "tumor", "cyst")
TOLERANCES_MM = (1.0331, 1.1329, 1.1498)
"""Of the challenge's surface Dice, for its three classes: kidney and masses, masses, tumour."""


def read_kits23(root: Path) -> Layout:
    """All cases with an image, in ``root`` or its folder ``dataset``."""
    folder = root / "dataset" if (root / "dataset").is_dir() else root
    table = {index: index for index in range(4)}
    records = []
    for path in sorted(folder.glob("case_[0-9]*/imaging.nii.gz")):
        case, label = path.parent.name, path.with_name("segmentation.nii.gz")
        read = labels_of(label, table, case) if label.is_file() else None
        records.append(VolumeRecord(case, case, {"ct": image_of(path)}, read, text="abdominal CT"))
    return Layout(
        name="kits23",
        title="KiTS23: kidneys, tumours and cysts in CT",
        licence="CC-BY-NC-SA-4.0",
        structures=STRUCTURES,
        modalities=(Modality("ct", "HU", (-79.0, 304.0)),),
        records=records,
        source={"layout": "kits23"},
    )
