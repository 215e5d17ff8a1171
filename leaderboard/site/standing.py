"""What a table's lines say, ready for a template: order, texts, badges, and the raw numbers scripts sort by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.model import Column, Entry, Finding, Rank, Table, refuses
from leaderboard.site import numbers
from leaderboard.site.names import key

RANKED_TIERS = frozenset({"recomputed", "reproduced"})
"""Only what trusted code computed has a place, whatever a board says."""
_LAST = 1 << 30


@dataclass(frozen=True)
class Cell:
    """One value: its text, interval, and the numbers behind them ("" where there is none)."""

    text: str
    value: str
    interval: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True)
class Line:
    """One entry of a table as a template shows it."""

    entry: Entry
    key: str
    place: Rank | None
    rank: str
    cells: tuple[Cell, ...]
    seconds: Cell
    memory: Cell
    findings: tuple[Finding, ...]


def is_refused(entry: Entry) -> bool:
    """Whether nothing of it may be shown."""
    return refuses(entry.findings)


def rank_of(entry: Entry) -> Rank | None:
    """Its place; None for controls and for what nobody but the submitter computed."""
    return None if entry.control or entry.tier not in RANKED_TIERS else entry.rank


def columns(table: Table) -> list[Column]:
    """The table's columns, the headline first."""
    return sorted(table.columns, key=lambda column: column.metric != table.headline)


def headline(table: Table) -> Column | None:
    """The column that ranks; None if the table lacks it."""
    return next((column for column in table.columns if column.metric == table.headline), None)


def lines(table: Table) -> list[Line]:
    """The lines to show, best first; controls after the ranked ones, by their headline."""
    shown = [entry for entry in table.entries if not is_refused(entry)]
    return [line(table, entry) for entry in sorted(shown, key=lambda entry: _order(table, entry))]


def quoted(table: Table) -> list[Line]:
    """Lines of numbers that papers print."""
    return [line(table, entry) for entry in table.quoted if not is_refused(entry)]


def refused(table: Table) -> list[Entry]:
    """Entries of which only the refusal is shown."""
    return [entry for entry in (*table.entries, *table.quoted) if is_refused(entry)]


def line(table: Table, entry: Entry) -> Line:
    """One entry as a line."""
    return Line(
        entry=entry,
        key=key(entry.submission),
        place=rank_of(entry),
        rank=_rank(entry),
        cells=tuple(cell(column, entry) for column in columns(table)),
        seconds=_plain(entry.seconds_per_case),
        memory=_plain(entry.peak_mib),
        findings=tuple(finding for finding in entry.findings if finding.severity != "note"),
    )


def cell(column: Column, entry: Entry) -> Cell:
    """An entry's value in a column."""
    found = entry.values.get(column.metric)
    if found is None:
        return Cell(numbers.NOTHING, "")
    return Cell(
        numbers.text(column, found.value), numbers.raw(found.value), numbers.interval(column, found),
        numbers.raw(found.low), numbers.raw(found.high),
    )  # fmt: skip


def leaders(table: Table) -> list[Line]:
    """The ranked lines that nothing separates from the best one."""
    ranked = [(each, each.place.group) for each in lines(table) if each.place is not None]
    best = min((group for _, group in ranked), default=None)
    return [each for each, group in ranked if group == best]


def ranked_count(entries: Sequence[Entry]) -> int:
    """How many entries are ranked."""
    return sum(rank_of(entry) is not None for entry in entries)


def _order(table: Table, entry: Entry) -> tuple[int, float, int, str]:
    column = headline(table)
    value = entry.values.get(table.headline)
    sign = -1.0 if column is not None and column.higher_is_better else 1.0
    by_value = float("inf") if value is None or value.value != value.value else sign * value.value
    rank = rank_of(entry)
    return (rank.low if rank else _LAST + entry.control, by_value, rank.high if rank else 0, entry.submission)


def _rank(entry: Entry) -> str:
    if entry.control:
        return "control"
    rank = rank_of(entry)
    if rank is None:
        return numbers.NOTHING
    low, high = rank.low, rank.high
    return str(low) if low == high else f"{low}–{high}"


def _plain(value: float | None) -> Cell:
    return Cell(numbers.written("number", value), numbers.raw(value))
