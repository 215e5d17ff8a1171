"""What a table shows, ready for a template: lines in order, texts, badges, words, and the raw numbers scripts sort by.

Numbers have the digits that carry information; ``static/numbers.js`` writes them in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.metrics.base import Metric, Signature
from leaderboard.model import Column, Entry, Finding, Interval, Rank, Table, refuses
from leaderboard.site.files import key

TIERS = {
    "quoted": "printed in a paper, copied from there; not recomputed, never ranked",
    "self-reported": "reported by its submitter; nothing was recomputed",
    "recomputed": "computed by us from the submitted predictions and the pinned truth",
    "reproduced": "computed by us from predictions that we made anew from the submitted weights",
}
SEVERITIES = {
    "refused": "nothing of the submission is shown",
    "flagged": "shown, but read this first",
    "note": "good to know",
}


def sentence(finding_code: str) -> str:
    """A kebab-case code as words.

    >>> sentence("equal-to-truth")
    'equal to truth'
    """
    return finding_code.replace("-", " ")


NOTHING = "–"
_BILLION = 1e9


def style(column: Column) -> str:
    """How a column's values are written, for `benchmark.metrics.base.Metric.text` and ``static/numbers.js``."""
    return column.digits


def text(column: Column, value: float | None) -> str:
    """A value of a column; a dash for what is not a finite number."""
    known = value is not None and math.isfinite(value)
    metric = Metric(column.metric, Signature(column.signature), digits=column.digits)
    return metric.text(value if known else None)


def number(value: float | None) -> str:
    """A number that is no metric, with three digits; a dash for what is not a finite number.

    >>> number(12.345), number(1234.5), number(None)
    ('12.3', '1235', '–')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    size = abs(value)
    if size >= _BILLION or 0 < size < 1e-4:
        return f"{value:.2e}"
    if size >= 100:
        return f"{value + 1e-9:.0f}"
    decimals = 2 - (math.floor(math.log10(size)) if size else 0)
    return f"{value:.{decimals}f}"


def interval(column: Column, of: Interval) -> str:
    """The 95 % interval in brackets, or nothing where there is none."""
    if of.low is None or of.high is None:
        return ""
    return f"[{text(column, of.low)}, {text(column, of.high)}]"


def raw(value: float | None) -> str:
    """A value for a machine: the shortest text that has six digits, empty for none.

    >>> raw(0.1234567), raw(None)
    ('0.123457', '')
    """
    return "" if value is None or not math.isfinite(value) else f"{value:.6g}"


def short(value: float | None) -> float | None:
    """A value for a script, with six digits."""
    return None if value is None else float(f"{value:.6g}")


RANKED_TIERS = frozenset({"recomputed", "reproduced"})
"""Only what trusted code computed has a rank, whatever a board says."""
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
    rank: Rank | None
    rank_text: str
    cells: tuple[Cell, ...]
    seconds: Cell
    memory: Cell
    findings: tuple[Finding, ...]


def is_refused(entry: Entry) -> bool:
    """Whether nothing of it may be shown."""
    return refuses(entry.findings)


def rank_of(entry: Entry) -> Rank | None:
    """Its rank; None for controls and for what nobody but the submitter computed."""
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
        rank=rank_of(entry),
        rank_text=_rank_text(entry),
        cells=tuple(cell(column, entry) for column in columns(table)),
        seconds=_plain(entry.seconds_per_case),
        memory=_plain(entry.peak_mib),
        findings=tuple(finding for finding in entry.findings if finding.severity != "note"),
    )


def cell(column: Column, entry: Entry) -> Cell:
    """An entry's value in a column."""
    found = entry.values.get(column.metric)
    if found is None:
        return Cell(NOTHING, "")
    return Cell(
        text(column, found.value), raw(found.value), interval(column, found),
        raw(found.low), raw(found.high),
    )  # fmt: skip


def leaders(table: Table) -> list[Line]:
    """The ranked lines that nothing separates from the best one."""
    ranked = [(each, each.rank.group) for each in lines(table) if each.rank is not None]
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


def _rank_text(entry: Entry) -> str:
    if entry.control:
        return "control"
    rank = rank_of(entry)
    if rank is None:
        return NOTHING
    low, high = rank.low, rank.high
    return str(low) if low == high else f"{low}–{high}"


def _plain(value: float | None) -> Cell:
    return Cell(number(value), raw(value))
