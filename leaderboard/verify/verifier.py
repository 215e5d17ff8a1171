"""One submission from folder to verification."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from benchmark.data.shapes import ShapeDataset
from benchmark.determinism import make_deterministic
from benchmark.errors import DataError, MethodError, UnknownNameError
from benchmark.methods import find_method
from benchmark.tasks import Task, find_task
from leaderboard.model import Finding, Verification
from leaderboard.verify.claims import Claims
from leaderboard.verify.differences import (
    case_findings,
    check_cases,
    check_metrics,
    claim_findings,
    difference_findings,
    differences,
)
from leaderboard.verify.folder import read_folder
from leaderboard.verify.limits import Limits
from leaderboard.verify.others import Company, read_volume
from leaderboard.verify.parsing.frames import CELL_BYTES
from leaderboard.verify.parsing.parent import Cells, read_cells
from leaderboard.verify.plausibility import copies, simple, too_good
from leaderboard.verify.reading import Submitted, check_submitted, safe_id
from leaderboard.verify.record import toolkit
from leaderboard.verify.refusal import RefusedError, found, shown
from leaderboard.verify.scoring import Examined, Reported, examine
from leaderboard.verify.texts import suspicions
from leaderboard.verify.truth import Truth, open_truth

_INCOMPARABLE = {"data-revision-differs", "signatures-differ", "task-differs"}
_MOST_TEXTS = 20
"""Findings about texts that are kept, of a submission that has more of them."""


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
            files = read_folder(submission, self._limits)
            answer = replace(answer, files=dict(sorted(files.hashes.items())))
            with files.predictions:
                return self._recompute(check_submitted(files, self._limits), answer, others)
        except RefusedError as refusal:
            return replace(answer, findings=(refusal.finding,))

    def _recompute(self, submitted: Submitted, answer: Verification, others: Sequence[Path]) -> Verification:
        claims = submitted.claims
        try:
            task = find_task(claims.task)
        except UnknownNameError:
            raise RefusedError("task-unknown", f"there is no task {shown(claims.task)}") from None
        said = (*_said(claims), *claim_findings(claims, task, self._truth))
        if claims.revision != self._truth.revision:
            detail = f"the data here are revision {self._truth.revision}, the submission's {claims.revision}"
            return replace(answer, findings=(found("data-revision-differs", detail), *said))
        source = self._cases(claims)
        reported = check_cases(claims, source, self._truth)
        cells = self._cells(submitted, source)
        with cells.store:
            examined = _examine(cells, source, task, Reported(reported))
            check_metrics(reported, examined)
            remembered = copies.memorisation(examined, partial(read_volume, cells), self._truth)
            plausible = tuple(self._plausibility(submitted, examined, remembered, cells, others))
        compared = differences(reported, examined)
        findings = (
            *difference_findings(compared),
            *case_findings(reported, claims, cells, examined),
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
            rows=tuple(vars(row) for one in examined for row in one.rows),
            observations={one.case: one.observation for one in examined},
            memorisation=remembered.ratios,
        )

    def _plausibility(
        self, submitted: Submitted, examined: Sequence[Examined], remembered: copies.Memorisation, cells: Cells,
        others: Sequence[Path],
    ) -> Iterator[Finding]:  # fmt: skip
        claims = submitted.claims
        yield from simple.constant_findings(examined)
        yield from simple.observation_findings(examined)
        yield from copies.truth_findings(examined, _is_told(claims))
        yield from copies.memorisation_findings(remembered, len(examined))
        company = self._company.read(others, submitted)
        yield from copies.copy_findings(claims, examined, partial(read_volume, cells), company.read)
        yield from too_good.too_good_findings(claims.method, claims.control, examined, company.errors, company.read)
        yield from company.findings

    def _cases(self, claims: Claims) -> ShapeDataset:
        try:
            return self._truth.cases(claims.split)
        except DataError:
            raise RefusedError("split-not-ranked", f"the data have no split {shown(claims.split)}") from None

    def _cells(self, submitted: Submitted, source: ShapeDataset) -> Cells:
        """The predictions, every one of which is as the runner stores it.

        Raises:
            RefusedError: if they are not.
        """
        files = submitted.files
        cells = read_cells(files.predictions, files.predictions_name, list(source.ids), self._limits)
        self.parsing_mib = cells.peak_mib
        if cells.refusal is not None:
            raise cells.refusal
        for case in cells.places:
            read_volume(cells, case)
        return cells


def _examine(cells: Cells, source: ShapeDataset, task: Task, reported: Reported) -> list[Examined]:
    examined = []
    for index, name in enumerate(source.ids):
        prediction = read_volume(cells, name) if name in cells.places else None
        case = source.case(index, task.prompt)
        try:
            examined.append(examine(case, task, prediction, reported.reason(name)))
        except Exception as error:  # geometry libraries may raise anything for a volume made to that end
            raise RefusedError(
                "cell-unscorable", f"the prediction of {shown(name)}: {shown(repr(error), 200)}"
            ) from error
    return examined


def _said(claims: Claims) -> Iterator[Finding]:
    """What can be told of a submission's words alone."""
    yield from simple.seed_findings(claims)
    yield from simple.training_findings(claims)
    yield from simple.timing_findings(claims)
    texts = (finding for name, value in simple.unsafe_texts(claims).items() for finding in suspicions(value, name))
    yield from islice(texts, _MOST_TEXTS)


def _is_told(claims: Claims) -> bool:
    """Whether the method is a control that says that it is given the truth, or is known here to be one."""
    if not claims.control:
        return False
    if claims.document["method"].get("sees_truth") is True:
        return True
    try:
        return find_method(claims.method).spec.sees_truth
    except (UnknownNameError, MethodError):
        return False
