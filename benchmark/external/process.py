"""Running a stranger's command: bounded in time and memory, without network where that can be had, ended as a whole."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from benchmark.errors import RunError

POLL_SECONDS = 0.2
_GIB = 2**30
_LOG_BYTES = 4 * 2**20
_LAST_LINES = 5
_LINE_BYTES = 2000
_RELEASE_SECONDS = 30.0
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "TZ")
_PROGRESS = re.compile(rb"PROGRESS (\d{1,9})/(\d{1,9})\s*")


@dataclass(frozen=True)
class Limits:
    """What a command may use.

    Attributes:
        seconds: without a sign of life, which is a finished case or a ``PROGRESS`` line that goes up.
        memory_gib: resident memory of everything it started, together.
        bounded_addresses: also bound the address space of each process, to four times that and 16 GiB: stops
            a process between two looks at its memory. Not on accelerators, whose drivers reserve terabytes.
    """

    seconds: float
    memory_gib: float
    bounded_addresses: bool = True


@dataclass(frozen=True)
class Ending:
    """How a command ended: ``how`` is "ended", "died", "timeout", "out_of_memory" or "not_started".

    ``told`` is a clause for people: exit code and last lines of the log.
    """

    how: str
    told: str = ""


@cache
def network_prefix() -> tuple[str, ...]:
    """What to put before a command so that it has no network; empty where the system does not let us forbid it."""
    program = shutil.which("unshare")
    if program is None:
        return ()
    prefix = (program, "--user", "--map-current-user", "--net", "--")
    try:
        probe = subprocess.run([*prefix, "true"], capture_output=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return prefix if probe.returncode == 0 else ()


def clean_environment(bin_folder: Path, home: Path) -> dict[str, str]:
    """Environment variables of a command: its own programs first, a home and temporary folder of its own."""
    kept = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    path = kept.pop("PATH", os.defpath)
    return kept | {
        "PATH": f"{bin_folder}{os.pathsep}{path}",
        "VIRTUAL_ENV": str(bin_folder.parent),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # what deterministic matrix products on CUDA ask for
        "HF_HUB_OFFLINE": "1",
    }


@contextlib.contextmanager
def held(path: Path) -> Iterator[int]:
    """A lock, given as its descriptor: the supervisor inherits it, so that two commands never share a folder.

    Raises:
        RunError: if another process keeps it for half a minute; one that is being ended needs far less.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        patience = time.monotonic() + _RELEASE_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > patience:
                    raise RunError(f"{path.parent} is in use by another process") from None
                time.sleep(0.05)
        yield descriptor
    finally:
        os.close(descriptor)


def run_command(
    argv: Sequence[str], cwd: Path, environment: Mapping[str, str], limits: Limits, log: Path, lock: int,
    look: Callable[[], int] = lambda: 0, progress: Callable[[int, int], None] = lambda *_: None,
    most_progress: int = 10_000,
) -> Ending:  # fmt: skip
    """Run a command to its end.

    Args:
        argv: program and arguments; no shell.
        cwd: where it runs.
        environment: all the environment variables it gets.
        limits: what it may use.
        log: what it prints is appended here, up to 4 MiB.
        lock: see `held`.
        look: called five times a second; how many cases it found finished. Exceptions end the command.
        progress: told of ``PROGRESS i/n`` lines that go up.
        most_progress: the largest n that is believed; each step may take the time of a sign of life.
    """
    status_read, status_write = os.pipe()
    script = Path(__file__).with_name("supervise.py")
    # Not a function between fork and exec: this process has threads (torch), where that may deadlock.
    supervisor = subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", str(script), str(status_write)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        pass_fds=(status_write, lock), start_new_session=True,
    )  # fmt: skip
    os.close(status_write)
    assert supervisor.stdin is not None  # noqa: S101
    assert supervisor.stdout is not None  # noqa: S101
    memory = int(limits.memory_gib * _GIB)
    told = {
        "argv": [*network_prefix(), *argv], "cwd": str(cwd), "env": dict(environment), "memory_bytes": memory,
        "address_bytes": 4 * memory + 16 * _GIB if limits.bounded_addresses else None,
    }  # fmt: skip
    timed_out = False
    output = _Output(log, progress, most_progress)
    try:
        with contextlib.suppress(BrokenPipeError):
            supervisor.stdin.write(json.dumps(told).encode() + b"\n")
            supervisor.stdin.flush()
        timed_out = _watch(supervisor.stdout, limits.seconds, output, look)
    finally:  # also when we are interrupted: nothing is left running
        with contextlib.suppress(BrokenPipeError):
            supervisor.stdin.close()
        _drain(supervisor, output)
        output.close()
        with os.fdopen(status_read, "rb") as stream:
            status = json.loads(stream.read() or b"{}")
    return _ending(status, timed_out, limits, output.last_lines)


