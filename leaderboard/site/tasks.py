"""The front page (tasks by profiles, and who leads where somebody does) and task pages, one a table.

The values of every category and origin are data that is loaded when asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmark.tasks import metric_order
from leaderboard.model import Board, Entry, Table
from leaderboard.site import ranking
from leaderboard.site.files import key

MOST_LEADERS = 3
_OTHERS = {"quoted": "Quoted from papers"}
SUBMITTING = (
    "genmed-bench run --method METHOD --task TASK --data DATA --out RUN",
    "genmed-bench submit RUN --model-card CARD.toml --data DATA --to RESULTS",
    "genmed-bench submit --from-folder PREDICTIONS --task TASK --model-card CARD.toml --data DATA --to RESULTS",
)


@dataclass(frozen=True)
class Summary:
    """One table on the front page; ``more`` counts the leaders that are not named."""

    table: Table
    key: str
    headline: str
    leaders: tuple[ranking.Line, ...]
    more: int
    ranked: int
    controls: int


def front_context(board: Board) -> dict[str, object]:
    """What the template of the front page needs."""
    profiles = profiles_of(board.tables)
    tasks = list(dict.fromkeys(table.task for table in board.tables))
    rows = [
        (task, [[summary(t) for t in board.tables if (t.task, t.profile) == (task, profile)] for profile in profiles])
        for task in tasks
    ]
    shown = {e.submission for t in board.tables for e in t.entries if not ranking.is_refused(e)}
    return {
        "title": "Leaderboard",
        "profiles": [(name, profile_title(board.tables, name)) for name in profiles],
        "rows": rows,
        "submitting": SUBMITTING,
        "submissions": len(shown),
        "submitted": len({table.task for table in board.tables if table.entries}),
        "cases": sum({(t.task, t.data_revision, t.split): t.cases for t in board.tables}.values()),
    }


def profiles_of(tables: Sequence[Table]) -> list[str]:
    """The profiles that occur, in the order of their metrics, those of nobody's metrics last."""
    order: dict[str, int] = {}
    for table in tables:
        place = min((metric_order(column.signature)[0] for column in table.columns), default=len(tables))
        order[table.profile] = min(place, order.get(table.profile, place))
    return sorted(order, key=lambda name: order[name])


def profile_title(tables: Sequence[Table], profile: str) -> str:
    """What stands over the columns of a profile; the name of one that nobody knows."""
    headings = (column.heading for table in tables if table.profile == profile for column in table.columns)
    return next((heading for heading in headings if heading), _OTHERS.get(profile, profile))


def summary(table: Table) -> Summary:
    """What the front page says of a table."""
    leaders = ranking.leaders(table)
    column = ranking.headline(table)
    shown = [entry for entry in table.entries if not ranking.is_refused(entry)]
    return Summary(
        table=table,
        key=key(table.id),
        headline=column.title if column else table.headline,
        leaders=tuple(leaders[:MOST_LEADERS]),
        more=max(len(leaders) - MOST_LEADERS, 0),
        ranked=ranking.ranked_count(shown),
        controls=sum(entry.control for entry in shown),
    )


KINDS = ("category", "origin")


def task_context(table: Table, downloads: Mapping[str, str], case_count: int, comparable: bool) -> dict[str, object]:
    """What the template of a task page needs.

    Args:
        table: the table.
        downloads: suffix -> address of a file, from the site's root.
        case_count: how many cases can be looked at in 3D.
        comparable: whether its methods can be compared case by case.
    """
    shown = ranking.lines(table)
    columns = ranking.columns(table)
    quoted = ranking.quoted(table)
    return {
        "title": table.title,
        "table": table,
        "key": key(table.id),
        "columns": [(column, ranking.style(column)) for column in columns],
        "headline": columns[0].title if columns else table.headline,
        "lines": shown,
        "ranked": ranking.ranked_count([line.entry for line in shown]),
        "controls": sum(line.entry.control for line in shown),
        "quoted": quoted,
        "quoted_columns": [i for i in range(len(columns)) if any(line.cells[i].value for line in quoted)],
        "refused": ranking.refused(table),
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
    return sorted({name for entry in table.entries if not ranking.is_refused(entry) for name in _groups(entry, kind)})


def group_data(table: Table) -> Iterator[tuple[str, object]]:
    """(address of a data file, value): for every group, a row a line of the table, a number a column."""
    shown = ranking.lines(table)
    columns = ranking.columns(table)
    for kind in KINDS:
        for name in group_names(table, kind):
            found = [_groups(line.entry, kind).get(name, {}) for line in shown]
            values = [[ranking.short(each.get(column.metric)) for column in columns] for each in found]
            yield f"{key(table.id)}/{kind}/{key(name)}", values


def _groups(entry: Entry, kind: str) -> Mapping[str, Mapping[str, float]]:
    return entry.categories if kind == "category" else entry.origins
