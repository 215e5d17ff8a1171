"""From a run to a submission: complete runs only, whole or not at all, always the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from fake_runs import make_run
from submitting_process import CARD
from submitting_server import contents, killed_everywhere

from benchmark.methods import find_method
from benchmark.provenance import configuration_hash
from benchmark.records import load_run
from leaderboard.submission import SubmissionError, Weights, open_submission, to_folder
from leaderboard.submission.making import make_submission


@pytest.fixture
def run(run_of, tmp_path) -> Path:
    """A finished run that may be damaged."""
    return Path(shutil.copytree(run_of("fair"), tmp_path / "run"))


def refused(code: str, run: Path, to: Path, *words: str, **options: object) -> None:
    """Nothing is written, and one sentence says why."""
    with pytest.raises(SubmissionError) as caught:
        make_submission(run, to, options.pop("card", CARD), **options)  # type: ignore[arg-type]
    assert caught.value.code == code, str(caught.value)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert not to.exists() or list(to.iterdir()) == []


def rewrite(run: Path, change) -> None:
    """Change the run record, and its hash with it."""
    path = run / "run.json"
    record = json.loads(path.read_text())
    change(record)
    record["configuration_sha256"] = configuration_hash(record["configuration"])
    path.write_text(json.dumps(record))


def lines(path: Path, change) -> None:
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def test_a_submission_holds_what_the_run_measured(run_of, tmp_path, data_set) -> None:
    run = run_of("fair")
    folder = make_submission(run, tmp_path / "out", CARD, data_set)
    found = contents(folder)
    assert set(found) == {"submission.json", "run.json", "cases.jsonl", "timings.jsonl", "observations.jsonl",
                          "predictions.parquet", "files.json"}  # fmt: skip
    for name in ("run.json", "cases.jsonl", "timings.jsonl", "observations.jsonl"):
        assert found[name] == (run / name).read_bytes()
    listing = json.loads(found.pop("files.json"))
    assert listing == {
        name: {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)} for name, body in found.items()
    }
    digest = hashlib.sha256((folder / "files.json").read_bytes()).hexdigest()
    assert folder.name == f"multiplane--fair--{digest[:12]}"
    table = pq.read_table(folder / "predictions.parquet")
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("case", "string"), ("sha256", "string"), ("shape", "binary")
    ]  # fmt: skip
    rows = table.to_pylist()
    assert [row["case"] for row in rows] == json.loads(found["run.json"])["cases"]
    for row in rows:
        with np.load(run / "predictions" / f"{row['case']}.npz") as stored:
            assert row["shape"] == stored["shape"].astype("<f2").tobytes(order="C")
        assert row["sha256"] == hashlib.sha256(row["shape"]).hexdigest()
        assert len(row["shape"]) == 64**3 * 2
    group = pq.ParquetFile(folder / "predictions.parquet").metadata.row_group(0)
    assert {group.column(index).compression for index in range(3)} == {"ZSTD"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}
    assert folder.stat().st_mode & 0o777 == 0o755


def test_what_is_said_comes_from_run_spec_and_card(run_of, tmp_path, data_set) -> None:
    folder = make_submission(run_of("fair"), tmp_path, CARD, data_set)
    said, run = json.loads((folder / "submission.json").read_bytes()), load_run(run_of("fair"))
    assert said["method"] == {
        "name": "fair", "title": "Mine", "control": False,
        "spec_sha256": run.configuration["method"]["spec_sha256"],
        "code_sha256": run.configuration["method"]["code_sha256"],
    }  # fmt: skip
    assert said["data"] == {"name": "stub", **run.configuration["data"]}
    assert said["signatures"] == run.configuration["signatures"]
    assert (said["seeds"], said["samples_per_case"], said["made_by"]) == ([0], 1, "run")
    assert said["hardware"]["cores"] == run.provenance["hardware"]["cores"]
    assert (said["weights"], said["code"], said["training_sets"]) == ("none", "none", ["none"])
    assert "paper" not in said


@pytest.mark.parametrize(("name", "control"), [("oracle", True), ("mean-shape", True), ("interpolation", False)])
def test_the_spec_of_an_installed_method_is_taken(data_set, tmp_path, name, control) -> None:
    run = make_run(tmp_path / "run", data_set, name, failing=["e0_femur_left"])
    card = dataclasses.replace(CARD, title=None, licence=None, training_sets=())
    said = open_submission(make_submission(run, tmp_path / "out", card, data_set)).document
    spec = find_method(name).spec
    assert (said["method"]["sees_truth"], said["method"]["control"]) == (spec.sees_truth, control)
    assert (said["method"]["title"], said["licence"]) == (spec.title, spec.licence)
    assert said["training_sets"] == (["genmed-bench/mini:train"] if name == "mean-shape" else ["none"])
    rewrite(run, lambda record: record["configuration"]["method"].update(spec_sha256="0" * 64))
    refused("card", run, tmp_path / "other", "title", card=card, data=data_set)
    unknown = open_submission(make_submission(run, tmp_path / "out", CARD, data_set)).document
    assert "sees_truth" not in unknown["method"]


def test_weights_that_were_used_are_told(data_set, tmp_path) -> None:
    run = make_run(tmp_path / "run", data_set, "fair", weights=b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    made = make_submission(run, tmp_path / "a", CARD, data_set)
    assert open_submission(made).document["weights"] == [{"sha256": digest}]
    linked = dataclasses.replace(CARD, weights=(Weights(digest, "https://a.org/w"),))
    assert open_submission(make_submission(run, tmp_path / "b", linked, data_set)).document["weights"] == [
        {"sha256": digest, "url": "https://a.org/w"}
    ]
    for code, word, changes in (
        ("card", digest, {"weights": (Weights("0" * 64),)}),
        ("card", "about 'other'", {"method": "other"}),
        ("schema", "SPDX", {"licence": "free"}),
        ("schema", "notes", {"notes": "\x1b[2J"}),
        ("schema", "invisible", {"notes": "gen\u200bmed"}),
    ):
        refused(code, run, tmp_path / "c", word, card=dataclasses.replace(CARD, **changes), data=data_set)


def test_failed_cases_have_no_prediction_and_keep_their_rows(run_of, tmp_path, data_set) -> None:
    folder = make_submission(run_of("faulty"), tmp_path, CARD, data_set)
    cases = pq.read_table(folder / "predictions.parquet")["case"].to_pylist()
    assert len(cases) == 5
    assert "e2_patella_left" not in cases
    rows = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    assert {row["status"] for row in rows if row["case"] == "e2_patella_left"} == {"crashed"}


def test_the_same_run_gives_the_same_bytes_and_is_not_written_twice(run_of, tmp_path, data_set) -> None:
    first = make_submission(run_of("fair"), tmp_path / "a", CARD, data_set)
    before = first.stat().st_mtime_ns
    assert make_submission(run_of("fair"), tmp_path / "a", CARD, data_set) == first
    assert first.stat().st_mtime_ns == before
    again = make_submission(run_of("fair"), tmp_path / "b", CARD, data_set)
    assert (again.name, contents(again)) == (first.name, contents(first))
    other = make_submission(run_of("fair"), tmp_path / "a", dataclasses.replace(CARD, notes="another"), data_set)
    assert other.name != first.name
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted([first.name, other.name])


def test_a_copy_into_a_results_folder(run_of, tmp_path, data_set) -> None:
    made = make_submission(run_of("fair"), tmp_path / "made", CARD, data_set)
    results = tmp_path / "results"
    copy = to_folder(made, results)
    assert copy == results / "submissions" / made.name
    assert contents(copy) == contents(made)
    before = copy.stat().st_mtime_ns
    assert to_folder(made, results) == copy
    assert copy.stat().st_mtime_ns == before
    assert [path.name for path in copy.parent.iterdir()] == [made.name]
    (copy / "cases.jsonl").write_bytes(b"{}\n")
    with pytest.raises(SubmissionError, match=r"cases\.jsonl has 3 bytes, not \d+ as files\.json says"):
        to_folder(made, results)


def _edit_row(text: list[str]) -> list[str]:
    return [text[0].replace('"value": 0.', '"value": 1.'), *text[1:]]


@pytest.mark.parametrize(
    ("code", "word", "damage"),
    [
        ("incomplete", "lacks", lambda run: lines(run / "cases.jsonl", lambda text: text[:-7])),
        ("incomplete", "not all rows", lambda run: lines(run / "cases.jsonl", lambda text: text[:-1])),
        ("incomplete", "not all rows", lambda run: lines(run / "cases.jsonl", lambda text: [*text, text[-1]])),
        ("incomplete", "not all rows",
         lambda run: lines(run / "cases.jsonl", lambda text: [text[1], text[0], *text[2:]])),
        ("incomplete", "torn", lambda run: lines(run / "cases.jsonl", lambda text: [*text[:-1], text[-1][:-1]])),
        ("incomplete", "lacks", lambda run: lines(run / "timings.jsonl", lambda text: text[1:])),
        ("incomplete", "torn", lambda run: lines(run / "timings.jsonl", lambda text: [*text, text[-1]])),
        ("incomplete", "missing", lambda run: (run / "observations.jsonl").unlink()),
        ("run", "no run.json", lambda run: (run / "run.json").unlink()),
        ("run", "not of this run",
         lambda run: lines(run / "cases.jsonl", lambda text: [*text, text[-1].replace("e2_p", "e9_p")])),
        ("run", "damaged",
         lambda run: lines(run / "cases.jsonl", lambda text: [text[0].replace('"value": 0.', '"value": "x'
                                                              ).replace(', "status"', '", "status"'), *text[1:]])),
        ("run", "damaged", lambda run: lines(run / "cases.jsonl", lambda text: [
            json.dumps(json.loads(text[0]) | {"value": None}) + "\n", *text[1:]])),
        ("run", "is missing", lambda run: (run / "predictions" / "e1_femur_left.npz").unlink()),
        ("run", "hash", lambda run: (run / "run.json").write_text(
            (run / "run.json").read_text().replace('"seed": 0', '"seed": 1'))),
        ("limited", "--limit", lambda run: rewrite(run, lambda record: record["configuration"].update(limit=3))),
        ("task", "otherwise", lambda run: rewrite(
            run, lambda record: record["configuration"]["task"].update(version=0))),
        ("signatures", "dense/cd", lambda run: rewrite(
            run, lambda record: record["configuration"]["signatures"].update({"dense/cd": "cd|dense|v0"}))),
        ("data", "revision", lambda run: rewrite(
            run, lambda record: record["configuration"]["data"].update(revision="synthetic"))),
        ("data", "revision", lambda run: rewrite(run, lambda record: record["configuration"]["data"].pop("revision"))),
        ("prediction", "cannot be read", lambda run: (run / "predictions" / "e1_femur_left.npz").write_bytes(b"PK")),
        ("prediction", "not as the runner", lambda run: np.savez(
            run / "predictions" / "e1_femur_left.npz", shape=np.full((64, 64, 64), -1, np.float16))),
        ("prediction", "not as the runner", lambda run: np.savez(
            run / "predictions" / "e1_femur_left.npz", shape=np.full((64, 64, 64), 0.1, np.float16))),
        ("prediction", "cannot be read", lambda run: np.savez(
            run / "predictions" / "e1_femur_left.npz", shape=np.full((64, 64, 64), -0.1, np.float32))),
        ("prediction", "cannot be read", lambda run: np.savez(
            run / "predictions" / "e1_femur_left.npz", shape=np.array([{"a": 1}], dtype=object))),
    ],
)  # fmt: skip
def test_a_run_that_is_not_all_it_should_be_is_refused(run, tmp_path, code, word, damage, data_set) -> None:
    damage(run)
    refused(code, run, tmp_path / "out", word, data=data_set)


def test_a_prediction_beside_a_failure_is_refused(run_of, tmp_path, data_set) -> None:
    run = Path(shutil.copytree(run_of("faulty"), tmp_path / "run"))
    shutil.copyfile(run / "predictions" / "e0_femur_left.npz", run / "predictions" / "e2_patella_left.npz")
    refused("run", run, tmp_path / "out", "the case failed", data=data_set)


def test_cases_are_compared_with_the_data(data_set, run_of, tmp_path) -> None:
    other = make_run(tmp_path / "validation", data_set, "fair", split="validation")
    make_submission(other, tmp_path / "ok", CARD, data_set)
    rewrite(other, lambda record: record["configuration"]["data"].update(split="test"))
    refused("incomplete", other, tmp_path / "out", "v0_femur_left", data=data_set)
    rewrite(other, lambda record: record["configuration"]["data"].update(split="train"))
    refused("incomplete", other, tmp_path / "out", data=data_set)
    learnt = make_run(tmp_path / "train", data_set, "fair", split="train")
    refused("schema", learnt, tmp_path / "out", "split", data=data_set)
    rewrite(other, lambda record: record["configuration"]["data"].update(revision="0" * 64))
    refused("data", other, tmp_path / "out", "revision", data=data_set)
    refused("data", run_of("fair"), tmp_path / "out", "not a finished data set", data=tmp_path)
    refused("run", tmp_path / "absent", tmp_path / "out", "not a run folder", data=data_set)
    assert not (tmp_path / "absent").exists()


def test_a_run_in_use_is_not_read(run, tmp_path, data_set) -> None:
    from benchmark.records.files import exclusive

    with exclusive(run):
        refused("run", run, tmp_path / "out", "in use", data=data_set)


def test_a_full_disk_is_one_message(run, tmp_path, monkeypatch, data_set) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    refused("disk", run, tmp_path / "out", data=data_set)
    monkeypatch.undo()
    (tmp_path / "file").write_text("")
    with pytest.raises(SubmissionError, match="cannot write"):
        make_submission(run, tmp_path / "file" / "out", CARD, data_set)


def test_a_damaged_submission_is_not_opened(run_of, tmp_path, data_set) -> None:
    made = make_submission(run_of("fair"), tmp_path / "made", CARD, data_set)
    for number, (said, damage) in enumerate([
        ("timings.jsonl is missing", lambda folder: (folder / "timings.jsonl").unlink()),
        ("'extra' is not part", lambda folder: (folder / "extra").write_text("")),
        ("canonical form",
         lambda folder: (folder / "files.json").write_text((folder / "files.json").read_text() + "\n")),
        ("symbolic link",
         lambda folder: ((folder / "run.json").unlink(), (folder / "run.json").symlink_to(made / "run.json"))),
        ("do not agree", lambda folder: (folder / "files.json").write_text("{}")),
        ("predictions.parquet has 0 bytes", lambda folder: (folder / "predictions.parquet").write_bytes(b"")),
    ]):  # fmt: skip
        folder = Path(shutil.copytree(made, tmp_path / f"{number}" / made.name))
        damage(folder)
        with pytest.raises(SubmissionError) as caught:
            open_submission(folder)
        assert caught.value.code == "damaged"
        assert said in str(caught.value)
    with pytest.raises(SubmissionError, match="is no submission"):
        open_submission(tmp_path)


def test_killed_at_every_step(submitting, run_of, tmp_path, data_set) -> None:
    killed_everywhere(submitting, f"{run_of('faulty')}|{data_set}", tmp_path)


def test_two_at_once_do_not_disturb_each_other(run_of, tmp_path, data_set) -> None:
    from leaderboard.submission.writing import PARTIAL, partial

    with partial(tmp_path / "to") as held:
        (held / "file").write_text("mine")
        made = make_submission(run_of("fair"), tmp_path / "to", CARD, data_set)
        assert (held / "file").read_text() == "mine"
    dead = tmp_path / "to" / f"{PARTIAL}dead"
    dead.mkdir()
    (dead / "file").write_text("")
    (tmp_path / "to" / f"{PARTIAL}gone.lock").touch()
    (tmp_path / "to" / f"{PARTIAL}link").symlink_to(made)
    make_submission(run_of("fair"), tmp_path / "to", CARD, data_set)
    assert not dead.exists()
    assert {path.name for path in (tmp_path / "to").iterdir()} == {made.name, f"{PARTIAL}link"}
    assert open_submission(made).id == made.name
