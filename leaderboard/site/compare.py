"""Data of the page that compares two methods: the cases of each table, and a file of values a submission."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.site import numbers
from leaderboard.site.cases import TableCases
from leaderboard.site.names import key


def compare_data(of: TableCases) -> Iterator[tuple[str, object]]:
    """(address of a data file, value).

    ``{table}/cases`` lists columns, methods and cases; ``{table}/rows/{submission}`` has, for every column, the
    values in the order of the cases, and the status of those that failed.
    """
    folder = key(of.table.id)
    shown = set(of.shown)
    yield f"{folder}/cases", {
        "columns": [
            {"title": column.title, "higher": column.higher_is_better, "style": numbers.style(column)}
            for column in of.columns
        ],
        "methods": [
            {"key": line.key, "name": line.entry.method, "tier": line.entry.tier, "control": line.entry.control,
             "rank": line.rank}
            for line in of.lines
        ],
        "cases": [
            [facts.id, facts.category, facts.subject, facts.origin, key(facts.id) if facts.id in shown else ""]
            for facts in of.facts
        ],
    }  # fmt: skip
    for index, line in enumerate(of.lines):
        scores = [of.at(index, facts.id) for facts in of.facts]
        yield (
            f"{folder}/rows/{line.key}",
            {
                "values": [[_short(each.values.get(column.metric)) for each in scores] for column in of.columns],
                "failed": [[place, each.failure] for place, each in enumerate(scores) if each.failure],
            },
        )


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
