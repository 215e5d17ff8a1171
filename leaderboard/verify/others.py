"""Reading submissions, and other ones to compare one with; they are as hostile as the one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmark.contract import Prediction
from benchmark.errors import BenchError
from benchmark.metrics.packed import PackedMasks
from benchmark.records.rows import Row
from benchmark.tasks import Task, family_of, find_task
from leaderboard.asked import About, Asked, Truth
from leaderboard.findings import RefusedError, found, shown
from leaderboard.model import Finding
from leaderboard.rank.results import verification_beside
from leaderboard.submission.layout import DOCUMENT, PREDICTIONS, is_id
from leaderboard.submission.reading import Files, Submission, read_files, read_plain, read_submission
from leaderboard.submission.strict_json import Limits, read_object
from leaderboard.verify.parsing import Cells, most_prediction_bytes, read_cells, read_prediction
from leaderboard.verify.plausibility import Errors, Other, errors_of
from leaderboard.verify.scoring import rescore_all
from leaderboard.verify.screening import Training, digest_of, mask_of, telling


class Company:
    """Reads other submissions once each; hashes and masks are kept, whole predictions are read again if needed."""

    def __init__(self, truth: Truth, limits: Limits) -> None:
        """Compare on some data, reading within limits."""
        self.truth, self._limits = truth, limits
        self._known: dict[Path, tuple[About, Other] | RefusedError] = {}
        self._last: tuple[str, Submission, Cells, Asked] | None = None
        self._training: dict[str, Training] = {}
        self._errors: dict[str, Errors] = {}

    def training(self, task: Task) -> Training:
        """The training examples of a task."""
        if task.name not in self._training:
            self._training[task.name] = Training(self.truth.training(task), family_of(task).outputs(task))
        return self._training[task.name]

    def read(self, folders: Iterable[Path], of: Submission) -> tuple[list[Other], list[Finding]]:
        """The submissions about the same task, split and data but ``of`` itself; and what cannot be read."""
        others, findings = [], []
        for folder in folders:
            if folder.name == of.id:
                continue
            if folder not in self._known:
                self._known[folder] = self._meet(folder)
            known = self._known[folder]
            if isinstance(known, RefusedError):
                findings.append(found("other-not-read", f"{safe_id(folder)}: {known.code}"))
            elif known[0] == about(of):
                others.append(known[1])
        return others, findings

    def _meet(self, folder: Path) -> tuple[About, Other] | RefusedError:
        packed: dict[str, PackedMasks | None] = {}
        digests: dict[str, str] = {}
        try:
            submission = read(folder, self.truth, self._limits)
            with submission.files.predictions:
                if self.truth.has(about(submission)):
                    asked, cells = self._cells(submission)
                    for case in cells.places:
                        prediction = read_prediction(cells, case, asked)
                        packed[case] = mask_of(prediction, asked.outputs)
                        if telling(prediction, asked.outputs):
                            digests[case] = digest_of(prediction, asked.outputs)
        except RefusedError as refusal:
            return refusal
        except BenchError as error:
            return RefusedError("task-unknown", shown(error))
        other = Other(
            submission.id, submission.method, submission.authors, submission.control, packed, digests,
            partial(self._read_again, folder, submission.id), partial(self._errors_of, folder, submission.id),
        )  # fmt: skip
        return about(submission), other

    def _cells(self, submission: Submission) -> tuple[Asked, Cells]:
        asked = self.truth.asked(find_task(submission.task), submission.split)
        cells = cells_of(submission, asked, self._limits)
        if cells.refusal is not None:
            raise cells.refusal
        return asked, cells

    def _open_again(self, folder: Path, name: str) -> tuple[str, Submission, Cells, Asked]:
        """A submission that was read before; its name says that the content is what it was."""
        if self._last is None or self._last[0] != name:
            submission = read(folder, self.truth, self._limits)
            with submission.files.predictions:
                if submission.id != name:
                    raise RefusedError("changed-while-reading", f"{safe_id(folder)} is another submission now")
                asked, cells = self._cells(submission)
                self._last = name, submission, cells, asked
        return self._last

    def _read_again(self, folder: Path, name: str, case: str) -> Prediction:
        _, _, cells, asked = self._open_again(folder, name)
        return read_prediction(cells, case, asked)

    def _errors_of(self, folder: Path, name: str) -> Errors:
        """Errors by subject of the headline: as trusted code recorded them beside the submission, else scored here."""
        if name not in self._errors:
            _, submission, cells, asked = self._open_again(folder, name)
            recorded = verification_beside(submission)
            if recorded:
                rows = [Row(**row) for row in recorded.rows]  # type: ignore[arg-type]
            else:
                rows = [row for one in rescore_all(cells, asked, submission) for row in one.rows]
            metric = asked.headline({row.signature for row in rows})
            self._errors[name] = {} if metric is None else errors_of(rows, metric)
        return self._errors[name]


def peek(folder: Path, limits: Limits) -> About | None:
    """What a folder says it is about, before anything large of it is read; None if it says nothing of use."""
    try:
        document = read_object(read_plain(folder / DOCUMENT, limits.document_bytes), DOCUMENT, limits)
        data = document["data"]
        said = document["task"], data["split"], data["revision"]
    except (RefusedError, KeyError, TypeError):
        return None
    return About(*said) if all(isinstance(each, str) for each in said) else None


def read(folder: Path, truth: Truth, limits: Limits) -> Submission:
    """A stranger's submission.

    Raises:
        RefusedError: with the first fault.
    """
    return understood(folder, take(folder, truth, limits), truth, limits)


def take(folder: Path, truth: Truth, limits: Limits) -> Files:
    """Its files; the predictions are copied only if they are of cases at hand and no larger than any honest ones.

    Raises:
        RefusedError: if the folder or a file in it is not what it should be.
    """
    enough = _enough(peek(folder, limits), truth)
    if enough is None:
        return read_files(folder, limits, keep=False)
    most = min(limits.prediction_bytes, enough + limits.footer_bytes)
    return read_files(folder, replace(limits, prediction_bytes=most))


def understood(folder: Path, files: Files, truth: Truth, limits: Limits) -> Submission:
    """What these files say.

    Raises:
        RefusedError: with the first fault.
    """
    submission = read_submission(folder, files, limits)
    kept = files.predictions.seek(0, 2)
    files.predictions.seek(0)
    if kept != files.sizes[PREDICTIONS] and _enough(about(submission), truth) is not None:
        raise RefusedError("changed-while-reading", f"{DOCUMENT} is not what it was a moment ago")
    return submission


def _enough(of: About | None, truth: Truth) -> int | None:
    """The most that predictions can take; None if they are of nothing that is here."""
    if of is None or not truth.has(of):
        return None
    try:
        return most_prediction_bytes(truth.asked(find_task(of.task), of.split))
    except BenchError:
        return None


def cells_of(submission: Submission, asked: Asked, limits: Limits) -> Cells:
    """The predictions of a submission, as bytes, or why they are refused."""
    return read_cells(submission.files.predictions, asked.cases, asked.part_bytes, limits)


def safe_id(folder: Path) -> str:
    """What to call a folder in a record: its name, or a fixed word if that is not what a submission is called."""
    return folder.name if is_id(folder.name) else "unnamed"


def about(submission: Submission) -> About:
    """What a submission is about."""
    return About(submission.task, submission.split, submission.revision)
