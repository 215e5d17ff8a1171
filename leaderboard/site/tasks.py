"""Task pages: one a table, with the values of every category and origin as data that is loaded when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leaderboard.model import Entry, Table
from leaderboard.site import numbers, standing
from leaderboard.site.names import key

KINDS = ("category", "origin")


def task_context(table: Table, downloads: Mapping[str, str], case_count: int, comparable: bool) -> dict[str, object]:
    """What the template of a task page needs.

    Args:
        table: the table.
        downloads: suffix -> address of a file, from the site's root.
        case_count: how many cases can be looked at in 3D.
        comparable: whether its methods can be compared case by case.
    """
    shown = standing.lines(table)
    columns = standing.columns(table)
    quoted = standing.quoted(table)
    return {
        "title": table.title,
        "table": table,
        "key": key(table.id),
        "columns": [(column, numbers.style(column)) for column in columns],
        "headline": columns[0].title if columns else table.headline,
        "lines": shown,
        "ranked": standing.ranked_count([line.entry for line in shown]),
        "controls": sum(line.entry.control for line in shown),
        "quoted": quoted,
        "quoted_columns": [i for i in range(len(columns)) if any(line.cells[i].value for line in quoted)],
        "refused": standing.refused(table),
        "flagged": [line for line in shown if line.findings],
        "tiers": list(dict.fromkeys(line.entry.tier for line in shown)),
        "groups": {kind: [(name, key(name)) for name in group_names(table, kind)] for kind in KINDS},
        "downloads": downloads,
        "case_count": case_count,
        "paired": comparable,
        "seconds": any(line.seconds.value for line in shown),
        "memory": any(line.memory.value for line in shown),
    }


def group_names(table: Table, kind: str) -> list[str]:
    """The categories or origins that any entry has a value of, sorted."""
    return sorted({name for entry in table.entries if not standing.is_refused(entry) for name in _groups(entry, kind)})


def group_data(table: Table) -> Iterator[tuple[str, object]]:
    """(address of a data file, value): for every group, a row a line of the table, a number a column."""
    shown = standing.lines(table)
    columns = standing.columns(table)
    for kind in KINDS:
        for name in group_names(table, kind):
            values = [
                [_value(_groups(line.entry, kind).get(name, {}), column.metric) for column in columns]
                for line in shown
            ]  # fmt: skip
            yield f"{key(table.id)}/{kind}/{key(name)}", values


def _groups(entry: Entry, kind: str) -> Mapping[str, Mapping[str, float]]:
    return entry.categories if kind == "category" else entry.origins


def _value(values: Mapping[str, float], metric: str) -> float | None:
    value = values.get(metric)
    return None if value is None else float(f"{value:.6g}")
