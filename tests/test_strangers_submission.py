"""A stranger's family on the leaderboard: submitted, verified, ranked, shown and checked without a change here."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from strangers_volume import PACKAGE, called, install

from leaderboard.cli import app
from leaderboard.rank.board import board_of
from leaderboard.rank.results import read_results

CARD = """\
title = "{method} of a stranger"
licence = "MIT"
training_sets = ["none"]

[[authors]]
name = "Grace Hopper"
"""


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """The command line, with the stranger's package installed; a command that ends otherwise fails the test."""
    install(tmp_path / "site")
    yield from called(app, PACKAGE, tmp_path, monkeypatch)


@pytest.fixture
def submitted(invoke, mini_dir, tmp_path):
    """Folders of the submissions of both methods, verified, by method."""
    folders = {}
    for method in ("volume-area", "volume-nothing"):
        (tmp_path / "card.toml").write_text(CARD.replace("{method}", method))
        invoke("run", "--task", "bone-volume", "--data", mini_dir, "--method", method, "--out", method,
               "--device", "cpu")  # fmt: skip
        told = invoke("submit", method, "--model-card", "card.toml", "--to", "results", "--data", mini_dir)
        folders[method] = tmp_path / told.replace("\n", "")
        assert folders[method].parent == tmp_path / "results" / "submissions"
        checked = invoke("verify", folders[method], "--data", mini_dir, "--write")
        assert checked.startswith("reproduced: bone-volume--")
    return folders


def headline(folder: Path) -> float:
    """Mean over categories of the mean error of each, by hand."""
    rows = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(row["category"], []).append(row["value"])
    return float(np.mean([np.mean(each) for each in values.values()]))


def test_it_is_submitted_verified_ranked_shown_and_checked(invoke, submitted, mini_dir, tmp_path):
    tables = board_of(read_results(tmp_path / "results")).tables
    (table,) = [each for each in tables if each.task == "bone-volume"]  # others are of quoted numbers
    assert [(column.metric, column.higher_is_better) for column in table.columns] == [("error", False)]
    assert [entry.method for entry in table.entries] == ["volume-area", "volume-nothing"]  # less error is better
    for entry in table.entries:
        (interval,) = entry.values.values()
        assert interval.value == pytest.approx(headline(submitted[entry.method]))
        assert entry.scored == entry.expected == table.cases > 20

    invoke("leaderboard", "build", tmp_path / "results", "-o", "board", "--data", mini_dir)
    pages = {path.relative_to(tmp_path / "board").as_posix(): path.read_text(encoding="utf-8")
             for path in (tmp_path / "board").rglob("*.html")}  # fmt: skip
    assert "bone-volume" in pages["index.html"]
    (task_page,) = [text for name, text in pages.items() if name.startswith("tasks/") and "bone-volume" in text]
    text = re.sub(r"<[^>]*>", "", task_page)
    assert text.index("volume-area") < text.index("volume-nothing")
    assert not [name for name in pages if name.startswith("cases/")]  # the family draws nothing
    assert "may be merged" in invoke("leaderboard", "check", tmp_path / "results", "--data", mini_dir)


@pytest.mark.parametrize("what", ["score", "predictions"])
def test_a_run_that_says_other_than_its_predictions_is_found(invoke, submitted, mini_dir, tmp_path, what):
    assert set(submitted) == {"volume-area", "volume-nothing"}
    shutil.copytree("volume-area", "edited")
    if what == "score":
        path = tmp_path / "edited" / "cases.jsonl"
        first, *others = path.read_text().splitlines(keepends=True)
        row = json.loads(first)
        path.write_text(json.dumps(row | {"value": row["value"] / 2}) + "\n" + "".join(others))
    else:
        shutil.copytree("volume-nothing/predictions", "edited/predictions", dirs_exist_ok=True)
    told = invoke("submit", "edited", "--model-card", "card.toml", "--to", "lies", "--data", mini_dir)
    told = invoke("verify", told.replace("\n", ""), "--data", mini_dir, "--write", code=9)
    assert re.match(r"differs by [\d.]+: bone-volume--volume-area--", told)
    assert "scores-differ" in invoke("leaderboard", "check", "lies", "--data", mini_dir)  # it may be shown, as that
