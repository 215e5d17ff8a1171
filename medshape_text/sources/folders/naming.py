"""Who and what a file of a folder shows: what tables say first, then its name, then the folders it is in."""

from __future__ import annotations

import re
from dataclasses import replace

from medshape_text import names, taxonomy
from medshape_text.records import UNKNOWN_SUBJECT
from medshape_text.sources.folders.listing import shape_suffix
from medshape_text.sources.folders.tables import Row
from medshape_text.sources.labels import UNKNOWN_STRUCTURE, Label, label_of
from medshape_text.stage import Drop

FOLDER = "folder"
"""The grammar of shapes whose names follow none."""
_TOTALSEGMENTATOR = re.compile(r"(?:.*/)?(s[0-9]{4})/segmentations/([^/]+)")


def label_file(path: str, row: Row | None, spelled: str) -> Label | Drop:
    """The label of a file, or of one value in it.

    Args:
        path: in the folder.
        row: what ``shapes.csv`` says.
        spelled: what a label file, or the volume itself, calls the structure; may be empty.

    Reasons: ``unknown-structure``, ``no-subject``, and those of `medshape_text.names`.
    """
    named = _from_name(path)
    what = (row.category if row else "") or spelled
    if what:
        made = _from_spelling(path, what, row, named)
    elif isinstance(named, Drop) and row is not None and row.subject:
        # The table says whose it is, which is all that a name such as liver.stl lacks.
        made = _from_spelling(path, _stem(path), row, named)
    else:
        made = named
    if isinstance(made, Drop) or row is None:
        return made
    subject = f"{FOLDER}:{row.subject}" if row.subject else made.subject
    flags = tuple(flag for flag in made.flags if not (row.subject and flag == UNKNOWN_SUBJECT))
    return replace(made, subject=subject, flags=flags, pathology=row.pathology or made.pathology)


def _from_name(path: str) -> Label | Drop:
    placed = _TOTALSEGMENTATOR.fullmatch(path)
    if placed:
        return label_of(f"{placed[1]}_{placed[2]}")
    return label_of(path.rpartition("/")[2])


def _from_spelling(path: str, spelled: str, row: Row | None, named: Label | Drop) -> Label | Drop:
    try:
        category, pathology = _category(spelled, row)
    except taxonomy.UnknownStructureError as error:
        return Drop(UNKNOWN_STRUCTURE, " ".join(str(error).split())[:300])
    if isinstance(named, Label):
        subject, grammar, flags = named.subject, named.grammar, named.flags
    else:
        # Nobody says whose it is. Files of one stem are one subject's; whether others are too is not known.
        subject, grammar, flags = f"{FOLDER}:{_stem(path)}", FOLDER, (UNKNOWN_SUBJECT,)
    return Label(
        subject, category.name, category.side, category.super_class, category.level, pathology, grammar, flags
    )  # fmt: skip


def _category(spelled: str, row: Row | None) -> tuple[taxonomy.Category, str]:
    words = re.split(r"[\s_]+", spelled.strip())
    if words[0].lower() in ("left", "right"):
        words = [*words[1:], words[0]]  # names of files have the side last
    said = names.spell("_".join(words))
    declared = (row.side, row.level) if row is not None else ("", "")
    if not any(declared):
        try:
            return taxonomy.get(spelled), ""
        except taxonomy.UnknownStructureError:
            return taxonomy.resolve(said), said.pathology
    both = replace(said, side=declared[0] or said.side, level=declared[1] or said.level)
    if said.side not in ("none", both.side) or said.level not in ("", both.level):
        raise taxonomy.UnknownStructureError(f"shapes.csv says {spelled!r} and another side or level", spelled)
    return taxonomy.resolve(both), said.pathology


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[: len(name) - len(shape_suffix(name))].removesuffix(".seg")
