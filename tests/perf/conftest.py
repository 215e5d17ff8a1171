"""Collects measured times and prints, at the end of ``make bench``, tables of ratios to ours."""

from __future__ import annotations

import pytest

_ROWS: dict[str, dict[str, tuple[float, str]]] = {}


@pytest.fixture
def note_time():
    """``note_time(table, name, seconds, remark)``; one name of every table is "ours"."""

    def note(table, name, seconds, remark=""):
        _ROWS.setdefault(table, {})[name] = (seconds, remark)

    return note


def pytest_terminal_summary(terminalreporter):
    for table, rows in _ROWS.items():
        terminalreporter.section(table, sep="-")
        ours = rows.get("ours", (float("nan"), ""))[0]
        for name, (seconds, remark) in sorted(rows.items(), key=lambda row: row[1][0]):
            terminalreporter.line(f"{name:34s} {seconds * 1e3:16,.3f} ms   x{seconds / ours:<12,.2f} {remark}".rstrip())
