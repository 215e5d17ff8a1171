"""A table as JSON and CSV to download."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict

from leaderboard.model import Entry, Interval, Table

_DANGEROUS = frozenset("=+-@\t\r\n|%＝＋－＠")
"""What a spreadsheet may take for the beginning of a formula, full-width forms included."""


def table_json(table: Table) -> str:
    """Everything the table has, as JSON; the same table gives the same text."""
    return json.dumps(asdict(table), ensure_ascii=False, allow_nan=False, indent=1, sort_keys=True) + "\n"


def table_csv(table: Table) -> str:
    """A line an entry, quoted ones last: value and interval of every metric, rank interval, counts, cost.

    Texts are defused: one that a spreadsheet could take for a formula gets an apostrophe in front. Numbers stay
    numbers, negative ones too.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    metrics = [column.metric for column in table.columns]
    spans = [name for metric in metrics for name in (metric, f"{metric}_low", f"{metric}_high")]
    heading = ["submission", "method", "tier", "control", "rank_low", "rank_high", "group", *spans]
    heading += ["scored", "expected", "seconds_per_case", "peak_mib", "hardware", "pareto", "findings"]
    writer.writerow([cell(name) for name in heading])
    for entry in (*table.entries, *table.quoted):
        writer.writerow([cell(value) for value in _line(entry, metrics)])
    return stream.getvalue()


def cell(value: object) -> str:
    """One cell as text.

    >>> cell("=1+1"), cell(-0.5), cell(" -5"), cell(None), cell(True)
    ("'=1+1", '-0.5', "' -5", '', 'yes')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value).replace("\0", "")
    begins = text[:1] in _DANGEROUS or text.lstrip()[:1] in _DANGEROUS
    return f"'{text}" if text and begins else text


def _line(entry: Entry, metrics: list[str]) -> Iterator[object]:
    yield from (entry.submission, entry.method, entry.tier, entry.control)
    rank = entry.rank
    yield from (rank.low, rank.high, rank.group) if rank else (None, None, None)
    for metric in metrics:
        found = entry.values.get(metric)
        yield from (found.value, found.low, found.high) if isinstance(found, Interval) else (None, None, None)
    yield from (entry.scored, entry.expected, entry.seconds_per_case, entry.peak_mib, entry.hardware, entry.pareto)
    yield "; ".join(sorted({finding.code for finding in entry.findings}))
