"""Three patients with a sarcoma of the thigh in CT, MR and PET, one contour copied between them: a smoke test, never ranked.

``STS_001_CT_image.nii.gz`` and ``STS_001_CT_mask.nii.gz``. The modalities share a frame but lie millimetres apart.
"""

from __future__ import annotations

from pathlib import Path

from benchmark.data.layouts.reading import image_of, labels_of, required
from benchmark.data.volumes.prepared import Modality
from benchmark.data.volumes.record import Layout, VolumeRecord

NAMES = {"ct": "CT", "mr": "MR_T1", "pet": "PET"}
SPLITS = ("train", "validation", "test")


def read_sts(root: Path) -> Layout:
    """One case a patient, its labels on the grid of the CT; one patient a split, in order."""
    subjects = sorted(path.name.removesuffix("_CT_image.nii.gz") for path in root.glob("*_CT_image.nii.gz"))
    records = []
    for index, subject in enumerate(subjects):
        images = {
            name: image_of(required(root / f"{subject}_{own}_image.nii.gz", subject, f"modality {name}"))
            for name, own in NAMES.items()
        }
        mask = required(root / f"{subject}_CT_mask.nii.gz", subject, "its mask")
        labels = labels_of(mask, {0: 0, 1: 1}, subject)
        records.append(VolumeRecord(subject, subject, images, labels, SPLITS[min(index, 2)], "sarcoma of the thigh"))
    return Layout(
        name="sts",
        title="Soft-tissue sarcoma in CT, MR and PET (3 patients, never ranked)",
        licence="CC-BY-3.0",
        structures=("tumor",),
        modalities=(Modality("ct", "HU", (-250.0, 450.0)), Modality("mr", "", None), Modality("pet", "SUV", None)),
        records=records,
        source={"layout": "sts", "ranked": False},
    )
