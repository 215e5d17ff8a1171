"""Building ``hips`` from the pinned wheel: the same bytes for everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmark.contract import Grid
from benchmark.data.hips.bones import SIDE, STRUCTURES, VOXEL_MM, mean_joint, place_bones
from benchmark.data.hips.contrasts import ct_image, mr_image
from benchmark.data.hips.tissues import lay_out
from benchmark.data.volumes.prepared import Facts, Modality, VolumeSet
from benchmark.data.volumes.writing import PreparedCase, write_volume_set
from medshape_text.one_thread import one_thread
from medshape_text.sources import llp26
from medshape_text.sources.packages.lower_limb import SUBJECTS, mini_splits

VERSION = 1
"""Goes up with any change of a voxel."""

DESCRIBED = VolumeSet(
    name="hips",
    title="Hip region of 26 adults: bones real, images rendered (CT-like and MR-like)",
    structures=STRUCTURES,
    modalities=(
        Modality("ct", "HU", (-250.0, 800.0)),
        Modality("mr", "", None),
    ),
    shape=(SIDE, SIDE, SIDE),
    tolerance_mm=VOXEL_MM,
    licence=llp26.LICENCE,
    source={
        "package": llp26.WHEEL.requirement,
        "file": llp26.WHEEL.file,
        "sha256": llp26.WHEEL.sha256,
        "attribution": "musculoskeletal-models, Auckland Bioengineering Institute, MPL-2.0",
        "rendered": "soft tissue, outline, contrast and noise are drawn from seeds; only the bones are anatomy",
        "version": VERSION,
    },
)


def build_hips(
    cache: Path,
    folder: Path,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    subjects: Sequence[str] = SUBJECTS,
) -> None:
    """Write the data set, about two seconds a subject.

    Args:
        cache: folder of downloaded wheels.
        folder: to write; whole or absent.
        progress: told how many subjects are done.
        subjects: of whom; all 26 are the data set, fewer are something to try things on.

    Raises:
        SourceError: if the wheel cannot be had or is not what was pinned.
        OSError: if the disk refuses.
    """
    cache.mkdir(parents=True, exist_ok=True)
    wheel = llp26.fetch_wheel(cache)
    with one_thread():
        write_volume_set(DESCRIBED, _cases(wheel, progress, subjects), folder)


def _cases(
    wheel: Path, progress: Callable[[str, int, int], None], subjects: Sequence[str]
) -> Iterator[PreparedCase]:
    nodes = llp26.read_subject_nodes(wheel)
    bones = {bone.category: bone for bone in llp26.load_bones(nodes.mean(axis=0))}
    joint, splits = mean_joint(nodes.mean(axis=0), bones), mini_splits()
    for done, subject in enumerate(subjects):
        progress("rendering", done, len(subjects))
        placed = place_bones(subject, nodes[SUBJECTS.index(subject)], bones, joint)
        body = lay_out(subject, placed)
        affine = tuple(
            tuple(VOXEL_MM * (row == column) for column in range(3)) + (round(float(placed.origin[row]), 6),)
            for row in range(3)
        )
        facts = Facts(
            id=subject,
            subject=subject,
            split=splits[subject],
            origin="rendered",
            text="pelvis and proximal femur of an adult",
            grid=Grid((SIDE, SIDE, SIDE), (*affine, (0.0, 0.0, 0.0, 1.0))),
            annotated=STRUCTURES,
            modalities=("ct", "mr"),
        )
        images = {"ct": ct_image(subject, body), "mr": mr_image(subject, body)}
        yield PreparedCase(facts, images, placed.labels)
    progress("rendering", len(subjects), len(subjects))
