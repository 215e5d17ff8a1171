"""What a run's table shows of each metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmark.metrics.base import NOT_APPLICABLE, OK
from benchmark.records.rows import Row
from benchmark.statistics.bootstrap import Estimate, Table, cluster_bootstrap


@dataclass(frozen=True)
class Summary:
    """One metric under one signature over all its cases.

    Attributes:
        metric: its name.
        signature: what pins it; values of different signatures are never averaged together.
        macro: class-macro mean with its interval (the headline).
        micro: mean over cases.
        scored: cases with a valid prediction.
        expected: cases there should be; the rest score the worst value and are in the averages.
        categories: category → mean.
        origins: origin of the shapes → class-macro mean.
    """

    metric: str
    signature: str
    macro: Estimate
    micro: float
    scored: int
    expected: int
    categories: dict[str, float] = field(default_factory=dict)
    origins: dict[str, float] = field(default_factory=dict)


def summarise(rows: Sequence[Row]) -> list[Summary]:
    """Summaries in the order metrics first appear. Cases where nothing was observed count for nothing."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.status != NOT_APPLICABLE:
            groups.setdefault((row.metric, row.signature), []).append(row)
    return [_summary(metric, signature, group) for (metric, signature), group in groups.items()]


def _summary(metric: str, signature: str, rows: list[Row]) -> Summary:
    return Summary(
        metric=metric,
        signature=signature,
        macro=cluster_bootstrap(table_of(rows)),
        micro=sum(_value(row) for row in rows) / len(rows),
        scored=sum(row.status == OK for row in rows),
        expected=len(rows),
        categories=_means(rows, lambda row: row.category),
        origins=_means(rows, lambda row: row.origin),
    )


def table_of(rows: Sequence[Row]) -> Table:
    """Rows of one metric as a table to average."""
    return Table([_value(row) for row in rows], [row.category for row in rows], [row.subject for row in rows])


def _means(rows: Sequence[Row], key: Callable[[Row], str]) -> dict[str, float]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return {name: cluster_bootstrap(table_of(group), draws=1).value for name, group in groups.items()}


def _value(row: Row) -> float:
    if row.value is None:
        raise ValueError(f"case {row.case} has no value of {row.metric} but status {row.status!r}")
    return row.value
