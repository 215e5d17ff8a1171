"""Which data set a grammar of names belongs to, and what its licence allows."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN = "unknown"


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
