"""The ways MedShapeNet file names are put together, and what the number in them means."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Grammar:
    """One way names are put together; ``pattern`` matches a whole name without its suffix.

    Its groups are ``id`` (who) and ``spelling`` (what), or ``what`` is fixed. Examples are names of that grammar.
    """

    name: str
    pattern: re.Pattern[str]
    id_means: str
    split_safe: bool
    examples: tuple[str, ...]
    what: str = ""


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.ASCII | re.IGNORECASE)


GRAMMARS = (
    Grammar(
        "totalsegmentator-v1",
        _pattern(r"(?P<id>s[0-9]{4})_(?P<spelling>[a-z][a-z0-9_]*)"),
        "a subject of TotalSegmentator v1: up to 104 files show one person",
        True,
        ("s1273_liver.nii.g_1.stl", "s0677_vertebrae_L3.nii.g_1.stl", "s0485_rib_left_2.nii.g_1.stl"),
    ),
    Grammar(
        "tumoured-brain",
        _pattern(r"(?P<id>[0-9]{6})_tumou?red_?brain"),
        "a case of the brain-tumour sets; whether one person was scanned more than once is not known",
        True,
        ("000000_tumoredbrain.stl",),
        what="tumoredbrain",
    ),
    Grammar(
        "tumoured-kidney",
        _pattern(r"(?P<id>[0-9]{6})_tumou?red_?kidney"),
        "a case of the kidney-tumour sets; which kidney is not said",
        True,
        ("000012_tumoredKidney.stl",),
        what="tumoredkidney",
    ),
    Grammar(
        "skull",
        _pattern(r"(?P<id>[0-9]{6})_skull"),
        "a case of the skull sets",
        True,
        ("005001_skull.stl", "009310_skull.stl"),
        what="skull",
    ),
    Grammar(
        "vertebrae",
        _pattern(r"(?P<id>[0-9]{6})_vertebrae?"),
        "a number of vertebrae of unstated level: several may be of one spine",
        False,
        ("000123_vertebrae.stl",),
        what="vertebrae",
    ),
    Grammar(
        "vessel-tree",
        _pattern(r"(?P<id>[a-z]?[0-9]{1,6})_vessel_?tree(?:_[0-9]{1,2})?"),
        "a case of the set of aortic vessel trees",
        True,
        ("000004_vessel_tree.stl", "D1_vessel_tree.stl"),
        what="vessel_tree",
    ),
    Grammar(
        "six-digits",
        _pattern(r"(?P<id>[0-9]{6})_(?P<spelling>[a-z][a-z0-9_]*)"),
        "a whole-body scan: all files of one number show one person",
        True,
        ("045776_liver.stl", "037413_costa9left.stl", "010445_adrenalglandleft.stl"),
    ),
    Grammar(
        "ct-skull",
        _pattern(r"ct_skull_(?P<id>[0-9]{2,3})"),
        "a skull of the set whose files are called so",
        True,
        ("ct_skull_00.stl",),
        what="ct_skull",
    ),
    Grammar(
        "face",
        _pattern(r"face_(?P<id>[0-9]{1,2})"),
        "one of the twelve facial models",
        True,
        ("face_1.stl", "face_12.stl"),
        what="face",
    ),
    Grammar(
        "renamed",
        _pattern(r"(?P<id>(?P<spelling>[a-z][a-z_]*[0-9]{0,2}?(?:_?(?:left|right))?(?:_[0-9]{1,2})?)_[0-9]{3,6})"),
        "a downloader's running number: the source, and with it the person, is unknown",
        False,
        ("kidney_00102.stl", "costa9left_00003.stl", "rib_left_2_00017.stl"),
    ),
)
"""In the order they are tried; where two match, the more particular stands first."""

REFUSALS = (
    ("not-anatomy", _pattern(r"(?:[0-9]+_)?(?:surgical_?)?instrument.*|.*3dcosi.*"), "a surgical instrument"),
    ("not-anatomy", _pattern(r"(?:[a-z0-9]+_)*implant(?:_[a-z0-9]+)*"), "an implant"),
)
"""Reason code, pattern of a name without suffix, what such a file shows."""

SUFFIX = _pattern(r"(?P<stem>.+?)(?:\.nii\.g_1\.stl|\.nii\.gz|\.nii|\.seg\.nrrd|\.nrrd|\.stl|\.ply|\.obj|\.off|\.glb)")
"""A name with the endings of mesh and mask files; its group ``stem`` is the rest."""
