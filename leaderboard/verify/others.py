"""Other submissions to compare one with; they are as hostile as the one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from benchmark.data.shapes import ShapeDataset

from benchmark.contract import Volume
from benchmark.errors import DataError, UnknownNameError
from benchmark.metrics.packed import PackedMasks, packed_dice
from benchmark.tasks import find_task
from leaderboard.findings import RefusedError, found, shown
from leaderboard.model import Finding
from leaderboard.submission.layout import is_id
from leaderboard.submission.reading import Submission, read_files, read_submission
from leaderboard.submission.strict_json import Limits
from leaderboard.verify.parsing import Cells, read_cells
from leaderboard.verify.plausibility import Errors, Other, errors_by_subject
from leaderboard.verify.volumes import CELL_BYTES, Truth, mask_of, read_volume

About = tuple[str, str, str]
"""Task, split and revision of the data."""


class Company:
    """Reads other submissions once each; masks are kept, 32 KiB a case, whole volumes are read again if needed."""

    def __init__(self, truth: Truth, limits: Limits) -> None:
        """Compare on some data, reading within limits."""
        self._truth, self._limits = truth, limits
        self._known: dict[Path, tuple[About, Other] | RefusedError] = {}
        self._last: tuple[str, Cells] | None = None

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
            elif known[0] == _about(of):
                others.append(known[1])
        return others, findings

    def _meet(self, folder: Path) -> tuple[About, Other] | RefusedError:
        packed: dict[str, PackedMasks] = {}
        errors: Errors = {}
        try:
            submission = read(folder, self._limits)
            with submission.files.predictions:
                if submission.revision == self._truth.revision:
                    source, task = self._truth.cases(submission.split), find_task(submission.task)
                    cells = cells_of(submission, list(source.ids), self._limits)
                    packed = {case: mask_of(read_volume(cells, case)) for case in cells.places}
                    errors = _errors(packed, source, task.prompt)
        except RefusedError as refusal:
            return refusal
        except (DataError, UnknownNameError) as error:
            return RefusedError("task-unknown", shown(error))
        again = partial(self._read_again, folder, submission.id)
        other = Other(
            submission.id, submission.method, submission.authors, submission.control, packed, again, errors
        )  # fmt: skip
        return _about(submission), other

    def _read_again(self, folder: Path, name: str, case: str) -> Volume:
        """A volume of a submission that was read before; its name says that the content is what it was."""
        if self._last is None or self._last[0] != name:
            submission = read(folder, self._limits)
            with submission.files.predictions:
                if submission.id != name:
                    raise RefusedError("changed-while-reading", f"{safe_id(folder)} is another submission now")
                source = self._truth.cases(submission.split)
                self._last = name, cells_of(submission, list(source.ids), self._limits)
        return read_volume(self._last[1], case)


def read(folder: Path, limits: Limits) -> Submission:
    """A stranger's submission.

    Raises:
        RefusedError: with the first fault.
    """
    return read_submission(folder, read_files(folder, limits), limits)


def cells_of(submission: Submission, cases: Sequence[str], limits: Limits) -> Cells:
    """The predictions of a submission, as bytes.

    Raises:
        RefusedError: if they are not as they should be.
    """
    cells = read_cells(submission.files.predictions, cases, CELL_BYTES, limits)
    if cells.refusal is not None:
        raise cells.refusal
    return cells


def safe_id(folder: Path) -> str:
    """What to call a folder in a record: its name, or a fixed word if that is not what a submission is called."""
    return folder.name if is_id(folder.name) else "unnamed"


def _about(submission: Submission) -> About:
    return submission.task, submission.split, submission.revision


def _errors(packed: Mapping[str, PackedMasks], source: ShapeDataset, prompt: str) -> Errors:
    """Errors by subject, from predictions and truth; a missing prediction is the worst."""
    values: list[tuple[str, float]] = []
    for index, name in enumerate(source.ids):
        case = source.case(index, prompt)
        mask = packed.get(name)
        right = 0.0 if mask is None else float(np.nan_to_num(packed_dice(mask, mask_of(case.truth), empty=0)[0]))
        values.append((case.subject, 1 - right))
    return errors_by_subject(values)
