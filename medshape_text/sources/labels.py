"""What the name of a file says about the shape in it, and the record made of both."""

from __future__ import annotations

from dataclasses import dataclass

from medshape_text import names, taxonomy
from medshape_text.reading.limits import BadShapeError
from medshape_text.reading.meshes import Mesh
from medshape_text.records import UNKNOWN_SUBJECT, Shape
from medshape_text.sources.subject_table import SubjectTable
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


def labelled_shape(
    label: Label,
    mesh: Mesh,
    subjects: SubjectTable,
    *,
    id: str,  # noqa: A002 - the names are those of a Shape's fields
    source: str,
    licence: str,
    redistributable: bool,
    file_name: str,
    input_sha256: str,
    millimetres: bool = False,
    url: str = "",
) -> Shape:
    """The shape in a file: what its label says, with age and sex of the subject where the table knows them."""
    age, sex = subjects.of(label.person)
    return Shape(
        id=id,
        subject=label.subject,
        category=label.category,
        side=label.side,
        super_class=label.super_class,
        origin="real_subject",
        source=source,
        licence=licence,
        template="",
        millimetres=millimetres,
        vertices=mesh.vertices,
        faces=mesh.faces,
        level=label.level,
        pathology=label.pathology,
        file_name=file_name,
        url=url,
        grammar=label.grammar,
        input_sha256=input_sha256,
        age=age,
        sex=sex,
        redistributable=redistributable,
        flags=label.flags,
    )


def refused(error: BadShapeError) -> Drop:
    """What a reader says of a file, as a drop: its reason in kebab-case."""
    return Drop(error.reason.replace(" ", "-"), error.detail or error.reason)
