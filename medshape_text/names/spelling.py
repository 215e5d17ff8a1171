"""How sources spell a structure: which of its letters are a side, a level or a pathology."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

SIDES = ("left", "right", "none")


@dataclass(frozen=True)
class Spelling:
    """A structure's spelling taken apart.

    ``structure`` is in lower case, otherwise as spelled ("iliac_artery" or "iliacartery", "costa"): which spellings are
    one structure is in the taxonomy. ``side`` is one of :data:`SIDES`, ``level`` a rib's ("7") or vertebra's ("T3") or
    empty, ``pathology`` "tumour" or empty.
    """

    structure: str
    side: str = "none"
    level: str = ""
    pathology: str = ""


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.ASCII | re.IGNORECASE)


_PATHOLOGY = (("tumour", _pattern(r"tumou?red_?(?P<rest>[a-z].*)")),)

# A vertebra's level has a letter, every other a number. With underscores each part is a word of its own; without, only
# the known order tells them apart. "cleft" is a word: its end is not a side.
_VERTEBRA, _NUMBER, _SIDE = r"(?P<level>[ctls]0?[1-9][0-9]?)", r"0?(?P<level>[1-9][0-9]?)", r"(?P<side>left|right)"
_UNDERSCORED = tuple(
    _pattern(layout)
    for layout in (
        rf"(?P<structure>vertebrae?)_{_VERTEBRA}",
        rf"(?P<structure>[a-z0-9_]*[a-z0-9])_{_SIDE}_{_NUMBER}",
        rf"(?P<structure>[a-z0-9_]*[a-z0-9])_{_NUMBER}_{_SIDE}",
        rf"(?P<structure>[a-z0-9_]*[a-z0-9])_{_SIDE}",
        rf"(?P<structure>[a-z0-9_]*[a-z])_{_NUMBER}",
    )
)
_CONCATENATED = tuple(
    _pattern(layout)
    for layout in (
        rf"(?P<structure>vertebrae?){_VERTEBRA}",
        rf"(?P<structure>[a-z]+){_NUMBER}{_SIDE}",
        rf"(?P<structure>[a-z]*(?!cleft)[a-z]){_SIDE}{_NUMBER}",
        rf"(?P<structure>[a-z]*(?!cleft)[a-z]){_SIDE}",
        rf"(?P<structure>[a-z]+){_NUMBER}",
    )
)


def spell(spelling: str) -> Spelling:
    """Take a structure's spelling apart: ``rib_left_2``, ``costa9left``, ``vertebraeT3``, ``tumoredKidney``.

    What is not recognised as side, level or pathology stays part of the structure.
    """
    rest, pathology = spelling.lower(), ""
    for name, pattern in _PATHOLOGY:
        match = pattern.fullmatch(rest)
        if match:
            rest, pathology = match["rest"], name
    for layout in _layouts(rest):
        match = layout.fullmatch(rest)
        if match:
            parts = match.groupdict()
            level = parts.get("level") or ""
            if level[:1].isalpha():
                level = level[0].upper() + level[1:].lstrip("0")
            return Spelling(parts["structure"], parts.get("side") or "none", level, pathology)
    return Spelling(rest, pathology=pathology)


def _layouts(spelling: str) -> Sequence[re.Pattern[str]]:
    return _UNDERSCORED if "_" in spelling else _CONCATENATED
