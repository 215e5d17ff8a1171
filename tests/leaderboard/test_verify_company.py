"""Folders that change while they are read, metrics that fail, and other submissions that are as hostile as the one."""

from __future__ import annotations

import os
import shutil

import pytest
from hostile import CARD, World, change_document, seal
from hostile_cells import rewrite, shapes_of

from leaderboard.findings import RefusedError
from leaderboard.submission import reading
from leaderboard.submission.making import make_submission
from leaderboard.submission.reading import read_files
from leaderboard.verify import Limits, Verifier, others, scoring


@pytest.fixture(scope="module")
def world(data_set, run_of, tmp_path_factory):
    root = tmp_path_factory.mktemp("company")
    made = {name: make_submission(run_of(name), root, CARD, data_set) for name in ("fair", "careful")}
    return World(root, data_set, made)


@pytest.fixture(scope="module")
def verify(world):
    return Verifier(world.data).verify


def copy_of(path, place):
    return shutil.copytree(path, place / path.name)


def codes(answer):
    return [finding.code for finding in answer.findings]


@pytest.mark.parametrize("change", ["longer", "shorter", "a link", "gone"])
def test_a_file_that_changes_between_looking_and_reading_is_refused(world, tmp_path, monkeypatch, change):
    path = copy_of(world.honest, tmp_path) / "run.json"
    really = os.open

    def late(name, flags, *rest, **options):
        if name == "run.json":
            size = path.stat().st_size
            if change in ("longer", "shorter"):
                os.truncate(path, size + (1 if change == "longer" else -1))
            else:
                path.unlink()
            if change == "a link":
                path.symlink_to("/etc/passwd")
        return really(name, flags, *rest, **options)

    monkeypatch.setattr(reading.os, "open", late)
    with pytest.raises(RefusedError) as caught:
        read_files(path.parent, Limits())
    assert caught.value.code == "changed-while-reading"


def test_what_was_read_stays_whatever_happens_to_the_folder(world, tmp_path):
    path = copy_of(world.honest, tmp_path)
    files = read_files(path, Limits())
    before = (path / "predictions.parquet").read_bytes()
    (path / "predictions.parquet").write_bytes(b"another")
    shutil.rmtree(path)
    assert files.predictions.read() == before


def test_a_metric_that_fails_refuses_the_submission_and_not_the_verifier(world, verify, monkeypatch):
    def fail(*_):
        raise IndexError("planted")

    monkeypatch.setattr(scoring, "rescore", fail)
    answer = verify(world.honest)
    assert (answer.verdict, codes(answer)) == ("cannot", ["cell-unscorable"])
    assert "planted" in answer.findings[0].detail


def test_an_other_that_the_metrics_fail_on_is_passed_over(world, data_set, run_of, tmp_path, monkeypatch):
    """The scores of other seeds of a method are compared; they are computed where nobody recorded them."""
    seed = seal(copy_of(world.honest, tmp_path))
    change_document(notes="another")(seed, world)
    seed = seal(seed)
    judge, really, asked = Verifier(world.data), scoring.rescore, []

    def fail(given, group, *rest):
        asked.append(group.id)
        if len(asked) > 6:  # those of the submission itself
            raise IndexError("planted")
        return really(given, group, *rest)

    monkeypatch.setattr(scoring, "rescore", fail)
    answer = judge.verify(world.honest, others=[seed])
    assert answer.verdict == "reproduced"
    assert [one.detail for one in answer.findings if one.code == "other-not-read"] == [f"{seed.name}: cell-unscorable"]


def test_others_are_read_once_and_broken_ones_are_passed_over(world, tmp_path, monkeypatch):
    broken = copy_of(world.submissions["careful"], tmp_path)
    (broken / "run.json").unlink()
    counted = []
    really = others.read
    monkeypatch.setattr(others, "read", lambda *given: counted.append(given[0]) or really(*given))
    judge = Verifier(world.data)
    company = [broken, tmp_path / "nothing", *world.submissions.values()]
    for path in world.submissions.values():
        assert sorted(codes(judge.verify(path, others=company)), key=str).count("other-not-read") >= 1
    assert len(counted) == len(set(counted))


def test_ones_own_earlier_submission_is_no_copy(world, verify, tmp_path):
    again = copy_of(world.honest, tmp_path)
    change_document(notes="the same once more")(again, world)
    again = seal(again)
    assert "copied-predictions" not in codes(verify(again, others=[world.honest]))


def test_one_copied_case_in_ten_is_told_and_by_whom(world, verify, tmp_path):
    path = copy_of(world.honest, tmp_path)
    theirs = shapes_of(world.submissions["careful"])
    rewrite(path, lambda cells: [(case, theirs[case] if i == 2 else sdf) for i, (case, sdf) in enumerate(cells)])
    answer = verify(seal(path), others=list(world.submissions.values()))
    told = [finding.detail for finding in answer.findings if finding.code == "copied-predictions"]
    assert len(told) == 1
    assert told[0].startswith("1 of 6 cases")
    assert world.submissions["careful"].name in told[0]
