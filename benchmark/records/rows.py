"""A row of ``cases.jsonl`` and how lines are written and read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.contract import Case
from benchmark.metrics.base import Score


@dataclass(frozen=True)
class Row:
    """One metric of one case: the value, or the worst value with the reason it was given."""

    case: str
    subject: str
    category: str
    origin: str
    metric: str
    signature: str
    value: float | None
    status: str

    @classmethod
    def of(cls, case: Case, score: Score) -> Row:
        """The row of one score."""
        identity = (case.id, case.subject, case.category, case.origin)
        return cls(*identity, score.metric, str(score.signature), score.value, score.status)

    def line(self) -> str:
        """The row as a line of JSON, fields in the declared order, floats with their shortest exact digits."""
        return json_line(asdict(self))


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
