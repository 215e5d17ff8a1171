"""The process between us and a stranger's command: it ends with us, and everything the command started ends with it.

Run as a script by ``process.py`` with nothing but the standard library: ``supervise.py STATUS_FD`` reads what to run
as one line of JSON from standard input. The end of standard input, or our being killed, is the order to stop.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: what a command leaves behind becomes our child, whatever session it is in
_LOOK_SECONDS = 0.25


def descendants(root: int) -> list[int]:
    """Process ids below one, as /proc tells them; those of a system without /proc are not known."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        try:
            for thread in Path(f"/proc/{pid}/task").iterdir():
                children = (thread / "children").read_text(encoding="ascii").split()
                waiting += map(int, children)
                found += map(int, children)
        except OSError:
            continue
    return found


def resident_bytes(pids: list[int]) -> int:
    """Memory that processes hold together."""
    pages = 0
    for pid in pids:
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError):
            continue
    return pages * resource.getpagesize()


def end_all(child: subprocess.Popen[bytes]) -> None:
    """Kill the command's process group, then all that escaped from it, until nothing is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    for _ in range(200):
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.02)


def supervise(told: dict[str, Any]) -> dict[str, Any]:
    """Run a command until it ends or is to be ended; how that was."""
    try:
        child = subprocess.Popen(  # noqa: S603
            told["argv"], cwd=told["cwd"], env=told["env"], stdin=subprocess.DEVNULL,
            start_new_session=True, close_fds=True,
        )  # fmt: skip
    except OSError as error:
        return {"not_started": error.strerror or str(error)}
    # A wait without threads for either: the command's end (its pidfd, on Linux) or the order to stop (our input).
    ends = [os.pidfd_open(child.pid)] if hasattr(os, "pidfd_open") else []
    stopped = False
    while not stopped:
        ready, _, _ = select.select([*ends, 0], [], [], _LOOK_SECONDS)
        if 0 in ready:
            stopped = True
        elif ready or child.poll() is not None:
            child.wait()
            break
        elif resident_bytes(descendants(os.getpid())) > told["memory_bytes"]:
            end_all(child)
            return {"out_of_memory": True}
    end_all(child)
    return {"stopped": True} if stopped else {"code": child.returncode}


def main() -> None:
    """Read what to run, run it, tell how it ended."""
    status = int(sys.argv[1])
    os.set_inheritable(status, False)
    told = json.loads(sys.stdin.buffer.readline())
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        # An interrupt is ours to handle: we close standard input. Not SIG_IGN, which the command would inherit: what it
        # then terminates (the workers of a Python pool) would go on, and it would wait for them for ever.
        signal.signal(number, lambda *_: None)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if told["address_bytes"] is not None:
        resource.setrlimit(resource.RLIMIT_AS, (told["address_bytes"], told["address_bytes"]))
    os.write(status, json.dumps(supervise(told)).encode())


if __name__ == "__main__":
    main()
