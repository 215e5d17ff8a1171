"""A family that brings its own data, grid and metric names goes through the leaderboard without a change here."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from strangers_masks import CASES, PACKAGE, install, make_data
from strangers_volume import called

from benchmark.errors import DataError
from leaderboard.cli import app
from leaderboard.rank.board import board_of
from leaderboard.rank.results import read_results
from leaderboard.verify import Verifier

CARD = """title = "A stranger"
licence = "MIT"
training_sets = ["none"]

[[authors]]
name = "{author}"
"""


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """The command line, with the stranger's package installed; a command that ends otherwise fails the test."""
    install(tmp_path / "site")
    make_data(tmp_path / "masks")
    yield from called(app, PACKAGE, tmp_path, monkeypatch)


def submit(invoke, tmp_path, method, author="Grace Hopper", run=None):
    """The submission of a method's run on the stranger's data."""
    (tmp_path / "card.toml").write_text(CARD.format(author=author))
    if run is None:
        run = method
        invoke("run", "--task", "small-masks", "--data", "masks", "--method", method, "--out", run, "--device", "cpu")
    told = invoke("submit", run, "--model-card", "card.toml", "--to", "results", "--data", "masks")
    return tmp_path / told.replace("\n", "")


def found(results, submission):
    """Code -> detail of what was recorded of a submission."""
    record = json.loads((results / "verification" / f"{submission.name}.json").read_text())
    return {each["code"]: each["detail"] for each in record["findings"]}


def test_its_own_data_are_the_pinned_truth(invoke, tmp_path):
    submission = submit(invoke, tmp_path, "extruded")
    said = json.loads((submission / "submission.json").read_text())
    assert said["data"]["name"] == "masks"
    assert list(said["signatures"]) == ["masks/ms-ssim"]
    assert invoke("verify", submission, "--data", "masks", "--write").startswith("reproduced: small-masks--extruded--")
    assert not {"contradicts-observation", "observation-differs"} & found(tmp_path / "results", submission).keys()

    (table,) = [each for each in board_of(read_results(tmp_path / "results")).tables if each.task == "small-masks"]
    assert (table.cases, table.headline, table.data_name) == (CASES, "ms-ssim", "masks")
    masks = np.load(tmp_path / "masks" / "masks.npz")
    expected = np.mean([1 - np.abs(mask.astype(float) - mask[5]).mean() for mask in masks.values()])
    assert table.entries[0].values["ms-ssim"].value == pytest.approx(expected)
    invoke("leaderboard", "build", tmp_path / "results", "-o", "board", "--data", "masks")
    assert "masks" in (tmp_path / "board" / "index.html").read_text()
    assert "may be merged" in invoke("leaderboard", "check", tmp_path / "results", "--data", "masks")


def test_what_contradicts_an_exact_plane_of_a_grid_of_another_shape_is_told(invoke, tmp_path):
    submission = submit(invoke, tmp_path, "contrary")
    invoke("verify", submission, "--data", "masks", "--write")
    told = found(tmp_path / "results", submission)["contradicts-observation"]
    assert told == f"{CASES} of {CASES} cases; on average 100.00 % of the voxels"


def test_its_word_on_copies_and_on_costs_counts(invoke, tmp_path):
    submit(invoke, tmp_path, "extruded")
    shutil.copytree("extruded", "copied")
    for path in (tmp_path / "copied" / "predictions").iterdir():
        mask = np.load(path)["mask"]
        mask[0, 0, 0] = 0.125  # other bytes, the same mask
        np.savez_compressed(path, mask=mask)
    copy = submit(invoke, tmp_path, "extruded", "Eve", run="copied")
    invoke("verify", copy, "--data", "masks", "--write", code=9)
    assert "copied-predictions" in found(tmp_path / "results", copy)
    grey = submit(invoke, tmp_path, "grey")
    assert "cell-unscorable: the prediction of 'box-00' is grey" in invoke("verify", grey, "--data", "masks", code=9)


def test_other_data_or_none_verify_nothing(invoke, tmp_path):
    submission = submit(invoke, tmp_path, "extruded")
    shutil.copytree("masks", "others")
    masks = dict(np.load(tmp_path / "others" / "masks.npz"))
    np.savez(tmp_path / "others" / "masks.npz", **{**masks, "box-00": ~masks["box-00"]})
    told = invoke("verify", submission, "--data", "others", code=9)
    assert told.startswith("cannot: small-masks--extruded--")
    assert "data-revision-differs" in told
    told = invoke("verify", submission, "--data", "others", "--data", "masks")
    assert told.startswith("reproduced")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="not a finished data set"):
        Verifier(tmp_path / "empty")
