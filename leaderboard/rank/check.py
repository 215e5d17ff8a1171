"""Is a results folder what it says? For the continuous integration of a results repository."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from leaderboard.findings import OF_OTHERS, RefusedError, changes
from leaderboard.model import SEVERITIES, Finding, Verification, refuses
from leaderboard.rank.results import WITHDRAWN, Result, is_folder, names_in, read_results, read_withdrawal
from leaderboard.rank.score_table import score_tables_of
from leaderboard.submission.layout import PREDICTIONS, SUBMISSIONS, VERIFICATIONS
from leaderboard.submission.reading import hash_plain

_KEPT = (SUBMISSIONS, VERIFICATIONS, WITHDRAWN)
_COMPARED = (
    "submission", "verdict", "largest_difference", "files", "data_revision", "observations", "memorisation"
)  # fmt: skip
"""Of a verification; the toolkit and machine may be others."""
Verify = Callable[[Path], Verification]
"""Computes the scores of a submission anew from its predictions and the pinned truth."""


def check(results: Path, verify: Verify, base: Path | None = None) -> list[Finding]:
    """Everything that is wrong with a results folder. Nothing of severity "refused" may be merged.

    * every submission has its files and no others, a valid ``submission.json`` and the id its content gives;
    * every submission has a verification of exactly these files that did not refuse it, and computing it again
      gives the same rows, bit for bit;
    * no file that was there before is gone or changed;
    * nobody submits the same predictions twice under one method, and no method is submitted under somebody else's name.

    Args:
        results: the folder.
        verify: called with every submission's folder; with a base only with those that are new or whose verification
            is, because the others were computed again when they came.
        base: an older state to compare with.

    Returns:
        Findings, worst first; the detail begins with the submission or path it is about.
    """
    try:
        found = list(_changes(results, base)) if base is not None else []
        found += _strays(results)
        submissions = read_results(results).submissions
    except FileNotFoundError as error:
        return [Finding("no-results", "refused", str(error))]
    for submission in submissions:
        found += _submission(submission)
        if base is None or _is_new(submission, results, base):
            found += _again(submission, verify, new=base is not None)
    found += _duplicates(submissions)
    return sorted(found, key=lambda finding: (SEVERITIES.index(finding.severity), finding.code, finding.detail))


def passes(findings: list[Finding]) -> bool:
    """Whether nothing was refused."""
    return not refuses(findings)


def _submission(submission: Result) -> Iterator[Finding]:
    for finding in submission.all_findings:
        yield Finding(finding.code, finding.severity, f"{submission.id}: {finding.detail}")
    recorded = submission.verification
    if recorded is None:
        what = f"{submission.id}: there is no {VERIFICATIONS}/{submission.id}.json about these files"
        yield Finding("not-verified", "refused", f"{what}; a maintainer runs genmed-bench verify")
        return
    if recorded.verdict == "cannot":
        yield Finding("not-recomputed", "refused", f"{submission.id}: its scores could not be computed")
    try:
        score_tables_of(recorded.rows)
    except RefusedError as error:
        yield Finding(error.code, "refused", f"{submission.id}: its verification: {error.detail}")


def _again(submission: Result, verify: Verify, new: bool) -> Iterator[Finding]:
    """Compare what was recorded with what is found now.

    A flag that is found but not recorded would not be seen on the site, so the record is refused: whoever wrote it may
    have left the flag out. An old record may lack what only later submissions showed.
    """
    recorded = submission.verification
    if recorded is None or submission.refused:
        return
    if recorded.remade:
        what = f"{submission.id}: its predictions are said to be made anew from the weights, which is not tried here"
        yield Finding("remade-not-tried", "refused" if new else "flagged", what)
    try:
        fresh = verify(submission.folder)
    except Exception as error:  # whatever goes wrong with a stranger's files is a finding, not a crash
        yield Finding("verify-failed", "refused", f"{submission.id}: verify failed: {type(error).__name__}: {error}")
        return
    unrecorded = [finding for finding in fresh.findings if finding not in recorded.findings]
    for finding in unrecorded:
        severity = finding.severity
        yield Finding(finding.code, severity, f"{submission.id}: found now, not recorded: {finding.detail}")
    flags = [one for one in unrecorded if one.severity == "flagged" and (new or one.code not in OF_OTHERS)]
    differing = changes(
        _compared(recorded), {**_compared(fresh), **{f"finding {one.code}": one.detail for one in flags}}
    )
    if differing:
        what = f"{submission.id}: computed again, the verification differs, recorded -> now: {differing}"
        yield Finding("verification-differs", "refused", f"{what}; verify --write it")


def _compared(verification: Verification) -> dict[str, object]:
    """What has to be the same of a verification; its rows, whose order counts, by what they are of."""
    record = asdict(verification)
    rows = {
        f"row {number} ({row.get('metric')} of {row.get('case')}, {row.get('category')})": row
        for number, row in enumerate(verification.rows, 1)
    }
    return {**{name: record[name] for name in _COMPARED}, **rows}


def _duplicates(submissions: tuple[Result, ...]) -> Iterator[Finding]:
    same: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
    authors: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for submission in submissions:
        if submission.said is not None:
            same[submission.said.task, submission.method, submission.hashes[PREDICTIONS]].append(submission)
            authors[submission.method].add(submission.owner[1:])
    for (_, method, _), those in sorted(same.items()):
        if len(those) > 1:
            ids = ", ".join(each.id for each in those)
            yield Finding("submitted-twice", "refused", f"{ids}: the same predictions of {method} under several ids")
    for method, owners in sorted(authors.items()):
        if len(owners) > 1:
            yield Finding("name-shared", "flagged", f"{method}: submitted by {len(owners)} different groups of authors")


def _strays(results: Path) -> Iterator[Finding]:
    """Verifications and withdrawals of nothing, and what is no file of its own."""
    known = set(names_in(results / SUBMISSIONS))
    for top in (VERIFICATIONS, WITHDRAWN):
        for name in names_in(results / top):
            if not name.endswith(".json") or name.removesuffix(".json") not in known:
                yield Finding("stray-file", "refused", f"{top}/{name}: there is no such submission")
            elif top == WITHDRAWN:
                yield from _withdrawal(results / top / name)


def _withdrawal(path: Path) -> Iterator[Finding]:
    where = f"{WITHDRAWN}/{path.name}"
    try:
        said = read_withdrawal(path)
    except RefusedError as error:
        yield Finding(error.code, "refused", f"{where}: {error.detail}")
        return
    if set(said) != {"date", "reason"} or not all(isinstance(each, str) and each for each in said.values()):
        yield Finding("withdrawal-invalid", "refused", f'{where}: it has to say {{"date": "...", "reason": "..."}}')


def _is_new(submission: Result, results: Path, base: Path) -> bool:
    """Whether the base did not have this submission with this verification; changed files are found elsewhere."""
    path = Path(VERIFICATIONS) / f"{submission.id}.json"
    if not (base / path).exists() or not is_folder(base / SUBMISSIONS / submission.id):
        return True
    return _content(base / path) != _content(results / path)


def _changes(results: Path, base: Path) -> Iterator[Finding]:
    """What became of the files of an older state of a results folder: files may come, none may go or change."""
    for path in sorted(_plain_files(base)):
        now = results / path
        if not os.path.lexists(now):
            yield Finding("old-file-deleted", "refused", f"{path} is gone: withdraw by {WITHDRAWN}/ID.json")
        elif _content(now) != _content(base / path):
            yield Finding("old-file-changed", "refused", f"{path} is not what it was: submit anew instead")


def _plain_files(results: Path) -> Iterator[str]:
    """Paths of all files, links and other entries that have to stay as they are; links are not followed."""
    for top in _KEPT:
        if (results / top).is_symlink():
            yield top
            continue
        for folder, names, files in os.walk(results / top):
            links = [name for name in names if (Path(folder) / name).is_symlink()]
            for name in (*files, *links):
                yield (Path(folder) / name).relative_to(results).as_posix()


def _content(path: Path) -> str:
    """SHA-256 of a plain file; something that no file has for anything else."""
    if path.is_symlink():
        return f"link to {path.readlink()}"
    try:
        return hash_plain(path)
    except RefusedError as error:
        return error.code
