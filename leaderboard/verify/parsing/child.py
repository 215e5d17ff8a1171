"""The parsing process: standard input is the file, standard output are frames, limits are set before parsing."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from typing import BinaryIO

from leaderboard.verify.parsing.frames import FaultError, write_frame
from leaderboard.verify.parsing.usage import peak_mib


def main() -> None:
    """Parse what standard input is; the first argument says what as, and the limits."""
    task = json.loads(sys.argv[1])
    _limit(int(task["memory"]), int(task["seconds"]))
    source, answer = sys.stdin.buffer, sys.stdout.buffer
    last: dict[str, object]
    count = 0
    try:
        for name, cell in _cells(task["form"], source, int(task["most"]), int(task["footer"])):
            write_frame(answer, {"case": name}, cell)
            count += 1
    except FaultError as fault:
        last = {"refused": fault.code, "detail": fault.detail}
    except MemoryError:
        last = {"refused": "predictions-memory", "detail": "parsing takes more memory than it may"}
    else:
        last = {"end": count}
    write_frame(answer, {**last, "peak_mib": peak_mib()})
    answer.flush()


def _cells(form: str, source: BinaryIO, most: int, footer: int) -> Iterator[tuple[str, bytes]]:
    if form == "predictions.parquet":
        from leaderboard.verify.parsing import parquet

        return parquet.cells(source, most, footer)
    from leaderboard.verify.parsing import npz

    return npz.cells(source, most)


def _limit(memory: int, seconds: int) -> None:
    for what, limit in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),  # it has no file to write to
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
