"""Predictions, parsed in a process of its own with limits, whose answer is believed in nothing.

Each array is then judged by its Space and nothing else, and refused unless the runner would have stored it so.
"""

from __future__ import annotations

import json
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import BinaryIO

import numpy as np

from benchmark.contract import Array, Grid, Prediction, Space
from benchmark.spaces import MOST_POINTS, from_stored, problem_of, shape_of, stored_type, to_stored
from benchmark.tasks import Weighs
from leaderboard.asked import Asked
from leaderboard.findings import RefusedError, shown
from leaderboard.submission.strict_json import Limits
from leaderboard.verify import parsing_child
from leaderboard.verify.parsing_child import Job, peak_mib, read_header

_PROGRAM = (parsing_child.__file__,)
_CODES = {parsing_child.INVALID, parsing_child.LIMITS, parsing_child.CELL}
_STARTING_SECONDS = 60.0
"""Added to what parsing may take, for starting Python on a busy machine."""
_ENDING_SECONDS = 5.0
_GLANCE_SECONDS = 0.05
_PROBLEMS = {
    "not_finite": "has values that are not finite",
    "out_of_range": "has values that its Space does not have",
    "empty": "is empty, with no voxel inside or no points; it is a failed case",
}
_CASE_BYTES = 2**12
"""What a prediction may take in a file beside its cells."""


@dataclass
class Cells:
    """Predictions as they were submitted, case by case, on a disk but without a name there.

    Attributes:
        store: the cells one after another.
        parts: name -> bytes that a cell may have at most.
        places: case -> where its cells begin, and how long they are.
        refusal: why the file is refused, if it is.
        peak_mib: memory the parsing process took, by its own account or as it was seen.
    """

    store: BinaryIO
    parts: Mapping[str, int]
    places: dict[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    refusal: RefusedError | None = None
    peak_mib: float = 0.0

    def cells(self, case: str) -> dict[str, bytes]:
        """The bytes of a case's prediction by part.

        Raises:
            KeyError: if there is none.
        """
        start, sizes = self.places[case]
        self.store.seek(start)
        return {name: self.store.read(size) for name, size in zip(self.parts, sizes, strict=True)}


def read_cells(source: BinaryIO, cases: Sequence[str], parts: Mapping[str, int], limits: Limits) -> Cells:
    """Parse a file of predictions in a process with limits.

    The file is refused if it is damaged or not what it should be, is about other cases, about one twice, or not in
    order; and if the process dies or takes too long.

    Args:
        source: the file, whose descriptor is handed to the process.
        cases: that there may be predictions of, in order.
        parts: name -> bytes that a cell may have at most.
        limits: of the process.
    """
    cells = Cells(tempfile.TemporaryFile(), parts)  # noqa: SIM115 - lives as long as the answer
    process = _start(source, len(cases), parts, limits)
    stream = _Deadline(process, limits.parsing_seconds + _STARTING_SECONDS)
    complete = False
    try:
        complete = _receive(stream, cells, {case: place for place, case in enumerate(cases)})
    except RefusedError as refusal:
        cells.refusal = refusal
        complete = True
    finally:
        stream.glance()
        code = _end(process, wait=not complete and not stream.late)
        cells.peak_mib = max(cells.peak_mib, stream.peak_mib)
    if not complete:
        cells.refusal = _died(code, stream.late)
    return cells


def _receive(stream: _Deadline, cells: Cells, known: dict[str, int]) -> bool:
    """Take frames until the last one; False if the stream ends before it.

    Raises:
        RefusedError: if the process refuses the file, or it is about the wrong cases.
    """
    last, end = -1, 0
    while (header := read_header(stream)) is not None:
        peak = header.get("peak_mib")
        cells.peak_mib = peak if isinstance(peak, float) else 0.0
        if "refused" in header:
            code = str(header["refused"])
            raise RefusedError(code if code in _CODES else "parser-died", str(header.get("detail"))[:500])
        if "end" in header:
            return True
        case = header.get("case")
        if not isinstance(case, str) or case not in known:
            raise RefusedError("predictions-invalid", f"a prediction is of {shown(case)}, no case of this split")
        if case in cells.places:
            raise RefusedError("predictions-invalid", f"there are two predictions of {shown(case)}")
        if known[case] < last:
            raise RefusedError("predictions-invalid", f"the prediction of {shown(case)} is not where it should be")
        if (sizes := _sizes(header.get("sizes"), cells.parts)) is None:
            return False
        last, cells.places[case] = known[case], (end, sizes)
        for size in sizes:
            cell = stream.read(size)
            if len(cell) != size:
                del cells.places[case]
                return False
            end += cells.store.write(cell)
    return False


def _sizes(said: object, parts: Mapping[str, int]) -> tuple[int, ...] | None:
    """How long the cells of a row are; None if they cannot be."""
    if not isinstance(said, list) or len(said) != len(parts):
        return None
    if any(type(size) is not int or not 0 <= size <= most for size, most in zip(said, parts.values(), strict=True)):
        return None
    return tuple(said)


def _start(source: BinaryIO, most: int, parts: Mapping[str, int], limits: Limits) -> subprocess.Popen[bytes]:
    seconds = math.ceil(limits.parsing_seconds)
    job = Job(most, dict(parts), limits.footer_bytes, limits.parsing_bytes, seconds)
    source.seek(0)
    # The allocators that libraries bring reserve a gigabyte for themselves, which would count.
    environment = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    return subprocess.Popen(  # noqa: S603 - our own program; what is submitted comes as standard input
        [sys.executable, "-I", *_PROGRAM, json.dumps(asdict(job))],
        stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd="/", close_fds=True,
        start_new_session=True,
    )  # fmt: skip


class _Deadline:
    """The output of a process, readable until a moment."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self._process = process
        self._until = time.monotonic() + seconds
        self.late = False
        self.peak_mib = 0.0

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer where the stream ends or it is too late."""
        pieces = bytearray()
        pipe = self._process.stdout
        while len(pieces) < size and pipe is not None:
            ready, _, _ = select.select([pipe], [], [], _GLANCE_SECONDS)
            if ready:
                piece = os.read(pipe.fileno(), size - len(pieces))
                if not piece:
                    break
                pieces += piece
                continue
            self.glance()
            if time.monotonic() > self._until:
                self.late = True
                break
        return bytes(pieces)

    def glance(self) -> None:
        """Look at how much memory the process took so far, if it still runs."""
        self.peak_mib = max(self.peak_mib, peak_mib(str(self._process.pid)))


def _died(code: int, late: bool) -> RefusedError:
    if late or code == -signal.SIGXCPU:
        return RefusedError("parser-limits", "parsing the predictions takes longer than it may")
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return RefusedError("parser-died", f"the process that parsed the predictions ended with {how}")


def _end(process: subprocess.Popen[bytes], wait: bool) -> int:
    """End a process, or let one that is ending by itself do so, so that we learn how; its exit code."""
    if process.stdout is not None:
        process.stdout.close()
    if wait:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_ENDING_SECONDS)
    process.kill()
    return process.wait()


