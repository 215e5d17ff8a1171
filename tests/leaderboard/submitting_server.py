"""Starting `submitting_process`, and killing it at every step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from leaderboard.submission import open_submission

PROGRAM = Path(__file__).with_name("submitting_process.py")
TESTS = Path(__file__).parents[1]


def contents(folder: Path) -> dict[str, bytes]:
    """File name -> content."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Server:
    """Makes submissions in forked processes that die as told."""

    def __init__(self, errors: Path) -> None:
        path = os.pathsep.join([str(TESTS.parent), str(TESTS / "benchmark")])
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        self.errors = errors
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors.open("w"),
            text=True, env=environment,
        )  # fmt: skip

    def make(self, source: object, to: Path, how: str = "whole", when: int = 0) -> tuple[int, int]:
        self.process.stdin.write(f"{source}\t{to}\t{how}\t{when}\n")
        self.process.stdin.flush()
        code, count = map(int, self.process.stdout.readline().split())
        return code, count


def killed_everywhere(server: Server, source: object, root: Path, every: int = 1) -> None:
    """Killed at every step: nothing or all of it is there, and the same call completes it."""
    code, steps = server.make(source, root / "whole")
    assert code == 0, server.errors.read_text()
    (whole,) = (root / "whole").iterdir()
    assert steps > 10
    for how, step in [*(("before", step) for step in range(1, steps + 1, every)), ("after", steps)]:
        to = root / f"{how}-{step}"
        assert server.make(source, to, how, step)[0] == -9
        visible = [path for path in to.iterdir() if not path.name.startswith(".")] if to.exists() else []
        assert [open_submission(path).id for path in visible] in ([], [whole.name])
        assert server.make(source, to)[0] == 0, server.errors.read_text()
        assert [path.name for path in to.iterdir()] == [whole.name]
        assert contents(to / whole.name) == contents(whole)
