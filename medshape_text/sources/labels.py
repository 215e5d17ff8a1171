"""What the name of a file says about the shape in it, as the fields of a record."""

from __future__ import annotations

from dataclasses import dataclass

from medshape_text import names, taxonomy
from medshape_text.reading.limits import BadShapeError
from medshape_text.records import UNKNOWN_SUBJECT
from medshape_text.stage import Drop

UNKNOWN_STRUCTURE = "unknown-structure"


TOTALSEGMENTATOR = "totalsegmentator-v1"
"""The grammar whose subjects TotalSegmentator's own table speaks of."""


@dataclass(frozen=True)
class Label:
    """Fields of a `medshape_text.records.Shape` that a name gives; ``flags`` are its codes too."""

    subject: str
    category: str
    side: str
    super_class: str
    level: str
    pathology: str
    grammar: str
    flags: tuple[str, ...] = ()

    @property
    def person(self) -> str:
        """The subject as TotalSegmentator's table calls it (``s0001``), empty for those of other sets."""
        grammar, _, key = self.subject.partition(":")
        return key if grammar == TOTALSEGMENTATOR else ""


def label_of(file_name: str) -> Label | Drop:
    """Parse a name and look its structure up.

    Reasons: those of `medshape_text.names.Unparsable`, and ``unknown-structure`` for one that no category covers.
    """
    parsed = names.parse(file_name)
    if isinstance(parsed, names.Unparsable):
        return Drop(parsed.reason, parsed.detail)
    try:
        category = taxonomy.resolve(parsed)
    except taxonomy.UnknownStructureError as error:
        return Drop(UNKNOWN_STRUCTURE, " ".join(str(error).split())[:300])
    return Label(
        subject=parsed.subject,
        category=category.name,
        side=category.side,
        super_class=category.super_class,
        level=category.level,
        pathology=parsed.pathology,
        grammar=parsed.grammar,
        flags=() if parsed.split_safe else (UNKNOWN_SUBJECT,),
    )


def refused(error: BadShapeError) -> Drop:
    """What a reader says of a file, as a drop: its reason in kebab-case."""
    return Drop(error.reason.replace(" ", "-"), error.detail or error.reason)
