"""A verification from the JSON it was written as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaderboard.model import SEVERITIES, VERDICTS, Finding, Verification
from leaderboard.rank.reading import UnreadableError


def verification_of(record: Mapping[str, Any]) -> Verification:
    """The record as a `Verification`; fields that are not known are left out.

    Raises:
        UnreadableError: if a field is missing or of another type.
    """
    try:
        largest = record["largest_difference"]
        verification = Verification(
            submission=_text(record["submission"]),
            verdict=_one_of(VERDICTS, record["verdict"]),
            largest_difference=None if largest is None else float(largest),
            findings=tuple(
                Finding(_text(each["code"]), _one_of(SEVERITIES, each["severity"]), _text(each["detail"]))
                for each in record.get("findings", ())
            ),
            files={_text(path): _text(sha) for path, sha in record.get("files", {}).items()},
            data_revision=_text(record.get("data_revision", "")),
            rows=tuple(dict(row) for row in record.get("rows", ())),
            observations={_text(case): _text(sha) for case, sha in record.get("observations", {}).items()},
            toolkit=dict(record.get("toolkit", {})),
            memorisation={_text(case): float(ratio) for case, ratio in record.get("memorisation", {}).items()},
            remade=record.get("remade", False) is True,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableError("verification-damaged", f"a verification cannot be read: {error}") from None
    return verification


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _one_of(known: tuple[str, ...], value: object) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is none of {', '.join(known)}")
    return str(value)
