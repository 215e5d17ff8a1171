"""Pages of methods (all about a submission, what was verified of it, its ranks) and of the data sets they ran on."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.model import Board, MethodPage, Table, Verification, refuses
from leaderboard.site import ranking
from leaderboard.site.files import key
from leaderboard.site.ranking import SEVERITIES, TIERS
from leaderboard.site.sources import DataSet

MOST_FILES = 50
_VERDICTS = {
    "reproduced": "Every number is, bit for bit, the reported one.",
    "differs": "At least one number is not the reported one; the numbers shown are ours.",
    "cannot": "The numbers could not be computed; the findings say why.",
}


def method_context(board: Board, page: MethodPage, verification: Verification | None) -> dict[str, object]:
    """What the template of a method page needs."""
    refused = refuses(page.findings)
    ranks = [
        (table, key(table.id), ranking.line(table, entry), ranking.columns(table))
        for table in board.tables
        for entry in (*table.entries, *table.quoted)
        if entry.submission == page.submission and not ranking.is_refused(entry) and not refused
    ]
    return {
        "title": page.method,
        "page": page,
        "refused": refused,
        "tier_note": TIERS.get(page.tier, ""),
        "severities": SEVERITIES,
        "ranks": ranks,
        "hardware": sorted({line.entry.hardware for _, _, line, _ in ranks if line.entry.hardware}),
        "verification": verification,
        "verdict_note": _VERDICTS.get(verification.verdict, "") if verification else "",
        "computed_by": _flat(verification.toolkit) if verification else [],
        "files": sorted(verification.files.items())[:MOST_FILES] if verification else [],
        "memorisation": _memorisation(verification) if verification else "",
    }


def _memorisation(verification: Verification) -> str:
    """How many cases lie nearer to a training shape than to the truth."""
    ratios = list(verification.memorisation.values())
    if not ratios:
        return ""
    nearer = sum(ratio < 1 for ratio in ratios)
    middle = sorted(ratios)[len(ratios) // 2]
    return (
        f"{nearer} of {len(ratios)} predictions lie nearer to a training shape than to the truth; "
        f"the median ratio of the two distances is {middle:.3g}"
    )


def _flat(record: dict[str, object], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in record.items():
        if isinstance(value, dict):
            found += _flat({str(inner): each for inner, each in value.items()}, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", str(value)))
    return found


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
