"""The board: all tables, and a page of facts about every submission."""

from __future__ import annotations

from benchmark.provenance import toolkit_version
from leaderboard.model import Board
from leaderboard.rank.pages import page_of
from leaderboard.rank.quotations import quotations
from leaderboard.rank.results import Results
from leaderboard.rank.tables import tables_of


def board_of(results: Results) -> Board:
    """Everything the site shows, from a results folder and nothing else: the same folder gives the same board."""
    return Board(
        tables=tables_of(results),
        methods=tuple(page_of(submission) for submission in results.submissions),
        toolkit=toolkit_version(),
        built_from=results.built_from,
    )


def sources() -> tuple[tuple[str, str], ...]:
    """Where quoted numbers are from, as (name, https address)."""
    return tuple((f"{each['title']}, {each['place']}", each["link"]) for each in quotations()["sources"].values())
