"""Pages of the data sets that the tables rest on."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.model import Board, Table
from leaderboard.site.names import key
from leaderboard.site.sources import DataSet


def data_sets_of(board: Board, known: Sequence[DataSet]) -> list[tuple[str, DataSet, list[Table]]]:
    """(address, data set, tables) of all that is ranked, as it is described or with no more than its name.

    The revision says which data set it is; the name is only what submitters call it.
    """
    described = {each.revision: each for each in known}
    tables: dict[tuple[str, str], list[Table]] = {}
    for table in board.tables:
        if not table.entries:
            continue  # quoted rows rest on data of their own
        tables.setdefault((table.data_name, table.data_revision), []).append(table)
    return [
        (data_set_key(*where), described.get(where[1], DataSet(*where)), found)
        for where, found in sorted(tables.items())
    ]


def data_set_key(name: str, revision: str) -> str:
    """File name of a data set's page."""
    return key(f"{name}@{revision}")


def data_set_context(data_set: DataSet, tables: Sequence[Table]) -> dict[str, object]:
    """What the template of a data-set page needs."""
    splits: dict[str, tuple[int, int]] = {}
    for table in tables:
        cases, subjects = splits.get(table.split, (0, 0))
        splits[table.split] = (max(cases, table.cases), max(subjects, table.subjects))
    return {
        "title": data_set.title or data_set.name or "A data set without a name",
        "data_set": data_set,
        "splits": sorted(splits.items()),
        "tables": [(table, key(table.id)) for table in tables],
    }
