"""A file name becomes a subject, a structure, a side, a level and a pathology, or a reason why not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from medshape_text.names.grammars import GRAMMARS, REFUSALS, SUFFIX

SIDES = ("left", "right", "none")
# A vertebra's level has a letter, every other a number. With underscores each part is a word of its own; without, only
# the known order tells them apart. "cleft" is a word: its end is not a side.
_VERTEBRA, _NUMBER, _SIDE = r"(?P<level>[ctls]0?[1-9][0-9]?)", r"0?(?P<level>[1-9][0-9]?)", r"(?P<side>left|right)"
MAX_LENGTH = 200
_NOBODY = re.compile(r"[a-z][a-z_]*(?:[0-9]{1,2}(?:_?(?:left|right))?)?", re.ASCII | re.IGNORECASE)


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


@dataclass(frozen=True)
class ParsedName:
    """A file name that follows one of :data:`GRAMMARS`; structure, side, level and pathology as in :class:`Spelling`.

    ``subject`` is ``<grammar>:<leading id>``. ``split_safe`` says whether files of other subjects can be trusted to
    show something else, which a split into training and test relies on.
    """

    file_name: str
    subject: str
    structure: str
    side: str
    level: str
    pathology: str
    grammar: str
    split_safe: bool


@dataclass(frozen=True)
class Unparsable:
    """A refused name: a reason code and a sentence.

    Reasons: ``empty``, ``too-long``, ``control-character``, ``path-separator``, ``non-ascii``, ``unknown-suffix``,
    ``not-anatomy``, ``no-subject``, ``no-grammar``.
    """

    file_name: str
    reason: str
    detail: str


def parse(file_name: str) -> ParsedName | Unparsable:
    """Read a MedShapeNet file name by the first grammar that fits, or say why none does.

    >>> parse("s0485_rib_left_2.nii.g_1.stl")
    ParsedName(file_name='s0485_rib_left_2.nii.g_1.stl', subject='totalsegmentator-v1:s0485', structure='rib',
               side='left', level='2', pathology='', grammar='totalsegmentator-v1', split_safe=True)
    >>> parse("liver.stl").reason
    'no-subject'
    """
    fault = _fault(file_name)
    if fault:
        return Unparsable(file_name, *fault)
    found = SUFFIX.fullmatch(file_name)
    if not found:
        return Unparsable(file_name, "unknown-suffix", "it ends like no mesh or mask file, such as .stl or .nii.gz")
    stem = found["stem"]
    for reason, pattern, shown in REFUSALS:
        if pattern.fullmatch(stem):
            return Unparsable(file_name, reason, f"the name is that of {shown}")
    for grammar in GRAMMARS:
        match = grammar.pattern.fullmatch(stem)
        if match:
            spelled = spell(grammar.what or match["spelling"])
            return ParsedName(
                file_name=file_name,
                subject=f"{grammar.name}:{match['id'].lower()}",
                structure=spelled.structure,
                side=spelled.side,
                level=spelled.level,
                pathology=spelled.pathology,
                grammar=grammar.name,
                split_safe=grammar.split_safe,
            )
    if _NOBODY.fullmatch(stem):
        return Unparsable(file_name, "no-subject", "it names a structure at most, and nobody it belongs to")
    return Unparsable(file_name, "no-grammar", "it follows none of the known grammars of file names")


def _fault(name: str) -> tuple[str, str] | None:
    """Reason and detail of what makes a string no file name at all."""
    if not name.strip():
        return "empty", "there is no name"
    if len(name) > MAX_LENGTH:
        return "too-long", f"{len(name)} characters, at most {MAX_LENGTH} are read"
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in name):
        return "control-character", f"it holds a control character: {name!a}"
    if "/" in name or "\\" in name:
        return "path-separator", "it is a path; only a file name is read"
    if not name.isascii():
        return "non-ascii", f"it holds letters that no grammar has: {name!a}"
    return None
