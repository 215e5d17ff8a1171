"""One submission from folder to verification, and the verification as a file: the same findings give the same bytes."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.contract import Prediction
from benchmark.determinism import make_deterministic
from benchmark.errors import BenchError, MethodError, UnknownNameError, UsageError
from benchmark.methods import find_method, hash_sources
from benchmark.provenance import code_hash, hardware, installed, numerical_versions, toolkit_version
from benchmark.records.files import write_whole
from benchmark.tasks import Task, family_of, find_task
from leaderboard.asked import About, Asked, Truth, open_truth
from leaderboard.findings import RefusedError, found, shown
from leaderboard.model import Finding, Verification
from leaderboard.submission.layout import VERIFICATIONS, is_id
from leaderboard.submission.reading import Submission
from leaderboard.submission.strict_json import Limits
from leaderboard.verify import plausibility
from leaderboard.verify.others import Company, about, cells_of, peek, safe_id, take, understood
from leaderboard.verify.parsing import read_prediction
from leaderboard.verify.scoring import (
    Rescored,
    answers_of,
    case_findings,
    check_cases,
    check_metrics,
    difference_findings,
    differences,
    making_findings,
    rescore_all,
)

_RANKED_SPLITS = ("test", "zero_shot")
_INCOMPARABLE = {"data-revision-differs", "signatures-differ", "task-differs"}
_OTHER_LIBRARIES = ("pyarrow", "numba")


def verify(
    submission: Path, data: Path | Sequence[Path], *, others: Sequence[Path] = (), limits: Limits | None = None
) -> Verification:
    """Verify one submission; `Verifier` verifies many on the same data.

    Args:
        submission: its folder, ``submissions/<id>``.
        data: folder of the data set, or several: the one that has the submission's revision counts.
        others: folders of other submissions, to look for copies and implausible gains.
        limits: on what is read.

    Raises:
        DataError: if a data set is damaged or of another schema version. What is wrong with a submission is told in
            the answer and never raised.
    """
    return Verifier(data, limits).verify(submission, others=others)


class Verifier:
    """Verifies submissions on data sets whose files it has checked, each on the one it was made on."""

    def __init__(self, data: Path | Sequence[Path], limits: Limits | None = None) -> None:
        """Open the data sets.

        Raises:
            DataError: if one is damaged or of another schema version.
        """
        make_deterministic()
        folders = [data] if isinstance(data, Path) else list(data)
        self._limits = limits or Limits()
        self._companies = [Company(open_truth(folder), self._limits) for folder in folders]
        self.parsing_mib = 0.0
        """Peak memory of the process that parsed the last submission's predictions."""

    def verify(self, submission: Path, *, others: Sequence[Path] = ()) -> Verification:
        """Verify one submission; nothing is written anywhere."""
        self.parsing_mib = 0.0
        answer = Verification(safe_id(submission), "cannot", None, toolkit=toolkit(None))
        try:
            company = self._company(peek(submission, self._limits))
            files = take(submission, company.truth, self._limits)
            answer = replace(answer, files=dict(sorted(files.hashes.items())))
            with files.predictions:
                said = understood(submission, files, company.truth, self._limits)
                return self._recompute(said, company, answer, others)
        except RefusedError as refusal:
            return replace(answer, findings=(refusal.finding,))

    def _company(self, of: About | None) -> Company:
        """The data that a submission is about; the first where it is about none of them."""
        return next((each for each in self._companies if of and each.truth.has(of)), self._companies[0])

    def _recompute(
        self, submission: Submission, company: Company, answer: Verification, others: Sequence[Path]
    ) -> Verification:
        truth = company.truth
        task = _task(submission)
        answer = replace(answer, toolkit=toolkit(task))
        said = (*plausibility.said_findings(submission), *making_findings(submission, task, truth))
        if not truth.has(about(submission)):
            here, _ = truth.identity_of(task.name, submission.split)
            detail = f"the data here are revision {here or 'unknown'}, the submission's {submission.revision}"
            return replace(answer, findings=(found("data-revision-differs", detail), *said))
        asked = _asked(truth, task, submission.split)
        check_cases(submission, asked, truth)
        cells = cells_of(submission, asked, self._limits)
        self.parsing_mib = cells.peak_mib
        if cells.refusal is not None:
            raise cells.refusal
        with cells.store:
            for case in cells.places:
                read_prediction(cells, case, asked)
            rescored = rescore_all(cells, asked, submission)
            check_metrics(submission, rescored)
            answers = answers_of(rescored)

            def again(case: str) -> Prediction:
                return read_prediction(cells, case, asked)

            remembered = plausibility.memorisation(answers, again, asked.family, company.training(task))
            company_kept, unread = company.read(others, submission)
            plausible = (
                *plausibility.constant_findings(answers),
                *plausibility.observation_findings(answers),
                *plausibility.truth_findings(answers, _is_told(submission)),
                *plausibility.memorisation_findings(remembered, len(answers)),
                *plausibility.copy_findings(submission, answers, again, company_kept, asked.family),
                *_too_good(submission, asked, rescored, company_kept),
                *unread,
            )
        compared = differences(submission, rescored)
        findings = (
            *difference_findings(compared),
            *case_findings(submission, asked.groups, cells, rescored),
            *said,
            *plausible,
        )
        incomparable = bool(_INCOMPARABLE & {finding.code for finding in findings})
        return replace(
            answer,
            verdict="cannot" if incomparable else "differs" if compared else "reproduced",
            largest_difference=None if incomparable else max((one.size for one in compared), default=0.0),
            findings=findings,
            data_revision=submission.revision,
            rows=tuple(vars(row) for one in rescored for row in one.rows),
            observations={one.case: one.observation for one in answers},
            memorisation=remembered.ratios,
        )


