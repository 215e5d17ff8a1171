"""One self-contained HTML file from run records: `build_report`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from markupsafe import Markup

from benchmark.contract import Case
from benchmark.errors import DataError, RunError, UnknownNameError
from benchmark.metrics.base import Metric
from benchmark.observations import observation_hash
from benchmark.provenance import toolkit_version
from benchmark.records.files import write_whole
from benchmark.report import notes
from benchmark.report.entries import (
    Entry,
    flatten,
    focus_of,
    group_ids,
    headings,
    headline_of,
    load_entries,
    metrics_of,
)
from benchmark.report.page import PAGE
from benchmark.report.plot import category_plot
from benchmark.report.selection import RULE, RULE_BY_HAND, check_names, select_cases
from benchmark.report.summary import category_lanes, difference_rows, method_rows
from benchmark.report.views import SHOWN_AT_FIRST, ShownCase, row_order, show_cases
from benchmark.tasks import Draws, Task, family_of, find_task

CaseReader = Callable[[str], Case]
"""Case id → case."""


def build_report(
    runs: list[Path], data_dir: Path, output: Path, cases: list[str] | None = None, limit_cases: int = 7
) -> None:
    """Write a report that opens from disk, without any network.

    Args:
        runs: run folders of one task on one data set; the first of method "genmed", else the first, is in focus.
        data_dir: the data set the runs were made on (for the truth and the observations in the pictures).
        output: the HTML file; written whole or not at all.
        cases: case ids to show in 3D; None picks ``limit_cases`` by the rule in `benchmark.report.selection`.
        limit_cases: how many cases to pick; 0 makes a report without pictures.

    Raises:
        RunError: if the runs do not belong together, or a case is in none of them.
        DataError: if the data set cannot be read or is not the one the runs were made on.
        WriteError: when the disk refuses.
    """
    entries = load_entries(runs)
    command = ["genmed-bench", "report", *map(str, runs), "-o", str(output)]
    html = render_report(entries, _case_reader(entries[0], data_dir), cases, limit_cases, shlex.join(command))
    write_whole(output, html.encode("utf-8"))


def render_report(
    entries: Sequence[Entry],
    read: CaseReader,
    cases: Sequence[str] | None = None,
    limit_cases: int = 7,
    command: str = "",
) -> str:
    """The HTML of a report on runs that belong together (see `build_report`).

    Raises:
        RunError: if no case is finished, or a wanted case is in none of the runs.
        DataError: if a case is not observed as it was in the run.
    """
    focus = focus_of(entries)
    task = _task_of(focus)
    family = family_of(task)
    columns = metrics_of(entries)
    if not columns:
        raise RunError(f"{focus.run.path} has no finished case to report")
    headline = headline_of(task, columns)
    columns = [headline, *(column for column in columns if column is not headline)]
    drawn = isinstance(family, Draws) and "groups" not in focus.run.provenance
    first = {column.name: column for column in reversed(columns)}
    captions = [first[name] for name in family.captions if name in first] if isinstance(family, Draws) else columns[:3]
    if cases is None:
        most = limit_cases if drawn else 0
        chosen = select_cases(notes.headline_rows(focus, headline), most, headline.higher_is_better is not False)
        rule = RULE.format(metric=headline.column, focus=focus.label, count=len(chosen))
    else:
        chosen, rule = check_names(cases, group_ids(entries)), RULE_BY_HAND
    in_views = row_order(entries, focus)
    shown: list[ShownCase] = []
    if isinstance(family, Draws) and chosen:
        shown = show_cases(family, _checked(chosen, read, focus), in_views, focus, captions)
    differences, problems = difference_rows(entries, captions, focus)
    plot = category_plot(category_lanes(entries, headline), [entry.label for entry in entries], headline.column)
    return PAGE.render("report.html", {
        "title": notes.title(focus),
        "subtitle": notes.subtitle(focus),
        "version": toolkit_version(),
        "synthetic": notes.synthetic_note(entries),
        "facts": notes.facts(entries, focus),
        "groups": headings(columns),
        "columns": columns,
        "methods": method_rows(entries, columns, focus),
        "focus": focus.label,
        "headline": headline.column,
        "scores_note": notes.scores_note(columns),
        "plot": Markup(plot),  # noqa: S704 - made by `category_plot`, which escapes what it is given
        "plot_note": notes.plot_note(),
        "differences": differences,
        "difference_columns": captions,
        "differences_note": notes.differences_note(focus, problems),
        "cases": shown,
        "categories": sorted({case.category for case in shown}),
        "selection_note": rule,
        "viewer_title": "Cases in slices and 3D" if any(case.sliced for case in shown) else "Cases in 3D",
        "sliced": any(case.sliced for case in shown),
        "structures": list(dict.fromkeys(name for case in shown for name in case.structures)),
        "paints": frozenset[str]().union(*(case.paints for case in shown)),
        "exact": all(case.exact for case in shown),
        "error_range": shown[0].error_range if shown else "",
        "shown_methods": [entry.label for entry in in_views],
        "first_methods": [entry.label for entry in in_views[:SHOWN_AT_FIRST]],
        "surface_note": notes.surface_note(any(case.sliced for case in shown)),
        "rows": _case_rows(entries, headline, shown),
        "provenance": [{"label": entry.label, "entries": flatten(entry.run.provenance)} for entry in entries],
        "command": command,
    })  # fmt: skip


def _task_of(entry: Entry) -> Task:
    try:
        return find_task(entry.run.task)
    except UnknownNameError as error:
        raise RunError(f"{entry.run.path} is a run of a task this version does not have: {error}") from error


def _case_reader(entry: Entry, data_dir: Path) -> CaseReader:
    """Reads cases of the data set as the run saw them."""
    data = entry.run.configuration.get("data")
    split = str(data.get("split", "test")) if isinstance(data, dict) else "test"
    task = _task_of(entry)
    source = family_of(task).cases(task, data_dir, split)

    def read(case_id: str) -> Case:
        try:
            return source.case(case_id)
        except KeyError:
            raise DataError(
                f"{data_dir} has no case {case_id} in its {split} split; is it the data of the runs?"
            ) from None

    return read


def _checked(chosen: Sequence[str], read: CaseReader, focus: Entry) -> Iterator[Case]:
    """Cases whose observation is, bit for bit, the one the run was given."""
    for case_id in chosen:
        case = read(case_id)
        recorded = focus.run.observations.get(case_id, {}).get("sha256")
        if recorded is not None and recorded != observation_hash(case.observations):
            raise DataError(f"case {case_id} is observed differently in {focus.run.path}; is it the data of the runs?")
        yield case


def _case_rows(entries: Sequence[Entry], headline: Metric, shown: Sequence[ShownCase]) -> list[dict[str, object]]:
    """The table of every case: facts and the headline value of each method."""
    keys = {case.id: case.key for case in shown}
    seen = {row.case: row.subject for entry in entries for row in entry.run.rows}
    categories: dict[str, dict[str, None]] = {}
    for row in (row for entry in entries for row in entry.run.rows):
        categories.setdefault(row.case, {})[row.category] = None
    return [
        {
            "case": case,
            "key": keys.get(case),
            "category": ", ".join(categories.get(case, ())),
            "subject": seen.get(case, ""),
            "cells": [_case_cell(entry, case, headline) for entry in entries],
        }
        for case in group_ids(entries)
    ]


def _case_cell(entry: Entry, case: str, headline: Metric) -> dict[str, object]:
    value = entry.mean(case, headline.signature)
    return {"value": value, "status": entry.status(case), "text": headline.text(value)}
