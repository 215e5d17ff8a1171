"""Honest submissions reproduce bit for bit; the record of it is the same bytes every time."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
from fake_runs import make_data_set, make_run
from hostile import CARD, change_document, lines, seal
from synthetic import rewrite_manifest

from benchmark.errors import DataError, UsageError
from benchmark.records import load_run
from leaderboard.model import Verification
from leaderboard.submission.making import make_submission
from leaderboard.verify import Verifier, verify, write_verification


@pytest.fixture(scope="module")
def made(data_set, run_of, tmp_path_factory):
    """Method -> its submission, one of which failed on a case."""
    to = tmp_path_factory.mktemp("submissions")
    return {name: make_submission(run_of(name), to, CARD, data_set) for name in ("careful", "faulty")}


@pytest.fixture(scope="module")
def verifier(data_set):
    return Verifier(data_set)


def codes(answer, *severities):
    return {finding.code for finding in answer.findings if finding.severity in (severities or ("refused", "flagged"))}


def test_every_number_is_the_one_the_runner_wrote(made, run_of, verifier):
    for name, folder in made.items():
        answer = verifier.verify(folder, others=list(made.values()))
        assert (answer.verdict, answer.largest_difference, codes(answer)) == ("reproduced", 0.0, set())
        run = load_run(run_of(name))
        assert [dataclasses.asdict(row) for row in run.rows] == list(answer.rows)
        assert {case: told["sha256"] for case, told in run.observations.items()} == answer.observations
        assert answer.data_revision == run.configuration["data"]["revision"]


def test_failed_cases_count_the_worst_and_are_told(made, verifier):
    answer = verifier.verify(made["faulty"])
    rows = [row for row in answer.rows if row["case"] == "e2_patella_left"]
    assert {row["status"] for row in rows} == {"crashed"}
    assert next(row["value"] for row in rows if row["metric"] == "dice") == 0
    assert "failed-cases" in codes(answer, "note")


@pytest.mark.slow
@pytest.mark.parametrize("task", ["oneplane", "triplane", "broken", "noisy"])
def test_every_task_reproduces(run_of, data_set, verifier, tmp_path, task):
    answer = verifier.verify(make_submission(run_of("fair", task), tmp_path, CARD, data_set))
    assert (answer.verdict, codes(answer)) == ("reproduced", set())


def test_the_size_of_a_difference_is_told(made, verifier, tmp_path):
    folder = tmp_path / made["careful"].name
    shutil.copytree(made["careful"], folder)
    lines("cases.jsonl", lambda rows: [*rows[:9], {**rows[9], "value": rows[9]["value"] + 0.25}, *rows[10:]])(
        folder, None
    )
    answer = verifier.verify(seal(folder))
    assert answer.verdict == "differs"
    assert answer.largest_difference == pytest.approx(0.25, abs=1e-12)
    assert [finding.detail.startswith("1 rows") for finding in answer.findings if finding.code == "scores-differ"] == [
        True
    ]
    assert answer.rows == verifier.verify(made["careful"]).rows


def test_a_control_that_says_so_may_be_told_the_truth(data_set, verifier, tmp_path):
    run = make_run(tmp_path / "run", data_set, "oracle", error=0.0)
    folder = make_submission(run, tmp_path / "submissions", CARD, data_set)
    answer = verifier.verify(folder)
    assert (answer.verdict, codes(answer)) == ("reproduced", set())
    assert "truth-control" in codes(answer, "note")
    assert answer.memorisation == {}
    change_document(method__control=False)(folder, None)
    assert "prediction-is-truth" in codes(verifier.verify(seal(folder)))


def test_memorisation_is_the_ratio_of_distances_by_hand(made, verifier, data_set):
    from hostile_cells import shapes_of

    from benchmark.tasks.shape_completion.cases import open_cases
    from benchmark.tasks.shape_completion.training import ShapeTrainingData

    training, source = ShapeTrainingData(data_set), open_cases(data_set, "test", "multiplane")
    shapes = [training.sdf(index) < 0 for index in range(len(training))]
    answer = verifier.verify(made["careful"])
    for case in (group.id for group in source.groups):
        mask = shapes_of(made["careful"])[case] < 0

        def distance(other, mask=mask):
            return 1 - 2 * np.sum(mask & other) / (mask.sum() + other.sum())

        expected = min(map(distance, shapes)) / distance(source.case(case).truth["shape"] < 0)
        assert answer.memorisation[case] == pytest.approx(expected, rel=1e-9)


def test_other_data_cannot_verify_and_damaged_data_are_refused(made, data_set, tmp_path):
    other = make_data_set(tmp_path, "other")
    described = json.loads((other / "manifest.json").read_text())
    from medshape_text import manifest

    rewrite_manifest(other, name="another")
    described = json.loads((other / "manifest.json").read_text())
    rewrite_manifest(other, revision=manifest.revision(described))
    answer = verify(made["careful"], other)
    assert (answer.verdict, answer.rows) == ("cannot", ())
    assert "data-revision-differs" in codes(answer)
    rewrite_manifest(other, name="edited by hand")
    with pytest.raises(DataError, match="manifest"):
        verify(made["careful"], other)


def test_a_record_is_the_same_bytes_every_time_and_lies_where_it_should(made, data_set, verifier, tmp_path):
    first = write_verification(tmp_path / "a", verifier.verify(made["careful"]))
    second = write_verification(tmp_path / "b", verify(made["careful"], data_set))
    assert first.read_bytes() == second.read_bytes()
    assert first == tmp_path / "a" / "verification" / f"{made['careful'].name}.json"
    assert json.loads(first.read_text())["verdict"] == "reproduced"


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a..b", "x" * 300, "A"])
def test_a_record_is_never_written_elsewhere(tmp_path, name):
    with pytest.raises(UsageError):
        write_verification(tmp_path, Verification(name, "cannot", None))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_records_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "verification").symlink_to(tmp_path)
    with pytest.raises(UsageError):
        write_verification(tmp_path, Verification("a", "cannot", None))
