"""The check of a results repository: what may be merged passes, and every kind of tampering is named."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml
from fake_results import add, rows_of, withdraw, write_verification

from leaderboard.model import Finding
from leaderboard.rank.check import check, passes
from leaderboard.rank.results import read_results, verification_of


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    (folder / "submissions").mkdir(parents=True)
    add(folder, "good", rows_of(0.9, 1))
    add(folder, "poor", rows_of(0.7, 2))
    return folder


@pytest.fixture
def truth(results):
    """A verify that knows what is right: it gives what was recorded before anybody tampered."""
    return Truth(results)


class Truth:
    """Gives the verification of a submission as it was when asked to remember."""

    def __init__(self, results):
        self.known, self.asked = {}, []
        self.remember(results)

    def remember(self, results):
        for submission in read_results(results).submissions:
            self.known[submission.id] = submission.verification

    def __call__(self, folder):
        self.asked.append(folder.name)
        return self.known[folder.name]


def codes(findings, severity="refused"):
    return {finding.code for finding in findings if finding.severity == severity}


def record_of(results, place=0):
    path = sorted((results / "verification").iterdir())[place]
    return path, verification_of(json.loads(path.read_text()))


def test_an_honest_folder_passes_and_everything_was_computed_again(results, truth):
    assert check(results, truth) == []
    assert sorted(truth.asked) == sorted(path.name for path in (results / "submissions").iterdir())


def test_with_a_base_only_what_came_is_computed(results, truth, tmp_path):
    base = shutil.copytree(results, tmp_path / "base")
    new = add(results, "new", rows_of(0.8, 3))
    truth.remember(results)
    assert check(results, truth, base) == []
    assert truth.asked == [new]


def test_an_edited_verification_is_computed_again_and_differs(results, truth):
    path, record = record_of(results)
    better = [row | {"value": row["value"] + 1e-9} for row in record.rows]
    path.write_text(json.dumps(asdict(replace(record, rows=tuple(better)))))
    found = check(results, truth)
    assert codes(found) == {"verification-differs"}
    ((case, category),) = {(row["case"], row["category"]) for row in better[:1]}
    was, is_now = better[0]["value"], record.rows[0]["value"]
    told = f"row 1 ({better[0]['metric']} of {case}, {category}).value: '{was!r}' -> '{is_now!r}'"
    assert told in found[0].detail
    assert f"(and {len(better) - 3} more)" in found[0].detail


def test_rows_in_another_order_differ(results, truth):
    path, record = record_of(results)
    path.write_text(json.dumps(asdict(replace(record, rows=record.rows[::-1]))))
    assert codes(check(results, truth)) == {"verification-differs"}


@pytest.mark.parametrize(
    "changes", [{"verdict": "differs"}, {"largest_difference": 0.5}, {"data_revision": "cd" * 32},
                {"observations": {"a": "b"}}, {"memorisation": {"a": 0.1}},
                {"findings": (Finding("a-flag", "flagged", "x"),)}],
)  # fmt: skip
def test_anything_else_that_is_found_now_and_was_not_recorded(results, truth, changes):
    _, record = record_of(results)
    truth.known[record.submission] = replace(record, **changes)
    found = check(results, truth)
    assert found
    assert codes(found) == {"verification-differs"}
    (name, new), old = next(iter(changes.items())), getattr(record, next(iter(changes)))
    if isinstance(new, str):
        assert f"{name}: {old!r} -> {new!r};" in found[-1].detail


@pytest.mark.parametrize("code", ["prediction-is-truth", "copied-predictions"])
def test_a_new_record_leaves_no_flag_out(results, truth, tmp_path, code):
    base = shutil.copytree(results, tmp_path / "base")
    new = add(results, "new", rows_of(0.8, 3))
    truth.remember(results)
    truth.known[new] = replace(truth.known[new], findings=(Finding(code, "flagged", "42 of 42"),))
    assert codes(check(results, truth, base)) == {"verification-differs"}


def test_an_old_record_may_lack_what_later_submissions_showed(results, truth):
    _, record = record_of(results)
    truth.known[record.submission] = replace(record, findings=(Finding("copied-predictions", "flagged", "x"),))
    assert passes(check(results, truth))
    truth.known[record.submission] = replace(record, findings=(Finding("prediction-is-truth", "flagged", "x"),))
    assert codes(check(results, truth)) == {"verification-differs"}


def test_a_refusal_found_now_is_one(results, truth):
    _, record = record_of(results)
    truth.known[record.submission] = replace(record, findings=(Finding("truth-copied", "refused", "x"),))
    assert codes(check(results, truth)) == {"truth-copied"}


def test_a_refusal_that_was_recorded_is_one(results, truth):
    add(results, "bad", rows_of(0.8, 3), findings=[Finding("truth-copied", "refused", "x")])
    truth.remember(results)
    assert codes(check(results, truth)) == {"truth-copied"}


def test_no_submission_goes_unverified(results, truth):
    add(results, "new", rows_of(0.8, 3), verified=False)
    add(results, "newer", rows_of(0.8, 4), verdict="cannot")
    truth.remember(results)
    assert codes(check(results, truth)) == {"not-verified", "not-recomputed"}


def test_remade_predictions_are_not_believed_in_a_pull_request(results, truth, tmp_path):
    base = shutil.copytree(results, tmp_path / "base")
    add(results, "new", rows_of(0.8, 3), remade=True)
    truth.remember(results)
    assert codes(check(results, truth, base)) == {"remade-not-tried"}
    assert passes(check(results, truth))


def test_a_verify_that_crashes_is_a_finding(results):
    def crash(folder):
        raise RuntimeError("out of memory")

    assert codes(check(results, crash)) == {"verify-failed"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda base: next((base / "submissions").iterdir()), "old-file-deleted"),
        (lambda base: next((base / "verification").iterdir()), "old-file-deleted"),
    ],
)
def test_old_files_stay(results, truth, tmp_path, change, code):
    base = shutil.copytree(results, tmp_path / "base")
    victim = results / change(base).relative_to(base)
    shutil.rmtree(victim) if victim.is_dir() else victim.unlink()
    found = check(results, truth, base)
    assert code in codes(found)


def test_an_old_row_does_not_change(results, truth, tmp_path):
    base = shutil.copytree(results, tmp_path / "base")
    path, record = record_of(results)
    path.write_text(json.dumps(asdict(replace(record, largest_difference=0.5))))
    assert "old-file-changed" in codes(check(results, truth, base))


def test_a_withdrawal_is_added_and_stays(results, truth, tmp_path):
    name = next((results / "submissions").iterdir()).name
    base = shutil.copytree(results, tmp_path / "base")
    withdraw(results, name)
    assert check(results, truth, base) == []
    later = shutil.copytree(results, tmp_path / "later")
    (results / "withdrawn" / f"{name}.json").unlink()
    assert codes(check(results, truth, later)) == {"old-file-deleted"}


def test_a_withdrawal_has_a_date_and_a_reason(results, truth):
    name = next((results / "submissions").iterdir()).name
    withdraw(results, name)
    (results / "withdrawn" / f"{name}.json").write_text('{"reason": "x"}')
    assert codes(check(results, truth)) == {"withdrawal-invalid"}


def test_files_of_nothing_are_named(results, truth):
    withdraw(results, "multiplane--nobody--000000000000")
    (results / "verification" / "notes.txt").write_text("x")
    assert codes(check(results, truth)) == {"stray-file"}


def test_a_swapped_prediction_file_is_found(results, truth):
    folder = next((results / "submissions").iterdir())
    (folder / "predictions.parquet").write_bytes(b"others")
    found = check(results, truth)
    assert codes(found) == {"files-differ"}
    assert any("predictions.parquet has 6 bytes" in finding.detail for finding in found)


@pytest.mark.parametrize("name", [".DS_Store", ".hidden.py"])
def test_nothing_hides_in_an_old_submission(results, truth, tmp_path, name):
    base = shutil.copytree(results, tmp_path / "base")
    folder = next((results / "submissions").iterdir())
    (folder / name).write_bytes(b"x")
    (folder / ".git").mkdir()
    found = check(results, truth, base)
    assert codes(found) == {"folder-invalid"}
    assert all(f"'{odd}' is not part" in found[0].detail for odd in (name, ".git"))


def test_hidden_folders_beside_submissions_are_none(results, truth):
    for place in ("", "submissions", "verification"):
        (results / place / ".git").mkdir()
        (results / place / ".DS_Store").write_bytes(b"x")
    assert check(results, truth) == []
    assert len(read_results(results).submissions) == 2


@pytest.mark.parametrize("name", ["extra.py", "predictions.npz"])
def test_a_file_too_many_or_too_few(results, truth, name):
    folder = next((results / "submissions").iterdir())
    (folder / name).write_bytes(b"x")
    (folder / "predictions.parquet").unlink()
    found = check(results, truth)
    assert codes(found) == {"folder-invalid"}
    assert all(told in found[0].detail for told in (f"'{name}' is not part", "predictions.parquet is missing"))


def test_a_link_is_no_file(results, truth, tmp_path):
    folder = next((results / "submissions").iterdir())
    path = folder / "predictions.parquet"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    found = check(results, truth)
    assert codes(found) == {"folder-invalid"}
    assert "'predictions.parquet' is a symbolic link" in found[0].detail


def test_the_same_predictions_twice_under_one_method(results, truth):
    rows = rows_of(0.8, 3)
    add(results, "twice", rows, predictions=b"same", notes="a")
    add(results, "twice", rows, predictions=b"same", notes="b")
    add(results, "another", rows, predictions=b"same")  # that is for verify to find: it compares volumes
    truth.remember(results)
    assert codes(check(results, truth)) == {"submitted-twice"}


def test_a_name_that_others_use_is_flagged(results, truth):
    add(results, "good", rows_of(0.8, 3), authors=[{"name": "Eve"}], created="2026-12-01T00:00:00+00:00")
    truth.remember(results)
    found = check(results, truth)
    assert codes(found, "flagged") == {"name-shared"}
    assert passes(found)


def test_no_folder_at_all(tmp_path, truth):
    assert codes(check(tmp_path, truth)) == {"no-results"}


def test_a_damaged_verification_is_named(results, truth):
    path, record = record_of(results)
    path.write_text(json.dumps({"submission": record.submission}))
    assert codes(check(results, truth)) == {"verification-damaged", "not-verified"}


def test_verification_records_are_read_as_they_were_written(results, tmp_path):
    _, record = record_of(results)
    full = replace(record, toolkit={"a": {"b": 1}}, memorisation={"x": 0.5}, largest_difference=None)
    path = write_verification(tmp_path / "results", full)
    assert verification_of(json.loads(path.read_text())) == full


def test_the_workflow_gives_a_strangers_branch_nothing():
    path = Path(__file__).parents[2] / "docs" / "results_repository" / "check.yml"
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert workflow["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow["jobs"].values())
    assert set(workflow[True]) == {"pull_request", "push"}  # YAML 1.1 reads the key "on" as true
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    checkout = next(step for step in steps if "checkout" in step.get("uses", ""))
    assert checkout["with"]["persist-credentials"] is False
    assert "secrets." not in path.read_text(encoding="utf-8")
    assert not any("${{" in step.get("run", "") for step in steps)  # a branch's name is never part of a script
