"""Headlines for the Hub's ``.eval_results``, through ``huggingface_hub``'s own class.

The Hub keeps one number a data set and task, without a direction: so only headlines of which more is better go there.
"""

from __future__ import annotations

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from leaderboard.model import Board, Entry, Table
from leaderboard.rank.lines import is_contender


def eval_results(
    board: Board,
    method: str,
    dataset_id: str,
    *,
    dataset_revision: str | None = None,
    source_url: str | None = None,
    date: str | None = None,
) -> str:
    """The text of ``.eval_results/<name>.yaml`` in the model repository of a method.

    Args:
        board: of which only ranked entries are used, at most one a task: that of the largest table.
        method: name of the method.
        dataset_id: the benchmark's data set on the Hub, "ORG/NAME"; its ``eval.yaml`` names our tasks as task ids.
        dataset_revision: git commit of that data set. Ours is the hash of a manifest, and goes into the notes.
        source_url: https address of the board.
        date: ISO 8601; without it the Hub takes that of the commit.

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
            dataset_revision=dataset_revision,
            date=date,
            source_url=source_url,
            notes=_notes(table, entry),
        )
        for task, (table, entry) in sorted(found.items())
    ]
    text: str = yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)
    return text


def _notes(table: Table, entry: Entry) -> str:
    value = entry.values[table.headline]
    span = "" if value.low is None or value.high is None else f", 95 % interval {value.low:.3f} to {value.high:.3f}"
    ranked = sum(each.rank is not None for each in table.entries)
    place = f", rank {entry.rank.low} to {entry.rank.high} of {ranked}" if entry.rank else ""
    return (
        f"class-macro {table.headline}{span}{place}; {entry.scored} of {entry.expected} cases scored; {entry.tier}; "
        f"data revision {table.data_revision[:12]}"
    )
