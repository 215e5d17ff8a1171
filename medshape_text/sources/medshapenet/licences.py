"""What the data-set card and the notice say of MedShapeNet, and what the licence of each set in it allows."""

from __future__ import annotations

from dataclasses import dataclass

CARD = """\
## Where the shapes come from

[MedShapeNet](https://medshapenet.ikim.nrw) is a list of links to STL files. Each file's name is all that is known of
what is in it: the structure, its side, the index of a vertebra or rib, and a key of the subject. Names of the form
`s0001_liver.nii.g_1.stl` are of TotalSegmentator, where age and sex can be joined from its `meta.csv`. Nothing states
where names that begin with six digits come from. Files that were renamed by those who passed them on have lost their
subject; they are flagged `unknown-subject` and safe in no split.

- The unit of the coordinates is not stated. Volumes and lengths are given in no unit, or not at all.
- Most surfaces were segmented by a network, not by hand, and many are cut off where the scan ended.
- One patient may be in several of the source sets under different names.
- `dropped.parquet` lists every link without a shape and why: that it could not be downloaded counts too.
"""

NOTICE = """\
Shapes from MedShapeNet (https://medshapenet.ikim.nrw). Each row names its source set and licence.

MedShapeNet/TotalSegmentator: segmentations of the TotalSegmentator data set by Jakob Wasserthal et al., licensed under
Creative Commons Attribution 4.0 International (https://creativecommons.org/licenses/by/4.0/). Changed: repaired,
brought into a common frame, sampled, described.

All other source sets: the licence is not known. These rows have redistributable = false; do not pass them on.
"""

UNKNOWN = "unknown"

_CITATION = (
    "Li et al., *MedShapeNet – a large-scale dataset of 3D medical shapes for computer vision*, arXiv:2308.16139; and "
    "the set it took these shapes from, which it does not name"
)
_ATTRIBUTION = {
    "totalsegmentator-v1": (
        "Wasserthal et al., *TotalSegmentator: robust segmentation of 104 anatomic structures in CT images*, "
        "Radiology: Artificial Intelligence 2023; by way of MedShapeNet, Li et al., arXiv:2308.16139"
    )
}


@dataclass(frozen=True)
class Origin:
    """A data set that MedShapeNet took shapes from, as far as a name tells; ``licence`` is an SPDX code or words."""

    data_set: str
    licence: str
    redistributable: bool = False


_BY_GRAMMAR = {
    "totalsegmentator-v1": Origin("TotalSegmentator", "CC-BY-4.0", redistributable=True),
    # Nothing states where the six-digit names come from. That they are whole-body scans of autoPET is inferred
    # from their vocabulary, and an inference gives no right to pass them on.
    "six-digits": Origin("six-digits", f"{UNKNOWN} (inferred autoPET)"),
}


def origin_of(grammar: str) -> Origin:
    """Data set and licence of the names of one grammar; unknown, and not to be passed on, where nobody states it.

    Source: the table of licences in MedShapeNet's README.
    """
    return _BY_GRAMMAR.get(grammar) or Origin(grammar, UNKNOWN)


def source_of(grammar: str) -> str:
    """The column ``source`` of shapes whose names follow a grammar."""
    return f"MedShapeNet/{origin_of(grammar).data_set}"


def attribution_of(grammar: str) -> str:
    """What to cite for shapes whose names follow a grammar."""
    return _ATTRIBUTION.get(grammar, _CITATION)
