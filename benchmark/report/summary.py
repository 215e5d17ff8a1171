"""The numbers of the tables: averages of run records by `benchmark.statistics`, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmark.errors import RunError
from benchmark.metrics.base import NOT_APPLICABLE, Metric
from benchmark.report.entries import Entry
from benchmark.report.plot import Lane
from benchmark.statistics import Estimate, Table, cluster_bootstrap, compare, summarise


@dataclass(frozen=True)
class Cell:
    """One number of a table: ``value`` sorts, ``text`` is read."""

    text: str
    value: float | None
    interval: str = ""
    best: bool = False
    status: str = "ok"


@dataclass(frozen=True)
class MethodRow:
    """One line of the table of methods. ``colour`` picks the class m0, m1, ... of the method everywhere."""

    label: str
    description: str
    colour: int
    focus: bool
    cells: list[Cell]


@dataclass(frozen=True)
class DifferenceRow:
    """The run in focus minus another, class-macro, paired by case."""

    label: str
    colour: int
    cells: list[Cell]
    reading: str


def method_rows(entries: Sequence[Entry], columns: Sequence[Metric], focus: Entry) -> list[MethodRow]:
    """The table of methods: the headline with its interval, its micro mean, the other metrics, counts, seconds."""
    rows = [
        MethodRow(entry.label, _description(entry), index, entry is focus, _cells(entry, columns))
        for index, entry in enumerate(entries)
    ]
    ranked = [i for i, entry in enumerate(entries) if not _sees_truth(entry)]
    for place, column in enumerate(_with_micro(columns)):
        known = [(value, i) for i in ranked if (value := rows[i].cells[place].value) is not None]
        if len(known) > 1 and column.higher_is_better is not None:
            best = max(known)[0] if column.higher_is_better else min(known)[0]
            for value, i in known:
                if value == best:
                    cell = rows[i].cells[place]
                    rows[i].cells[place] = Cell(cell.text, cell.value, cell.interval, best=True)
    return rows


def _with_micro(columns: Sequence[Metric]) -> list[Metric]:
    return [columns[0], columns[0], *columns[1:]]


def _cells(entry: Entry, columns: Sequence[Metric]) -> list[Cell]:
    summaries = {summary.signature: summary for summary in summarise(entry.run.rows)}
    cells: list[Cell] = []
    for index, column in enumerate(columns):
        summary = summaries.get(column.signature)
        if summary is None:
            cells += [Cell("–", None)] * (2 if index == 0 else 1)
            continue
        macro = summary.macro
        cells.append(Cell(column.text(macro.value), macro.value, _interval(macro, column.text) if index == 0 else ""))
        if index == 0:
            cells.append(Cell(column.text(summary.micro), summary.micro))
    done, failed = entry.done(columns[0].signature)
    scored = done - failed
    expected = len(entry.run.group_ids)
    status = "ok" if scored == expected else f"{failed} failed (scored worst), {expected - done} not run"
    cells.append(Cell(f"{scored}/{expected}", scored, status=status))
    seconds = [float(timing["seconds"]) for timing in entry.run.timings.values() if "seconds" in timing]
    mean = sum(seconds) / len(seconds) if seconds else None
    cells.append(Cell("–" if mean is None else f"{mean:.2g}" if mean < 10 else f"{mean:.0f}", mean))
    return cells


def difference_rows(
    entries: Sequence[Entry], columns: Sequence[Metric], focus: Entry
) -> tuple[list[DifferenceRow], list[str]]:
    """Rows for every other run that compares with the one in focus, and why the others do not."""
    rows: list[DifferenceRow] = []
    problems: list[str] = []
    for index, entry in enumerate(entries):
        if entry is focus:
            continue
        try:
            found = {each.signature: each for each in compare(focus.run, entry.run)}
        except RunError as error:
            problems.append(str(error))
            continue
        cells = []
        for column in columns:
            each = found.get(column.signature)
            cells.append(Cell("–", None) if each is None else _difference(each.difference, column))
        headline = found.get(columns[0].signature)
        reading = "" if headline is None else _reading(headline.difference, columns[0])
        rows.append(DifferenceRow(entry.label, index, cells, reading))
    return rows, problems


def category_lanes(entries: Sequence[Entry], column: Metric) -> list[Lane]:
    """Case values, mean and interval of the headline in every category of every method."""
    lanes: list[Lane] = []
    for entry in entries:
        rows = [r for r in entry.run.rows if r.signature == column.signature and r.status != NOT_APPLICABLE]
        for category in sorted({row.category for row in rows}):
            these = [row for row in rows if row.category == category and row.value is not None]
            values = tuple(float(row.value) for row in these if row.value is not None)
            estimate = cluster_bootstrap(Table(values, [category] * len(values), [row.subject for row in these]))
            lanes.append(Lane(category, entry.label, values, estimate.value, estimate.low, estimate.high))
    return sorted(lanes, key=lambda lane: lane.category)


def _difference(difference: Estimate, column: Metric) -> Cell:
    return Cell(_signed(column, difference.value), difference.value, _interval(difference, partial(_signed, column)))


def _reading(difference: Estimate, column: Metric) -> str:
    if difference.low is None or difference.high is None:
        return "too few subjects"
    if difference.low <= 0 <= difference.high:
        return "not separated"
    if column.higher_is_better is None:
        return "different"
    better = (difference.low > 0) == column.higher_is_better
    return "better" if better else "worse"


def _signed(column: Metric, value: float) -> str:
    return ("+" if value >= 0 else "−") + column.text(abs(value))


def _interval(estimate: Estimate, text: Callable[[float], str]) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{text(estimate.low)}, {text(estimate.high)}]"


def _description(entry: Entry) -> str:
    method = entry.run.configuration.get("method", {})
    return str(method.get("title", entry.run.method)) if isinstance(method, dict) else entry.run.method


def _sees_truth(entry: Entry) -> bool:
    method = entry.run.configuration.get("method", {})
    return isinstance(method, dict) and bool(method.get("sees_truth", entry.run.method == "oracle"))
