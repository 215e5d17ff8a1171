"""Case pages, one a case, with the surfaces of each method in a file; data of the page that compares two methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leaderboard.model import Column, Table
from leaderboard.site import ranking
from leaderboard.site.files import key
from leaderboard.site.sources import CaseFacts, CaseScores, CaseViews, Place

SHOWN_AT_FIRST = 3
UNDER_VIEWS = 3
"""Columns whose values stand under each picture."""


@dataclass(frozen=True)
class Neighbour:
    """The page before or after."""

    key: str
    id: str


@dataclass(frozen=True, eq=False)
class TableCases:
    """All scores of a table, read once: the lines, every case, and scores by line and case."""

    table: Table
    lines: Sequence[ranking.Line]
    columns: Sequence[Column]
    facts: Sequence[CaseFacts]
    scores: Sequence[dict[Place, CaseScores]]
    shown: Sequence[CaseFacts]

    def at(self, line: int, facts: CaseFacts) -> CaseScores:
        """Scores of one line on one case in one category."""
        return self.scores[line].get((facts.scored, facts.category), _NOT_RUN)

    def of_case(self, line: int, facts: CaseFacts) -> CaseScores:
        """Scores of one line on one case, means where it has several categories."""
        found = [each for (case, _), each in self.scores[line].items() if case == facts.scored]
        if len(found) < 2:
            return found[0] if found else _NOT_RUN
        values: dict[str, float | None] = {}
        for metric in {name for each in found for name in each.values}:
            known = [value for each in found if (value := each.values.get(metric)) is not None]
            values[metric] = sum(known) / len(known) if known else None
        return CaseScores(values, next((each.status for each in found if each.failure), found[0].status))


_NOT_RUN = CaseScores({}, "not run")


@dataclass(frozen=True)
class Drawn:
    """What is known of a case that was drawn.

    Attributes:
        exact: whether what was observed can be trusted.
        scale, error_range: in words.
        picture: address of a small picture; empty if there is nothing to see.
    """

    exact: bool
    scale: str = ""
    error_range: str = ""
    picture: str = ""


def read_cases(table: Table, views: CaseViews) -> TableCases:
    """Everything about the cases of a table but their volumes."""
    shown = ranking.lines(table)
    return TableCases(
        table, shown, ranking.columns(table), list(views.facts(table)),
        [dict(views.scores(table, line.entry.submission)) for line in shown], list(views.shown(table)),
    )  # fmt: skip


def case_context(of: TableCases, case: CaseFacts, drawn: Drawn, place: int) -> dict[str, object]:
    """What the template of a case page needs; ``place`` is of the case among those shown."""
    rows = [_row(of, index, line, case) for index, line in enumerate(of.lines)]
    ranked = [row["key"] for row in rows if not row["control"]]
    first = [*ranked, *(row["key"] for row in rows if row["control"])][:SHOWN_AT_FIRST]
    return {
        "title": f"{case.category.replace('_', ' ')}, {of.table.title}",
        "table": of.table,
        "key": key(of.table.id),
        "case": case,
        "surfaces": surface_folder(of.table, case.id),
        "columns": [(column, ranking.style(column)) for column in of.columns],
        "under": [column.title for column in of.columns[:UNDER_VIEWS]],
        "rows": rows,
        "first": first,
        "exact": drawn.exact,
        "error_range": drawn.error_range,
        "scale": drawn.scale,
        "before": _neighbour(of, place - 1),
        "after": _neighbour(of, place + 1),
        "place": place + 1,
        "count": len(of.shown),
    }


def surface_folder(table: Table, case: str) -> str:
    """Where the surfaces of a case lie; tables of one task and revision under different profiles share them."""
    return f"surfaces/{key(f'{table.task}@{table.data_name}@{table.data_revision}@{table.split}')}/{key(case)}"


def _row(of: TableCases, index: int, line: ranking.Line, case: CaseFacts) -> dict[str, object]:
    scores = of.of_case(index, case)
    cells = [
        ranking.Cell(ranking.text(column, scores.values.get(column.metric)),
                      ranking.raw(scores.values.get(column.metric)))
        for column in of.columns
    ]  # fmt: skip
    return {
        "key": line.key, "method": line.entry.method, "control": line.entry.control, "rank": line.rank_text,
        "cells": cells, "failure": scores.failure,
    }  # fmt: skip


def _neighbour(of: TableCases, place: int) -> Neighbour | None:
    return Neighbour(key(of.shown[place].id), of.shown[place].id) if 0 <= place < len(of.shown) else None


def compare_data(of: TableCases) -> Iterator[tuple[str, object]]:
    """(address of a data file, value).

    ``{table}/cases`` lists columns, methods and cases; ``{table}/rows/{submission}`` has, for every column, the
    values in the order of the cases, and the status of those that failed.
    """
    folder = key(of.table.id)
    shown = {facts.id for facts in of.shown}
    yield f"{folder}/cases", {
        "columns": [
            {"title": column.title, "higher": column.higher_is_better, "style": ranking.style(column)}
            for column in of.columns
        ],
        "methods": [
            {"key": line.key, "name": line.entry.method, "tier": line.entry.tier, "control": line.entry.control,
             "rank": line.rank_text}
            for line in of.lines
        ],
        "cases": [
            [facts.id, facts.category, facts.subject, facts.origin, key(facts.id) if facts.id in shown else ""]
            for facts in of.facts
        ],
    }  # fmt: skip
    for index, line in enumerate(of.lines):
        scores = [of.at(index, facts) for facts in of.facts]
        yield (
            f"{folder}/rows/{line.key}",
            {
                "values": [[ranking.short(each.values.get(column.metric)) for each in scores] for column in of.columns],
                "failed": [[place, each.failure] for place, each in enumerate(scores) if each.failure],
            },
        )
