"""Rows of a submission, sorted into what can stand in one column: one score table a profile.

Two score tables can be compared only if they have the same signatures and, under each, the same cases of the same
subjects, categories and origins.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.base import NOT_APPLICABLE, OK
from leaderboard.findings import RefusedError

Floats = NDArray[np.float64]
Identity = tuple[str, str, str, str]
"""Case or set of cases, subject, category, origin."""
_LARGEST = 1e12
_LONGEST = 400
_TEXTS = ("case", "subject", "category", "origin", "metric", "signature", "status")


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """The rows of one profile.

    Attributes:
        profile: its name, the second part of every signature.
        cases: signature -> the cases it has values of, sorted.
        values: signature -> a value of every case.
        scored: signature -> how many cases have no worst value of a failure.
    """

    profile: str
    cases: Mapping[str, tuple[Identity, ...]]
    values: Mapping[str, Floats]
    scored: Mapping[str, int]

    @property
    def key(self) -> str:
        """SHA-256 over signatures and cases: score tables of one key compare."""
        content = json.dumps(sorted((signature, list(cases)) for signature, cases in self.cases.items()))
        return hashlib.sha256(content.encode()).hexdigest()


def score_tables_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, ScoreTable]:
    """Profile -> score table. Cases where nothing was observed count for nothing.

    Raises:
        RefusedError: if a row is not one, a value is no finite number, or a case is there twice.
    """
    columns: dict[str, dict[Identity, tuple[float, bool]]] = {}
    texts: set[str] = set()  # that were looked at: few texts stand in many rows
    for row in rows:
        case, subject, category, origin, metric, signature, status = (
            text if isinstance(text := row.get(name), str) and text in texts else _text(row, name, texts)
            for name in _TEXTS
        )
        if status == NOT_APPLICABLE:
            continue
        if signature not in columns:
            _profile(signature, metric)
            columns[signature] = {}
        elif not signature.startswith(f"{metric}|"):
            raise RefusedError("record-invalid", "rows of one signature name two metrics")
        value = row.get("value")
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
            raise RefusedError("record-invalid", f"a value is no number of at most {_LARGEST:g}")
        column = columns[signature]
        identity = (case, subject, category, origin)
        if identity in column:
            raise RefusedError("record-invalid", f"a case has two values of {metric[:40]!r}")
        column[identity] = (float(value), status == OK)
    profiles: dict[str, dict[str, dict[Identity, tuple[float, bool]]]] = {}
    for signature, found in columns.items():
        profiles.setdefault(signature.split("|")[1], {})[signature] = found
    return {profile: _score_table(profile, those) for profile, those in profiles.items()}


def _score_table(profile: str, columns: Mapping[str, Mapping[Identity, tuple[float, bool]]]) -> ScoreTable:
    cases = {signature: tuple(sorted(column)) for signature, column in columns.items()}
    return ScoreTable(
        profile=profile,
        cases=cases,
        values={name: np.array([columns[name][identity][0] for identity in cases[name]]) for name in columns},
        scored={name: _scored(column) for name, column in columns.items()},
    )


def _scored(column: Mapping[Identity, tuple[float, bool]]) -> int:
    failed = {identity[0] for identity, (_, ok) in column.items() if not ok}
    return len({identity[0] for identity in column} - failed)


def _text(row: Mapping[str, Any], name: str, texts: set[str]) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise RefusedError("record-invalid", f"a row has no text {name!r} of at most {_LONGEST} characters")
    texts.add(value)
    return value


def _profile(signature: str, metric: str) -> None:
    """Make sure that a signature has a profile and is of this metric."""
    parts = signature.split("|")
    if len(parts) < 2 or parts[0] != metric:
        raise RefusedError("record-invalid", f"a signature does not begin with {metric[:40]!r} and a profile")
