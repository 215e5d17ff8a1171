"""A program that runs a small plan and can be told to die: ``interrupted_run.py OUT [HOW WHEN [WHAT]]``.

WHAT: ``sets`` runs a family that scores several cases as one, instead of shape completion.

HOW: ``kill-before`` or ``kill-after`` the WHEN-th fsync, or ``tear`` the WHEN-th append in the middle and
die; ``file-limit`` lets no file grow beyond WHEN bytes, as a full disk would; ``slow`` only takes longer.
With ``serve`` it reads such lines from standard input and forks a process for each (torch loads once).
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from pathlib import Path

import torch
from sets_family import sets_plan
from synthetic import Calls, Wobbly, make_plan

from benchmark.errors import BenchError
from benchmark.records import files, writer
from benchmark.runner import execute

CASES = 2


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arrange(how: str, when: int) -> None:
    """Plant the fault."""
    calls = 0
    real_fsync, real_append = os.fsync, files.append

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if how == "kill-before" and calls == when:
            die()
        real_fsync(descriptor)
        if how == "kill-after" and calls == when:
            die()

    def append(path: Path, text: str) -> None:
        nonlocal calls
        calls += 1
        if calls == when:
            real_append(path, text[: len(text) // 2])
            die()
        real_append(path, text)

    if how.startswith("kill"):
        os.fsync = fsync
    elif how == "tear":
        writer.append = append
    elif how == "file-limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (when, resource.RLIM_INFINITY))


def run(out: str, how: str = "", when: str = "0", what: str = "") -> int:
    """Run the plan; the exit code is that of the command line."""
    arrange(how, int(when))
    method = Wobbly()
    if how == "slow":
        method = Calls(lambda request: time.sleep(int(when) / 1000) or Wobbly().predict(request))
    try:
        execute(sets_plan(Path(out)) if what == "sets" else make_plan(Path(out), method, CASES))
    except BenchError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def serve() -> None:
    """Fork a run for every line and answer with how it ended."""
    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(run(*line.rstrip("\n").split("\t")))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else sys.exit(run(*sys.argv[1:]))
