"""From real runs of made-up methods through submission and verification to a checked, ranked board."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from fake_runs import make_data_set, make_run

from benchmark.records import load_run
from benchmark.statistics import summarise
from leaderboard.rank.board import board_of
from leaderboard.rank.check import check
from leaderboard.rank.results import read_results
from leaderboard.submission.card import Author, ModelCard
from leaderboard.submission.making import make_submission
from leaderboard.verify import Verifier, write_verification

CARD = ModelCard((Author("Ada"),), title="made up", licence="MIT", training_sets=("none",))


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path, dict[str, Path]]:
    root = tmp_path_factory.mktemp("board")
    data = make_data_set(root)
    runs = {name: make_run(root / name, data, name) for name in ("careful", "faulty")}
    results = root / "results"
    for run in runs.values():
        make_submission(run, results / "submissions", CARD, data)
    verifier = Verifier(data)
    for folder in sorted((results / "submissions").iterdir()):
        write_verification(results, verifier.verify(folder))
    return data, results, runs


def test_an_honest_board_passes_and_says_what_the_run_reports_say(folders):
    data, results, runs = folders
    assert [each for each in check(results, Verifier(data).verify) if each.severity == "refused"] == []
    board = board_of(read_results(results))
    tables = [table for table in board.tables if table.entries]
    assert {table.profile for table in tables} == {"overlap", "genmed", "dense"}
    for name, run in runs.items():
        for summary in summarise(load_run(run).rows):
            table = next(t for t in tables if summary.signature in {column.signature for column in t.columns})
            column = next(each for each in table.columns if each.signature == summary.signature)
            entry = next(each for each in table.entries if each.method == name)
            found = entry.values[column.metric]
            wanted = summary.macro
            assert (found.value, found.low, found.high) == pytest.approx((wanted.value, wanted.low, wanted.high))
            assert {c: v[column.metric] for c, v in entry.categories.items()} == pytest.approx(summary.categories)
            assert {o: v[column.metric] for o, v in entry.origins.items()} == pytest.approx(summary.origins)
        overlap = next(t for t in tables if t.profile == "overlap")
        entry = next(each for each in overlap.entries if each.method == name)
        assert (entry.scored, entry.expected) == ((5, 6) if name == "faulty" else (6, 6))


def test_an_edited_verification_does_not_pass(folders):
    data, results, _ = folders
    path = next((results / "verification").iterdir())
    before = path.read_text()
    record = json.loads(before)
    record["rows"][0]["value"] = 0.999
    path.write_text(json.dumps(record))
    try:
        assert "verification-differs" in {each.code for each in check(results, Verifier(data).verify)}
    finally:
        path.write_text(before)
    assert asdict(board_of(read_results(results)))["built_from"]
