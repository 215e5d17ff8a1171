"""One submission from folder to verification, and the verification as a file: the same findings give the same bytes."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmark.data.shapes import ShapeDataset

from benchmark.errors import DataError, MethodError, UnknownNameError, UsageError
from benchmark.methods import find_method, hash_sources
from benchmark.provenance import code_hash, hardware, installed, numerical_versions, toolkit_version
from benchmark.records.files import write_whole
from benchmark.runner import make_deterministic
from benchmark.tasks import Task, find_task
from leaderboard.findings import RefusedError, found, shown
from leaderboard.model import Finding, Verification
from leaderboard.submission.layout import VERIFICATIONS, is_id
from leaderboard.submission.reading import Submission, read_files, read_submission
from leaderboard.submission.strict_json import Limits
from leaderboard.verify import plausibility
from leaderboard.verify.others import Company, safe_id
from leaderboard.verify.parsing import Cells, read_cells
from leaderboard.verify.scoring import (
    Rescored,
    case_findings,
    check_cases,
    check_metrics,
    difference_findings,
    differences,
    making_findings,
    reason,
    rescore,
)
from leaderboard.verify.volumes import CELL_BYTES, Truth, open_truth, read_volume

_RANKED_SPLITS = ("test", "zero_shot")
_INCOMPARABLE = {"data-revision-differs", "signatures-differ", "task-differs"}
_OTHER_LIBRARIES = ("pyarrow", "numba")


def verify(submission: Path, data: Path, *, others: Sequence[Path] = (), limits: Limits | None = None) -> Verification:
    """Verify one submission; `Verifier` verifies many on the same data.

    Args:
        submission: its folder, ``submissions/<id>``.
        data: folder of the data set.
        others: folders of other submissions, to look for copies and implausible gains.
        limits: on what is read.

    Raises:
        DataError: if the data set is damaged or of another schema version. What is wrong with a submission is told in
            the answer and never raised.
    """
    return Verifier(data, limits).verify(submission, others=others)


class Verifier:
    """Verifies submissions on one data set, whose files it has checked."""

    def __init__(self, data: Path, limits: Limits | None = None) -> None:
        """Open the data set.

        Raises:
            DataError: if it is damaged or of another schema version.
        """
        make_deterministic()
        self._truth: Truth = open_truth(data)
        given = limits or Limits()
        # No honest file is larger: cells that do not shrink at all, and a little for every case.
        enough = self._truth.most_cases * (CELL_BYTES + 2**12) + given.footer_bytes
        self._limits = replace(given, prediction_bytes=min(given.prediction_bytes, enough))
        self._company = Company(self._truth, self._limits)
        self.parsing_mib = 0.0
        """Peak memory of the process that parsed the last submission's predictions."""

    def verify(self, submission: Path, *, others: Sequence[Path] = ()) -> Verification:
        """Verify one submission; nothing is written anywhere."""
        self.parsing_mib = 0.0
        answer = Verification(safe_id(submission), "cannot", None, toolkit=toolkit())
        try:
            files = read_files(submission, self._limits)
            answer = replace(answer, files=dict(sorted(files.hashes.items())))
            with files.predictions:
                return self._recompute(read_submission(submission, files, self._limits), answer, others)
        except RefusedError as refusal:
            return replace(answer, findings=(refusal.finding,))

    def _recompute(self, submission: Submission, answer: Verification, others: Sequence[Path]) -> Verification:
        if submission.split not in _RANKED_SPLITS:
            raise RefusedError("split-not-ranked", f"the cases are of the split {shown(submission.split)}")
        try:
            task = find_task(submission.task)
        except UnknownNameError:
            raise RefusedError("task-unknown", f"there is no task {shown(submission.task)}") from None
        said = (*plausibility.said_findings(submission), *making_findings(submission, task, self._truth))
        if submission.revision != self._truth.revision:
            detail = f"the data here are revision {self._truth.revision}, the submission's {submission.revision}"
            return replace(answer, findings=(found("data-revision-differs", detail), *said))
        source = self._cases(submission)
        check_cases(submission, source, self._truth)
        cells = self._cells(submission, source)
        with cells.store:
            rescored = _rescore(cells, source, task, submission)
            check_metrics(submission, rescored)
            remembered = plausibility.memorisation(rescored, partial(read_volume, cells), self._truth)
            plausible = tuple(self._plausibility(submission, rescored, remembered, cells, others))
        compared = differences(submission, rescored)
        findings = (
            *difference_findings(compared),
            *case_findings(submission, cells, rescored),
            *said,
            *plausible,
        )
        incomparable = bool(_INCOMPARABLE & {finding.code for finding in findings})
        return replace(
            answer,
            verdict="cannot" if incomparable else "differs" if compared else "reproduced",
            largest_difference=None if incomparable else max((one.size for one in compared), default=0.0),
            findings=findings,
            data_revision=self._truth.revision,
            rows=tuple(vars(row) for one in rescored for row in one.rows),
            observations={one.case: one.observation for one in rescored},
            memorisation=remembered.ratios,
        )

    def _plausibility(
        self, submission: Submission, rescored: Sequence[Rescored], remembered: plausibility.Memorisation,
        cells: Cells, others: Sequence[Path],
    ) -> Iterator[Finding]:  # fmt: skip
        yield from plausibility.constant_findings(rescored)
        yield from plausibility.observation_findings(rescored)
        yield from plausibility.truth_findings(rescored, _is_told(submission))
        yield from plausibility.memorisation_findings(remembered, len(rescored))
        company, unread = self._company.read(others, submission)
        yield from plausibility.copy_findings(submission, rescored, partial(read_volume, cells), company)
        yield from plausibility.too_good_findings(submission.method, submission.control, rescored, company)
        yield from unread

    def _cases(self, submission: Submission) -> ShapeDataset:
        try:
            return self._truth.cases(submission.split)
        except DataError:
            raise RefusedError("split-not-ranked", f"the data have no split {shown(submission.split)}") from None

    def _cells(self, submission: Submission, source: ShapeDataset) -> Cells:
        """The predictions, every one of which is as the runner stores it.

        Raises:
            RefusedError: if they are not.
        """
        cells = read_cells(submission.files.predictions, list(source.ids), CELL_BYTES, self._limits)
        self.parsing_mib = cells.peak_mib
        if cells.refusal is not None:
            raise cells.refusal
        for case in cells.places:
            read_volume(cells, case)
        return cells


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


def toolkit() -> dict[str, object]:
    """What computed a verification: versions of everything that decides a number, and the machine."""
    machine = hardware("cpu")
    return {
        "version": toolkit_version(),
        "code_sha256": code_hash(),
        "verifier_sha256": hash_sources(Path(__file__).parents[1], skip=("rank", "site", "cli")),
        "libraries": numerical_versions() | {name: installed(name) for name in _OTHER_LIBRARIES},
        "machine": {key: machine[key] for key in ("machine", "system", "processor")},
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
    }


def _rescore(cells: Cells, source: ShapeDataset, task: Task, submission: Submission) -> list[Rescored]:
    rescored = []
    for index, name in enumerate(source.ids):
        prediction = read_volume(cells, name) if name in cells.places else None
        case = source.case(index, task.prompt)
        try:
            rescored.append(rescore(case, task, prediction, reason(submission, name)))
        except Exception as error:  # geometry libraries may raise anything for a volume made to that end
            raise RefusedError(
                "cell-unscorable", f"the prediction of {shown(name)}: {shown(repr(error), 200)}"
            ) from error
    return rescored


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
