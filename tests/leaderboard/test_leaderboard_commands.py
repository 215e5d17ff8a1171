"""``genmed-bench submit | verify | leaderboard …`` as people call them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_results import add, rows_of
from fake_runs import make_data_set, make_run
from synthetic import rewrite_manifest
from typer.testing import CliRunner, Result

from benchmark.data.rows import read_manifest
from leaderboard.cli import app
from medshape_text import manifest

CARD = """\
title = "A method of the tests"
licence = "MIT"
training_sets = ["none"]
[[authors]]
name = "Grace <b>Hopper</b>"
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def results(data_set: Path, run_of: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two submissions, verified."""
    folder = tmp_path_factory.mktemp("board")
    (folder / "card.toml").write_text(CARD)
    for method in ("careful", "rough"):
        made = run("submit", run_of(method), "--model-card", folder / "card.toml", "--to", folder / "results",
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
    honest = next(each for each in (copy / "submissions").iterdir() if each != submission)
    caught = run("verify", submission, honest, "--data", data_set)
    assert caught.exit_code == 9, caught.output
    assert f"reproduced: {honest.name}" in caught.stdout
    assert submission.name in caught.stderr.replace("\n", "")
    assert honest.name not in caught.stderr.replace("\n", "")
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
    (["verify", "{tmp}/nowhere/at-all"], 2, "there is no folder"),
    (["submit", "{tmp}", "--model-card", "{card}", "--to", "hf://datasets/name"], 2, "ORG/NAME"),
    (["submit", "{tmp}", "--model-card", "{card}", "--dry-run"], 2, "--dry-run is for"),
])  # fmt: skip
def test_what_is_missing_is_said(
    results: Path, data_set: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    card = results.parent / "card.toml"
    result = run(*(text.format(card=card, tmp=tmp_path) for text in arguments), "--data", data_set)
    assert result.exit_code == code, result.output
    assert message in " ".join(result.stderr.split())


def test_the_benchmarks_commands_are_there_too() -> None:
    assert run("list", "tasks").exit_code == 0


def test_a_submission_is_verified_from_within_its_folder(
    results: Path, data_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(next((results / "submissions").glob("*--careful--*")))
    checked = run("verify", ".", "--data", data_set)
    assert checked.exit_code == 0, checked.output


def test_a_dry_run_says_the_whole_pull_request(
    results: Path, data_set: Path, run_of: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = run("submit", run_of("careful"), "--model-card", results.parent / "card.toml", "--data", data_set,
               "--to", "hf://datasets/org/name", "--dry-run")  # fmt: skip
    assert said.exit_code == 0, said.output
    name = next((results / "submissions").glob("*--careful--*")).name
    assert "datasets/org/name" in said.stdout
    assert f"Submission {name}" in said.stdout
    assert f"genmed-bench verify submissions/{name}" in said.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_page_of_the_data_says_what_is_in_it_or_that_it_is_not_here(
    results: Path, data_set: Path, tmp_path: Path
) -> None:
    for data, words in ((data_set, "<h2>Licences</h2>"), (tmp_path / "nowhere", "was not at hand")):
        target = tmp_path / words.split()[-1].strip("</h2>")
        built = run("leaderboard", "build", results, "-o", target, "--data", data, "--cases", 0)
        assert built.exit_code == 0, built.output
        (page,) = (target / "data-sets").iterdir()
        assert words in page.read_text("utf-8")


def test_a_stranger_with_a_task_or_split_of_its_own_does_not_stop_the_site(
    results: Path, data_set: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(results, tmp_path / "results")
    revision = str(read_manifest(data_set)["revision"])
    for task, split in (("palmistry", "test"), ("multiplane", "zero_shot")):
        add(copy, "stranger", rows_of(0.9), verified=False, task=task, data={"revision": revision, "split": split})
    built = run("leaderboard", "build", copy, "-o", tmp_path / "site", "--data", data_set)
    assert built.exit_code == 0, built.output


def test_several_data_sets_stand_apart_on_one_leaderboard(results: Path, data_set: Path, tmp_path: Path) -> None:
    other = make_data_set(tmp_path, "other")
    rewrite_manifest(other, name="another")
    rewrite_manifest(other, revision=manifest.revision(json.loads((other / "manifest.json").read_text())))
    copy = shutil.copytree(results, tmp_path / "results")
    made = make_run(tmp_path / "run", other, "fair")
    card = results.parent / "card.toml"
    placed = run("submit", made, "--model-card", card, "--to", copy, "--data", other).stdout.replace("\n", "")
    alone = run("verify", placed, "--data", data_set)
    assert (alone.exit_code, "data-revision-differs" in alone.stdout) == (9, True)
    both = ("--data", data_set, "--data", other)
    checked = run("verify", placed, *(copy / "submissions").glob("*--careful--*"), *both, "--write")
    assert checked.exit_code == 0, checked.output
    assert checked.stdout.count("reproduced: multiplane--") == 2
    merged = run("leaderboard", "check", copy, *both)
    assert merged.exit_code == 0, merged.output
    built = run("leaderboard", "build", copy, "-o", tmp_path / "site", *both)
    assert built.exit_code == 0, built.output
    tables = [json.loads(path.read_text()) for path in (tmp_path / "site" / "downloads").glob("*.json")]
    found = {(table["data_name"], tuple(sorted(each["method"] for each in table["entries"]))) for table in tables
             if table["entries"]}  # fmt: skip
    assert found == {("stub", ("careful", "rough")), ("another", ("fair",))}
    drawn = {path.parent.name for path in (tmp_path / "site" / "cases").rglob("index.html")}
    assert len(drawn) == len([table for table in tables if table["entries"]])
    assert len(list((tmp_path / "site" / "data-sets").iterdir())) == 2