def _watch(stream: IO[bytes], seconds: float, output: _Output, look: Callable[[], int]) -> bool:
    """Follow the output until it ends; True if there was no sign of life for too long."""
    descriptor = stream.fileno()
    alive = looked = time.monotonic()
    while True:
        ready, _, _ = select.select([descriptor], [], [], POLL_SECONDS)
        if ready:
            data = os.read(descriptor, 65536)
            if not data:
                return False
            if output.feed(data):
                alive = time.monotonic()
        now = time.monotonic()
        if now - looked >= POLL_SECONDS:
            looked = now
            if look():
                alive = time.monotonic()
            elif now - alive > seconds:
                return True


def _drain(supervisor: subprocess.Popen[bytes], output: _Output) -> None:
    assert supervisor.stdout is not None  # noqa: S101
    descriptor = supervisor.stdout.fileno()
    while True:
        ready, _, _ = select.select([descriptor], [], [], POLL_SECONDS)
        if ready and (data := os.read(descriptor, 65536)):
            output.feed(data)
        elif ready or supervisor.poll() is not None:  # without /proc something that escaped may keep the pipe open
            break
    supervisor.stdout.close()
    supervisor.wait()


def _ending(status: Mapping[str, object], timed_out: bool, limits: Limits, lines: Sequence[str]) -> Ending:
    said = f"; its last lines: {' | '.join(lines)}" if lines else "; it printed nothing"
    if "not_started" in status:
        return Ending("not_started", str(status["not_started"]))
    if "out_of_memory" in status:
        return Ending("out_of_memory", f"took more than {limits.memory_gib:g} GiB{said}")
    if timed_out:
        return Ending("timeout", f"finished nothing for {limits.seconds:g} seconds{said}")
    code = status.get("code")
    if code == 0:
        return Ending("ended", said.removeprefix("; "))
    return Ending("died", f"ended with exit code {code if code is not None else 'unknown'}{said}")


class _Output:
    """What a command prints: a bounded log, the last lines, and progress."""

    def __init__(self, log: Path, progress: Callable[[int, int], None], most_progress: int) -> None:
        self._log = log.open("ab")
        self._left = max(0, _LOG_BYTES - self._log.tell())
        self._progress = progress
        self._most = most_progress
        self._torn = b""
        self._reached = 0
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)

    @property
    def last_lines(self) -> list[str]:
        """The last lines that say something, printable."""
        return list(self._lines)

    def feed(self, data: bytes) -> bool:
        """Take some output; True if it told of progress."""
        if self._left:
            self._log.write(data[: self._left])
            self._left -= min(self._left, len(data))
            self._log.write(b"" if self._left else b"\n[the rest is not kept]\n")
            self._log.flush()
        *lines, self._torn = (self._torn + data).split(b"\n")
        self._torn = self._torn[-_LINE_BYTES:]
        return sum(map(self._line, lines)) > 0

    def close(self) -> None:
        """A last line without an end counts, too."""
        self._line(self._torn)
        self._log.close()

    def _line(self, line: bytes) -> bool:
        if (match := _PROGRESS.fullmatch(line)) is not None:
            done, total = int(match[1]), int(match[2])
            if self._reached < done <= total <= self._most:
                self._reached = done
                self._progress(done, total)
                return True
            return False
        text = "".join(c if c.isprintable() else " " for c in line[-_LINE_BYTES:].decode("utf-8", "replace")).strip()
        if text:
            self._lines.append(text[-200:])
        return False
