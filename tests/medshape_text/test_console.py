"""Tables in a pipe keep every digit; those on a terminal fit it; every command prints with the one console."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
from rich.table import Table

from medshape_text.console import make_console

ROOT = Path(__file__).parents[2]
PACKAGES = ("medshape_text", "benchmark", "genmed", "baselines", "leaderboard")
FIGURES = [f"0.{number:08d}" for number in range(40)]


class Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def printed(monkeypatch, name, terminal):
    stream = Stream(terminal)
    monkeypatch.setattr(sys, name, stream)
    table = Table(title="a title")
    for figure in FIGURES:
        table.add_column(figure[-2:], no_wrap=True)
    table.add_row(*FIGURES)
    console = make_console(stderr=name == "stderr")
    console.print(table)
    console.print(" ".join(FIGURES))
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())


@pytest.mark.parametrize("name", ["stdout", "stderr"])
@pytest.mark.parametrize(
    "environment",
    [{}, {"COLUMNS": "40", "LINES": "10"}, {"FORCE_COLOR": "1"}, {"FORCE_COLOR": "1", "TERM": "dumb"}],
    ids=str,
)
def test_nothing_is_cut_in_a_pipe(monkeypatch, name, environment):
    for variable in ("COLUMNS", "LINES", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    lines = printed(monkeypatch, name, terminal=False).splitlines()
    assert any(all(figure in line for figure in FIGURES) for line in lines[:-1])
    assert lines[-1] == " ".join(FIGURES)


def test_a_terminal_is_not_overrun(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    lines = printed(monkeypatch, "stdout", terminal=True).splitlines()
    assert max(len(line) for line in lines) <= 200


def test_no_command_makes_a_console_of_its_own():
    own = [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name != "console.py" and re.search(r"\bConsole\(|\brich\.print\b", path.read_text(encoding="utf-8"))
    ]
    assert not own
