"""Other submissions to compare one with; they are as hostile as the one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.contract import Volume
from benchmark.data.shapes import ShapeDataset
from benchmark.errors import DataError, UnknownNameError
from benchmark.metrics.packed import PackedMasks, pack, packed_dice
from benchmark.tasks import find_task
from leaderboard.model import Finding
from leaderboard.verify.limits import Limits
from leaderboard.verify.parsing.parent import Cells, read_cells
from leaderboard.verify.plausibility.copies import Other
from leaderboard.verify.plausibility.too_good import Errors, errors_by_subject
from leaderboard.verify.reading import Submitted, read_submitted, safe_id
from leaderboard.verify.refusal import RefusedError, found, shown
from leaderboard.verify.truth import Truth
from leaderboard.verify.volumes import volume_of


@dataclass(frozen=True, eq=False)
class Others:
    """Those that are about the same cases, their errors by subject, and what to say of those that cannot be read."""

    read: tuple[Other, ...] = ()
    errors: Mapping[str, Errors] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, eq=False)
class _Known:
    """What is kept of a submission that was read, with what it is about."""

    other: Other
    about: tuple[str, str, str]
    errors: Errors


class Company:
    """Reads other submissions once each; masks are kept, 32 KiB a case, whole volumes are read again if needed."""

    def __init__(self, truth: Truth, limits: Limits) -> None:
        """Compare on some data, reading within limits."""
        self._truth, self._limits = truth, limits
        self._known: dict[Path, _Known | RefusedError] = {}

    def read(self, folders: Iterable[Path], of: Submitted) -> Others:
        """The submissions that are about the same task, split and revision of the data, but not ``of`` itself."""
        known, findings = [], []
        for folder in folders:
            if folder.name == of.id:
                continue
            if folder not in self._known:
                self._known[folder] = self._meet(folder)
            one = self._known[folder]
            if isinstance(one, RefusedError):
                findings.append(found("other-not-read", f"{safe_id(folder)}: {one.code}"))
            elif one.about == _about(of):
                known.append(one)
        errors = {one.other.id: one.errors for one in known}
        return Others(tuple(one.other for one in known), errors, tuple(findings))

    def _meet(self, folder: Path) -> _Known | RefusedError:
        try:
            submitted = read_submitted(folder, self._limits)
            claims = submitted.claims
            if claims.revision != self._truth.revision:
                empty = Other(
                    submitted.id, claims.method, claims.authors, claims.control, {}, partial(_no_volume, submitted.id)
                )
                return _Known(empty, _about(submitted), {})
            source, task = self._truth.cases(claims.split), find_task(claims.task)
            cells = _cells_of(submitted, list(source.ids), self._limits)
            packed = {case: pack((read_volume(cells, case) < 0)[None]) for case in cells.places}
        except RefusedError as refusal:
            return refusal
        except (DataError, UnknownNameError) as error:
            return RefusedError("task-unknown", shown(error))
        read = partial(self._read_again, folder, submitted.id)
        other = Other(submitted.id, claims.method, claims.authors, claims.control, packed, read)
        return _Known(other, _about(submitted), _errors(packed, source, task.prompt))

    def _read_again(self, folder: Path, name: str, case: str) -> Volume:
        """A volume of a submission that was read before; its name says that the content is what it was."""
        if self._last is None or self._last[0] != name:
            submitted = read_submitted(folder, self._limits)
            if submitted.id != name:
                raise RefusedError("changed-while-reading", f"{safe_id(folder)} is another submission now")
            source = self._truth.cases(submitted.claims.split)
            self._last = name, _cells_of(submitted, list(source.ids), self._limits)
        return read_volume(self._last[1], case)

    _last: tuple[str, Cells] | None = None


def read_volume(cells: Cells, case: str) -> Volume:
    """The prediction of a case.

    Raises:
        RefusedError: if it is not as the runner stores it.
    """
    return volume_of(cells.cell(case), case)


def _about(submitted: Submitted) -> tuple[str, str, str]:
    return submitted.claims.task, submitted.claims.split, submitted.claims.revision


def _cells_of(submitted: Submitted, cases: Sequence[str], limits: Limits) -> Cells:
    cells = read_cells(submitted.files.predictions, submitted.files.predictions_name, cases, limits)
    submitted.files.predictions.close()
    if cells.refusal is not None:
        raise cells.refusal
    return cells


def _no_volume(name: str, case: str) -> Volume:
    raise KeyError(f"{name} is about other data and has no {case}")


def _errors(packed: Mapping[str, PackedMasks], source: ShapeDataset, prompt: str) -> Errors:
    """Errors by subject, from predictions and truth; a missing prediction is the worst."""
    values: list[tuple[str, float]] = []
    for index, name in enumerate(source.ids):
        case = source.case(index, prompt)
        truth = pack((case.truth < 0)[None])
        values.append((case.subject, 1 - _dice(packed.get(name), truth)))
    return errors_by_subject(values)


def _dice(mask: PackedMasks | None, truth: PackedMasks) -> float:
    return 0.0 if mask is None else float(np.nan_to_num(packed_dice(mask, truth, empty=0)[0]))
