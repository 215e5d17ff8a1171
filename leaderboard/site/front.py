"""The front page: tasks by profiles, and who leads where somebody does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.model import Board, Table
from leaderboard.site import standing
from leaderboard.site.names import key
from leaderboard.site.words import PROFILES

MOST_LEADERS = 3
SUBMITTING = (
    "genmed-bench run --method METHOD --task TASK --data DATA --out RUN",
    "genmed-bench submit RUN --model-card CARD.toml --data DATA --to RESULTS",
    "genmed-bench submit --from-folder PREDICTIONS --task TASK --model-card CARD.toml --data DATA --to RESULTS",
)
_ORDER = ("overlap", "dense", "genmed", "field")


@dataclass(frozen=True)
class Summary:
    """One table on the front page; ``more`` counts the leaders that are not named."""

    table: Table
    key: str
    headline: str
    leaders: tuple[standing.Line, ...]
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
    shown = {e.submission for t in board.tables for e in t.entries if not standing.is_refused(e)}
    return {
        "title": "Leaderboard",
        "profiles": [(name, PROFILES.get(name, name)) for name in profiles],
        "rows": rows,
        "submitting": SUBMITTING,
        "submissions": len(shown),
        "submitted": len({table.task for table in board.tables if table.entries}),
        "cases": sum({(t.task, t.data_revision, t.split): t.cases for t in board.tables}.values()),
    }


def profiles_of(tables: Sequence[Table]) -> list[str]:
    """The profiles that occur, ours first in their order."""
    found = dict.fromkeys(table.profile for table in tables)
    return [name for name in _ORDER if name in found] + [name for name in found if name not in _ORDER]


def summary(table: Table) -> Summary:
    """What the front page says of a table."""
    leaders = standing.leaders(table)
    column = standing.headline(table)
    shown = [entry for entry in table.entries if not standing.is_refused(entry)]
    return Summary(
        table=table,
        key=key(table.id),
        headline=column.title if column else table.headline,
        leaders=tuple(leaders[:MOST_LEADERS]),
        more=max(len(leaders) - MOST_LEADERS, 0),
        ranked=standing.ranked_count(shown),
        controls=sum(entry.control for entry in shown),
    )
