"""Tables as JSON and CSV to download, and headlines for the Hub's ``.eval_results``.

The Hub keeps one number a data set and task, without a direction: so only headlines of which more is better go there.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict

from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
from huggingface_hub.utils import yaml_dump  # type: ignore[attr-defined] # its own way of writing YAML

from leaderboard.model import Board, Entry, Interval, Table
from leaderboard.rank.lines import is_contender

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


def eval_results(
    board: Board,
    method: str,
    dataset_id: str,
    *,
    source_url: str | None = None,
) -> str:
    """The text of ``.eval_results/<name>.yaml`` in the model repository of a method.

    Args:
        board: of which only ranked entries are used, at most one a task: that of the largest table.
        method: name of the method.
        dataset_id: the benchmark's data set on the Hub, "ORG/NAME"; its ``eval.yaml`` names our tasks as task ids.
        source_url: https address of the board.

    Raises:
        ValueError: if the method has no ranked headline of which more is better.
    """
    found: dict[str, tuple[Table, Entry]] = {}
    for table in board.tables:
        column = next((each for each in table.columns if each.metric == table.headline), None)
        if column is None or not column.higher_is_better or table.split != "test":
            continue
        for entry in table.entries:
            if entry.method == method and is_contender(entry) and entry.rank is not None:
                known = found.get(table.task)
                if known is None or table.cases > known[0].cases:
                    found[table.task] = (table, entry)
    if not found:
        raise ValueError(f"method {method!r} has no ranked headline of which more is better")
    entries = [
        EvalResultEntry(
            dataset_id=dataset_id,
            task_id=task,
            value=round(entry.values[table.headline].value, 6),
            source_url=source_url,
            notes=_notes(table, entry),
        )
        for task, (table, entry) in sorted(found.items())
    ]
    text: str = yaml_dump(eval_result_entries_to_yaml(entries), sort_keys=False)
    return text


def _notes(table: Table, entry: Entry) -> str:
    value = entry.values[table.headline]
    span = "" if value.low is None or value.high is None else f", 95 % interval {value.low:.3f} to {value.high:.3f}"
    ranked = sum(each.rank is not None for each in table.entries)
    ranks = f", rank {entry.rank.low} to {entry.rank.high} of {ranked}" if entry.rank else ""
    return (
        f"class-macro {table.headline}{span}{ranks}; {entry.scored} of {entry.expected} cases scored; {entry.tier}; "
        f"data revision {table.data_revision[:12]}"
    )
