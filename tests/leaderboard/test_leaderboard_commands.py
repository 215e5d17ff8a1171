"""``genmed-bench submit | verify | leaderboard …`` as people call them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from leaderboard.cli import app

CARD = """\
authors:
  - name: "Grace <b>Hopper</b>"
title: A method of the tests
licence: MIT
training_sets:
  - none
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def results(data_set: Path, run_of: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two submissions, verified."""
    folder = tmp_path_factory.mktemp("board")
    (folder / "card.yaml").write_text(CARD)
    for method in ("careful", "rough"):
        made = run("submit", run_of(method), "--model-card", folder / "card.yaml", "--to", folder / "results",
                   "--data", data_set)  # fmt: skip
        assert made.exit_code == 0, made.output
        checked = run("verify", made.stdout.replace("\n", ""), "--data", data_set, "--write")
        assert checked.exit_code == 0, checked.output
        assert checked.stdout.startswith("reproduced: multiplane--")
    return folder / "results"


def test_a_site_is_built_and_the_results_may_be_merged(results: Path, data_set: Path, tmp_path: Path) -> None:
    built = run("leaderboard", "build", results, "-o", tmp_path / "site", "--data", data_set)
    assert built.exit_code == 0, built.output
    page = (tmp_path / "site" / "index.html").read_text()
    assert "careful" in page
    written = "".join(path.read_text() for path in (tmp_path / "site" / "methods").glob("*.html"))
    assert "Grace &lt;b&gt;Hopper&lt;/b&gt;" in written
    assert "<b>Hopper" not in written
    assert list((tmp_path / "site" / "cases").rglob("*.html"))
    again = run("leaderboard", "build", results, "-o", tmp_path / "again", "--data", data_set)
    assert again.exit_code == 0
    for path in (tmp_path / "site").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(tmp_path / "site")).read_bytes()
    checked = run("leaderboard", "check", results, "--data", data_set)
    assert checked.exit_code == 0, checked.output


def test_an_edited_score_is_caught(results: Path, data_set: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(results, copy)
    submission = next((copy / "submissions").glob("*--careful--*"))
    rows = (submission / "cases.jsonl").read_text().splitlines()
    first = json.loads(rows[0])
    first["value"] = first["value"] + 1e-9
    (submission / "cases.jsonl").write_text("\n".join([json.dumps(first), *rows[1:]]) + "\n")
    caught = run("verify", submission, "--data", data_set)
    assert caught.exit_code == 9, caught.output
    checked = run("leaderboard", "check", copy, "--data", data_set)
    assert checked.exit_code == 9


def test_headlines_for_the_hub(results: Path) -> None:
    printed = run("leaderboard", "eval-results", results, "--method", "careful", "--dataset", "org/name")
    assert printed.exit_code == 0, printed.output
    assert "task_id: multiplane" in printed.stdout
    assert run("leaderboard", "eval-results", results, "--method", "nobody", "--dataset", "org/name").exit_code == 2


@pytest.mark.parametrize(("arguments", "code", "message"), [
    (["submit", "--model-card", "{card}"], 2, "either a run folder or --from-folder"),
    (["submit", "--model-card", "{card}", "--from-folder", "{tmp}"], 2, "needs --task"),
    (["leaderboard", "build", "{tmp}"], 3, "no results folder"),
])  # fmt: skip
def test_what_is_missing_is_said(
    results: Path, data_set: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    card = results.parent / "card.yaml"
    result = run(*(text.format(card=card, tmp=tmp_path) for text in arguments), "--data", data_set)
    assert result.exit_code == code, result.output
    assert message in " ".join(result.stderr.split())


def test_the_benchmarks_commands_are_there_too() -> None:
    assert run("list", "tasks").exit_code == 0
