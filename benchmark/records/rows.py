"""A row of ``cases.jsonl`` and how lines are written and read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.contract import Case
from benchmark.metrics.base import Score

Key = tuple[str, str, str]
"""(case or group, category, signature): no two rows of a run share it."""

SEVERAL = "several"
"""Subject, category or origin of a group whose cases differ in it."""


@dataclass(frozen=True)
class Row:
    """One number of one group: the value, or the worst value with the reason it was given."""

    case: str
    subject: str
    category: str
    origin: str
    metric: str
    signature: str
    value: float | None
    status: str

    @classmethod
    def of(cls, group: str, cases: Sequence[Case], score: Score) -> Row:
        """The row of one score of the group with this id."""
        subject, category, origin = (
            _common([getattr(case, name) for case in cases]) for name in ("subject", "category", "origin")
        )
        named = score.category if score.category is not None else category
        return cls(group, subject, named, origin, score.metric, str(score.signature), score.value, score.status)

    @property
    def key(self) -> Key:
        """What tells it from all other rows of its run."""
        return self.case, self.category, self.signature

    def line(self) -> str:
        """The row as a line of JSON, fields in the declared order, floats with their shortest exact digits."""
        return json_line(asdict(self))


def _common(values: Sequence[str]) -> str:
    return values[0] if len(set(values)) == 1 else SEVERAL


def json_line(record: Mapping[str, Any]) -> str:
    """One record as one line; NaN is refused, because it is not JSON."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def complete_lines(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Records of a JSON-lines file with the byte offset each ends at; a torn last line is left out.

    Raises:
        ValueError: if a line that is not the last is no JSON object.
    """
    if not path.exists():
        return
    end = 0
    data = path.read_bytes()
    for raw in data.splitlines(keepends=True):
        if not raw.endswith(b"\n"):
            return
        end += len(raw)
        record = json.loads(raw)
        if not isinstance(record, dict):
            raise ValueError(f"{path}: not an object: {raw[:60]!r}")
        yield record, end
