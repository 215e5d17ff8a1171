"""Case pages: one a case, with a table of all methods and the surfaces of each in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from benchmark.contract import Case
from benchmark.report.views import error_range_text, scale_text
from leaderboard.model import Column, Table
from leaderboard.site import numbers, standing
from leaderboard.site.names import key
from leaderboard.site.scenes import case_scene, method_mesh
from leaderboard.site.sources import CaseFacts, CaseScores, CaseViews

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
    lines: Sequence[standing.Line]
    columns: Sequence[Column]
    facts: Sequence[CaseFacts]
    scores: Sequence[dict[str, CaseScores]]
    shown: Sequence[str]

    def at(self, line: int, case: str) -> CaseScores:
        """Scores of one line on one case."""
        return self.scores[line].get(case, CaseScores({}, "not run"))


def read_cases(table: Table, views: CaseViews) -> TableCases:
    """Everything about the cases of a table but their volumes."""
    shown = standing.lines(table)
    return TableCases(
        table, shown, standing.columns(table), list(views.facts(table)),
        [dict(views.scores(table, line.entry.submission)) for line in shown], list(views.shown(table)),
    )  # fmt: skip


def case_context(of: TableCases, case: Case, place: int) -> dict[str, object]:
    """What the template of a case page needs; ``place`` is of the case among those shown."""
    rows = [_row(of, index, line, case.id) for index, line in enumerate(of.lines)]
    ranked = [row["key"] for row in rows if not row["control"]]
    first = [*ranked, *(row["key"] for row in rows if row["control"])][:SHOWN_AT_FIRST]
    return {
        "title": f"{case.category.replace('_', ' ')}, {of.table.title}",
        "table": of.table,
        "key": key(of.table.id),
        "case": case,
        "surfaces": surface_folder(of.table, case.id),
        "columns": [(column, numbers.style(column)) for column in of.columns],
        "under": [column.title for column in of.columns[:UNDER_VIEWS]],
        "rows": rows,
        "first": first,
        "planes": case.observation.kind == "planes",
        "error_range": error_range_text(case),
        "scale": scale_text(case),
        "before": _neighbour(of, place - 1),
        "after": _neighbour(of, place + 1),
        "place": place + 1,
        "count": len(of.shown),
    }


def surface_folder(table: Table, case: str) -> str:
    """Where the surfaces of a case lie; tables of one task and revision under different profiles share them."""
    return f"surfaces/{key(f'{table.task}@{table.data_name}@{table.data_revision}@{table.split}')}/{key(case)}"


def surface_data(of: TableCases, case: Case, views: CaseViews) -> Iterator[tuple[str, Callable[[], object]]]:
    """(address of a data file, what makes its value) for the truth with the observation, and for every method."""
    folder = surface_folder(of.table, case.id)
    yield f"{folder}/scene", partial(case_scene, case)
    for line in of.lines:
        yield f"{folder}/{line.key}", partial(_method_record, of.table, line.entry.submission, case, views)


def _method_record(table: Table, submission: str, case: Case, views: CaseViews) -> object:
    return method_mesh(views.prediction(table, submission, case.id), case.truth)


def _row(of: TableCases, index: int, line: standing.Line, case: str) -> dict[str, object]:
    scores = of.at(index, case)
    cells = [
        standing.Cell(numbers.text(column, scores.values.get(column.metric)),
                      numbers.raw(scores.values.get(column.metric)))
        for column in of.columns
    ]  # fmt: skip
    return {
        "key": line.key, "method": line.entry.method, "control": line.entry.control, "rank": line.rank,
        "cells": cells, "failure": scores.failure,
    }  # fmt: skip


def _neighbour(of: TableCases, place: int) -> Neighbour | None:
    return Neighbour(key(of.shown[place]), of.shown[place]) if 0 <= place < len(of.shown) else None
