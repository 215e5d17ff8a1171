"""Tables of what may be compared: one task and profile, one revision and split of the data, one set of signatures."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from leaderboard.model import Table
from leaderboard.rank.columns import columns_of, profile_title, table_place
from leaderboard.rank.lines import Candidate, lines_of
from leaderboard.rank.quotations import quoted_in, quoted_tables
from leaderboard.rank.reading import UnreadableError
from leaderboard.rank.results import Results
from leaderboard.rank.sheets import Sheet, sheets_of
from leaderboard.rank.submissions import Submission

Key = tuple[str, str, str, str, str, str]
"""Task, its version, profile, data revision, split, and the key of the sheet: signatures and cases."""
_UNKNOWN = "unknown"


def tables_of(results: Results) -> tuple[Table, ...]:
    """All tables: those with submissions in the order tasks and profiles are declared, then those that are only quoted.

    A submission that was refused, or that trusted code could not score, is in none. One without a verification is
    shown with its own numbers as self-reported, and is not ranked.
    """
    groups: dict[Key, list[Candidate]] = {}
    for submission in results.submissions:
        for sheet in _sheets(submission):
            groups.setdefault(_key(submission, sheet), []).append(Candidate(submission, sheet))
    tables = [_table(key, candidates) for key, candidates in groups.items()]
    tables.sort(key=lambda table: (*table_place(table.task, table.profile), -len(table.entries), table.id))
    return (*tables, *quoted_tables())


def revision_of(submission: Submission) -> str:
    """Revision of the data: of the truth that was used, else the one the submitter names."""
    if submission.verification is not None and submission.verification.data_revision:
        return submission.verification.data_revision
    return str(submission.document.get("data", {}).get("revision", _UNKNOWN))


def _sheets(submission: Submission) -> Sequence[Sheet]:
    if submission.refused or (submission.verification is not None and submission.verification.verdict == "cannot"):
        return ()
    try:
        rows = submission.verification.rows if submission.verification else submission.reported_rows()
        return list(sheets_of(rows).values())
    except UnreadableError:
        return ()


def _key(submission: Submission, sheet: Sheet) -> Key:
    configuration = submission.record.get("configuration")
    task = configuration.get("task") if isinstance(configuration, dict) else None
    version = task.get("version", 1) if isinstance(task, dict) else 1
    data = submission.document.get("data", {})
    return (
        str(submission.document["task"]), str(version), sheet.profile, revision_of(submission),
        str(data.get("split", "test")), sheet.key,
    )  # fmt: skip


def _table(key: Key, candidates: Sequence[Candidate]) -> Table:
    task, _, profile, revision, split, _ = key
    sheet = candidates[0].sheet
    columns = columns_of(task, profile, sheet.cases)
    headline = sheet.cases[columns[0].signature]
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()
    table = Table(
        id=f"{task}-{profile}-{split}-{revision[:8]}-{digest[:6]}",
        task=task,
        profile=profile,
        title=f"{task}: {profile_title(profile)}" + ("" if split == "test" else f", {split} split"),
        data_name=_data_name(candidates),
        data_revision=revision,
        split=split,
        headline=columns[0].metric,
        columns=columns,
        entries=lines_of(candidates, columns),
        subjects=len({case[1] for case in headline}),
        cases=len(headline),
    )
    return replace(table, quoted=quoted_in(table))


def _data_name(candidates: Sequence[Candidate]) -> str:
    """What most call the data set, those first whose numbers were computed here: one stranger cannot rename it."""
    for trusted in (True, False):
        said = [c.submission.document.get("data", {}).get("name", "") for c in candidates]
        names = Counter(
            str(name) for c, name in zip(candidates, said, strict=True) if name and c.submission.trusted is trusted
        )
        if names:
            return min(names, key=lambda name: (-names[name], name))
    return ""