def _task(submission: Submission) -> Task:
    if submission.split not in _RANKED_SPLITS:
        raise RefusedError("split-not-ranked", f"the cases are of the split {shown(submission.split)}")
    try:
        return find_task(submission.task)
    except UnknownNameError:
        raise RefusedError("task-unknown", f"there is no task {shown(submission.task)}") from None


def _asked(truth: Truth, task: Task, split: str) -> Asked:
    try:
        return truth.asked(task, split)
    except BenchError:
        raise RefusedError("split-not-ranked", f"the data have no split {shown(split)} of this task") from None


def _too_good(
    submission: Submission, asked: Asked, rescored: Sequence[Rescored], others: Sequence[plausibility.Other]
) -> Iterator[Finding]:
    rows = [row for one in rescored for row in one.rows]
    metric = asked.headline({row.signature for row in rows})
    if metric is None or submission.control:
        return
    errors = plausibility.errors_of(rows, metric)
    yield from plausibility.too_good_findings(submission.method, submission.control, errors, others)


def write_verification(results: Path, verification: Verification) -> Path:
    """Write ``verification/<id>.json`` of a results folder, whole or not at all; an older one is replaced.

    Returns:
        The file: JSON with sorted keys, without a time or anything else that another run would not repeat.

    Raises:
        UsageError: if the id cannot be a file name, or the folder for verifications is a link.
        WriteError: when the disk refuses.
    """
    folder = results / VERIFICATIONS
    if not is_id(verification.submission):
        raise UsageError(f"{verification.submission!r} is no id of a submission")
    if folder.is_symlink():
        raise UsageError(f"{folder} is a link; verifications are written to a folder of their own")
    text = json.dumps(dataclasses.asdict(verification), ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1)
    path = folder / f"{verification.submission}.json"
    write_whole(path, f"{text}\n".encode())
    return path


def toolkit(task: Task | None) -> dict[str, object]:
    """What computed a verification: versions of everything that decides a number of a task, and the machine."""
    machine = hardware("cpu")
    return {
        "version": toolkit_version(),
        **({} if task is None else {"code_sha256": code_hash(family_of(task))}),
        "verifier_sha256": hash_sources(Path(__file__).parents[1], skip=("rank", "site", "cli")),
        "libraries": numerical_versions() | {name: installed(name) for name in _OTHER_LIBRARIES},
        "machine": {key: machine[key] for key in ("machine", "system", "processor")},
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
    }


def _is_told(submission: Submission) -> bool:
    """Whether the method is a control that says that it is given the truth, or is known here to be one."""
    if not submission.control:
        return False
    if submission.document["method"].get("sees_truth") is True:
        return True
    try:
        return find_method(submission.method).spec.sees_truth
    except (UnknownNameError, MethodError):
        return False