def most_prediction_bytes(asked: Asked) -> int:
    """Bytes that no honest file of predictions exceeds: cells that do not shrink at all, and a little for each."""
    return len(asked.cases) * (sum(asked.part_bytes.values()) + _CASE_BYTES)


def read_prediction(cells: Cells, case: str, asked: Asked) -> Prediction:
    """The prediction of a case.

    Raises:
        RefusedError: if it is not as the runner stores it, or would take minutes to score.
    """
    prediction = prediction_of(cells.cells(case), case, asked.grids[case], asked.outputs)
    costs = asked.family.too_costly(prediction) if isinstance(asked.family, Weighs) else None
    if costs is not None:
        raise RefusedError("cell-unscorable", f"the prediction of {shown(case)} {costs}")
    return prediction


def prediction_of(parts: Mapping[str, bytes], case: str, grid: Grid | None, outputs: Mapping[str, Space]) -> Prediction:
    """A prediction from the bytes of its parts.

    Raises:
        RefusedError: if the runner would not have stored it so.
    """
    return Prediction({name: _array(parts[name], f"{name} of {shown(case)}", space, grid)
                       for name, space in outputs.items()})  # fmt: skip


def _array(cell: bytes, what: str, space: Space, grid: Grid | None) -> Array:
    stored = np.frombuffer(cell, dtype=stored_type(space)).reshape(_shape(cell, what, space, grid))
    if space.kind not in ("labels", "choice") and not np.isfinite(stored).all():
        raise RefusedError("cell-invalid", f"{what} {_PROBLEMS['not_finite']}")
    array = from_stored(stored, space)
    again = to_stored(array, space)
    if not np.array_equal(again, stored):
        raise RefusedError("cell-invalid", f"{what} has values beyond the truncation, which are never stored")
    if again.tobytes() != cell:
        raise RefusedError("cell-invalid", f"{what} has negative zeros")
    if (problem := problem_of(array, space, grid)) is not None:
        raise RefusedError("cell-invalid", f"{what} {_PROBLEMS.get(problem, problem)}")
    return array


def _shape(cell: bytes, what: str, space: Space, grid: Grid | None) -> tuple[int, ...]:
    """The shape that so many bytes have; nothing is allocated before they are as many as they should be."""
    wanted = shape_of(space, grid)
    step = math.prod(size for size in wanted if size is not None) * stored_type(space).itemsize
    open_axes = wanted.count(None)
    if open_axes > 1:
        raise RefusedError("cell-invalid", f"{what}: its bytes do not tell a shape of {open_axes} open axes")
    length, rest = divmod(len(cell), step) if step else (0, len(cell))
    if rest or (not open_axes and length != 1) or length > MOST_POINTS:
        should = f"a multiple of {step}, up to {MOST_POINTS} times" if open_axes else str(step)
        raise RefusedError("cell-invalid", f"{what} has {len(cell)} bytes, not {should}")
    return tuple(length if size is None else size for size in wanted)
