"""MM-WHS 2017: whole hearts in CT and MR of different people, label values of three digits.

``ct_train_1001_image.nii.gz`` with ``ct_train_1001_label.nii.gz``; test cases have no labels. ``mr_train_1010`` holds some
voxels 421, which are 420.
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmark.data.layouts.reading import image_of, labels_of
from benchmark.data.volumes.prepared import Modality
from benchmark.data.volumes.record import Layout, VolumeRecord

VALUES = {"myocardium": 205, "atrium_left": 420, "ventricle_left": 500, "atrium_right": 550, "ventricle_right": 600,
          "aorta": 820, "pulmonary_artery": 850}  # fmt: skip
"""In the order of the labels; the first five are those of the paper."""
STRAY = {421: 420}
_NAME = re.compile(r"(ct|mr)_(train|test)_(\d{4})_image\.nii(\.gz)?")


def read_mmwhs(root: Path) -> Layout:
    """All cases, wherever in the folder they lie; the two modalities are of different people."""
    labels = {value: index + 1 for index, value in enumerate(VALUES.values())}
    table = {0: 0, **labels, **{stray: labels[value] for stray, value in STRAY.items()}}
    records = []
    for path in sorted(root.rglob("*_image.nii*")):
        matched = _NAME.fullmatch(path.name)
        if not matched:
            continue
        case = f"{matched[1]}_{matched[2]}_{matched[3]}"
        label = path.with_name(path.name.replace("_image.", "_label."))
        read = labels_of(label, table, case) if label.is_file() else None
        records.append(VolumeRecord(case, case, {matched[1]: image_of(path)}, read, text=f"{matched[1].upper()} of a heart"))
    return Layout(
        name="mmwhs",
        title="Multi-modality whole heart segmentation (MM-WHS 2017)",
        licence="LicenseRef-MM-WHS",
        structures=tuple(VALUES),
        modalities=(Modality("ct", "HU", (-250.0, 800.0)), Modality("mr", "", (0.0, 1000.0))),
        records=records,
        source={"layout": "mmwhs"},
    )
