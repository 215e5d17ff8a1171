"""A program that makes submissions and can be told to die: lines ``RUN TO HOW WHEN`` on standard input, tab-separated.

HOW: ``before`` or ``after`` the WHEN-th step that changes the disk (a file written, an fsync, a move), or ``whole``.
RUN is ``RUN|DATA``, or ``PREDICTIONS|DATA|TASK`` to make the submission from predictions instead. Each line is done in
a forked process; the answer is its exit code, and in ``whole`` runs the number of steps follows.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leaderboard.submission import Author, ModelCard, SubmissionError
from leaderboard.submission.elsewhere import from_predictions
from leaderboard.submission.making import make_submission

CARD = ModelCard((Author("A. B"),), title="Mine", licence="MIT", training_sets=("none",), notes="killed")
FAR = ModelCard((Author("A. B"),), "elsewhere", "Elsewhere", "MIT", training_sets=("medshapenet",))


class Steps:
    """Counts what changes the disk, and dies at one of these steps."""

    def __init__(self, how: str, when: int) -> None:
        self.how, self.when, self.count = how, when, 0

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            if self.how == "before" and self.count == self.when:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*arguments, **options)
            if self.how == "after" and self.count == self.when:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call


def run(source: str, to: str, how: str, when: str) -> tuple[int, int]:
    steps = Steps(how, int(when))
    os.fsync = steps.counted(os.fsync)
    Path.write_bytes = steps.counted(Path.write_bytes)
    Path.rename = steps.counted(Path.rename)
    try:
        folder, data, *task = source.split("|")
        if task:
            from_predictions(Path(folder), task[0], Path(data), FAR, Path(to))
        else:
            make_submission(Path(folder), Path(to), CARD, Path(data))
    except SubmissionError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return error.exit_code, steps.count
    return 0, steps.count


def serve() -> None:
    import torch

    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            code, count = run(*line.rstrip("\n").split("\t"))
            os.write(writing, str(count).encode())
            os._exit(code)
        os.close(writing)
        count_text = os.read(reading, 20).decode() or "0"
        os.close(reading)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)} {count_text}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
