"""What is known of the shape in a file: by its name, and by a table of subjects (age, sex); the record made of both."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medshape_text import names, taxonomy
from medshape_text.hashing import sha256
from medshape_text.reading.limits import BadShapeError
from medshape_text.reading.meshes import Mesh
from medshape_text.records import UNKNOWN_SUBJECT, Shape
from medshape_text.sources.shared import SourceError
from medshape_text.stage import Drop

_MAX_BYTES, _MAX_ROWS, _MAX_CELL = 2**26, 10**6, 200
_SUBJECT = ("image_id", "subject", "subject_id", "participant_id")
_AGE, _SEX = ("age",), ("gender", "sex")
_SEXES = {"m": "male", "male": "male", "f": "female", "female": "female"}
_OLDEST = 120
UNKNOWN_STRUCTURE = "unknown-structure"
TOTALSEGMENTATOR = "totalsegmentator-v1"
"""The grammar whose subjects TotalSegmentator's own table speaks of."""


class SubjectTableError(SourceError):
    """A table that cannot be read as one of subjects."""


@dataclass(frozen=True)
class SubjectTable:
    """(age in years or None, ``male``, ``female`` or empty) by subject, and the sha256 of the file it is from."""

    subjects: Mapping[str, tuple[int | None, str]] = field(default_factory=dict)
    sha256: str = ""

    def of(self, subject: str) -> tuple[int | None, str]:
        """Age and sex of a subject, as far as known."""
        return self.subjects.get(subject, (None, ""))


def read_subject_table(path: Path) -> SubjectTable:
    """Read a table whose first line names its columns, separated by ``;``, ``,`` or tabulators.

    The columns ``image_id`` (or ``subject``, ``subject_id``, ``participant_id``), ``age`` and ``gender`` (or
    ``sex``) are used, in any order and case. Cells that are empty or make no sense as an age or sex are unknown.

    Raises:
        SubjectTableError: if it is no such table, or says two things about one subject.
        OSError: if it cannot be read.
    """
    with path.open("rb") as stream:
        data = stream.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise SubjectTableError(f"{path} is larger than {_MAX_BYTES} bytes, which no table of subjects is")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SubjectTableError(f"{path} is not a UTF-8 text; save it as CSV") from None
    if "\0" in text:
        raise SubjectTableError(f"{path} is not a text; save it as CSV")
    return SubjectTable(dict(_subjects(path, text)), sha256(data))


def _subjects(path: Path, text: str) -> Iterator[tuple[str, tuple[int | None, str]]]:
    header = text.partition("\n")[0]
    delimiter = max(";,\t", key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    known: dict[str, tuple[int | None, str]] = {}
    try:
        names = [cell.strip().lower() for cell in next(rows, [])]
        subject, age, sex = (_column(names, wanted) for wanted in (_SUBJECT, _AGE, _SEX))
        if subject is None or (age is None and sex is None):
            raise SubjectTableError(
                f"{path} has no columns image_id and age or gender in its first line; it has: {', '.join(names)[:200]}"
            )
        for number, row in enumerate(rows, start=2):
            if number > _MAX_ROWS:
                raise SubjectTableError(f"{path} has more than {_MAX_ROWS} lines")
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if len(cells) <= max(subject, age or 0, sex or 0) or not 0 < len(cells[subject]) <= _MAX_CELL:
                raise SubjectTableError(f"{path}, line {number}: {len(cells)} cells, the first line has {len(names)}")
            found = (_age(cells[age]) if age is not None else None, _sex(cells[sex]) if sex is not None else "")
            if known.setdefault(cells[subject], found) != found:
                raise SubjectTableError(f"{path}, line {number}: another line says otherwise of {cells[subject]}")
    except csv.Error as error:
        raise SubjectTableError(f"{path} is not a table of cells: {error}") from error
    yield from known.items()


def _column(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _age(cell: str) -> int | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return int(number) if math.isfinite(number) and 0 <= number <= _OLDEST else None


def _sex(cell: str) -> str:
    return _SEXES.get(cell.lower(), "")


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
