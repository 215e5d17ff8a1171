"""Hostile numbers: edited scores, cases left out or put in, and predictions that are somebody else's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from hostile import PARSED, SCORED, Hostile, World, both, change_document, change_record, lines
from hostile_cells import rewrite, shapes_of

from benchmark.tasks.shape_completion.cases import open_cases
from benchmark.tasks.shape_completion.training import ShapeTrainingData


def _edit(**changes):
    """Change fields of the first row."""
    return lines("cases.jsonl", lambda rows: [{**rows[0], **changes}, *rows[1:]])


def _ulp(rows):
    return [{**rows[0], "value": float(np.nextafter(rows[0]["value"], 2))}, *rows[1:]]


def _rename_case(case: str):
    def spoil(folder: Path, world: World) -> None:
        first = json.loads((folder / "run.json").read_bytes())["cases"][0]
        for name in ("run.json", "cases.jsonl", "timings.jsonl", "observations.jsonl"):
            path = folder / name
            path.write_text(path.read_text(encoding="utf-8").replace(f'"{first}"', f'"{case}"'), encoding="utf-8")

    return spoil


def _without_last_case(folder: Path, world: World) -> None:
    """The run of somebody who gave up, complete in itself."""
    path = folder / "run.json"
    record = json.loads(path.read_bytes())
    last = record["cases"].pop()
    path.write_text(json.dumps(record))
    for name in ("cases.jsonl", "timings.jsonl", "observations.jsonl"):
        lines(name, lambda rows: [row for row in rows if row["case"] != last])(folder, world)
    rewrite(folder, lambda cells: cells[:-1])


def _predict(answer):
    """Replace all predictions; ``answer(case, index, world, old)`` gives a volume."""

    def spoil(folder: Path, world: World) -> None:
        source = open_cases(world.data, "test", "multiplane")
        truth = [source.case(group.id) for group in source.groups]
        old = shapes_of(folder)
        rewrite(folder, lambda _: [(c.id, answer(c, i, world, old[c.id])) for i, c in enumerate(truth)])

    return spoil


def _noise(volume, index, size=0.05):
    return volume + np.random.default_rng(index).normal(0, size / 32, volume.shape)


def _of_other(case, index, world, old):
    return shapes_of(world.submissions["careful"])[case.id]


SCORES = [
    Hostile("a score made better", "scores-differ", "", _edit(value=0.999), SCORED),
    Hostile("a score one bit better", "scores-differ", "", lines("cases.jsonl", _ulp), SCORED),
    Hostile("a score of the wrong sign of zero", "scores-differ", "", _edit(value=-0.0), SCORED),
    Hostile("a score that is text", "record-invalid", "is no number", _edit(value="0.99")),
    Hostile("a score that is a whole number", "record-invalid", "is no number", _edit(value=1)),
    Hostile("a row with another field", "record-invalid", "fields of a row", _edit(rank=1)),
    Hostile("a status with code", "scores-differ", "", _edit(status="<script>"), SCORED),
    Hostile("another subject", "facts-differ", "", _edit(subject="nobody"), SCORED),
    Hostile(
        "another observation",
        "observation-differs",
        "",
        lines("observations.jsonl", lambda rows: [{**rows[0], "sha256": "3" * 64}, *rows[1:]]),
        SCORED,
    ),
    Hostile(
        "a failure that is none",
        "prediction-of-failed-case",
        "",
        lines(
            "cases.jsonl",
            lambda rows: [{**row, "status": "crashed"} if row["case"] == rows[0]["case"] else row for row in rows],
        ),
        SCORED,
    ),
    Hostile(
        "a prediction taken back", "prediction-missing", "", lambda f, w: rewrite(f, lambda cells: cells[1:]), SCORED
    ),
    Hostile(
        "times of zero",
        "timings-impossible",
        "",
        lines("timings.jsonl", lambda rows: [{**row, "seconds": 0.0} for row in rows]),
        SCORED,
    ),
    Hostile(
        "times of a case it has not",
        "record-invalid",
        "no case of the run",
        lines("timings.jsonl", lambda rows: [*rows[1:], {**rows[0], "case": "none", "seconds": 1e-5}]),
    ),
    Hostile(
        "times of its fastest case only",
        "record-invalid",
        "two lines",
        lines("timings.jsonl", lambda rows: [{**rows[0], "seconds": 1e-5}] * len(rows)),
    ),
    Hostile(
        "a memory of no size",
        "timings-impossible",
        "",
        lines("timings.jsonl", lambda rows: [{**row, "peak_device_mib": -1.0} for row in rows]),
        SCORED,
    ),
    Hostile(
        "a hash that is a list",
        "data-manifest-differs",
        "",
        change_record(configuration__data__manifest_sha256=[1]),
        SCORED,
    ),
    Hostile("a record without configuration", "record-invalid", "no configuration", change_record(configuration=None)),
    Hostile(
        "a record of another method", "record-invalid", "method is", change_record(configuration__method__name="genmed")
    ),
    Hostile(
        "an easier task of the same name", "task-differs", "", change_record(configuration__task__version=9), SCORED
    ),
    Hostile(
        "signatures of its own",
        "signatures-differ",
        "",
        both(
            change_document(signatures={"overlap/dice": "dice|mine|v1"}),
            change_record(configuration__signatures={"overlap/dice": "dice|mine|v1"}),
        ),
        SCORED,
    ),
]
CASES = [
    Hostile("the last case left out", "cases-differ", "lacks", _without_last_case),
    Hostile(
        "the worst rows left out",
        "cases-differ",
        "lacks",
        lines("cases.jsonl", lambda rows: [row for row in rows if row["case"] != rows[0]["case"]]),
    ),
    Hostile("a case of its own", "cases-differ", "of no split", _rename_case("my best case")),
    Hostile("a case of the validation split", "cases-differ", "of split", _rename_case("v0_femur_left")),
    Hostile("a case it was trained on", "cases-differ", "of split", _rename_case("t0_femur_left")),
    Hostile("a case twice", "cases-differ", "not together", lines("cases.jsonl", lambda rows: [*rows, *rows[:7]])),
    Hostile(
        "cases in another order",
        "cases-differ",
        "not in the order",
        lines("cases.jsonl", lambda rows: [*rows[7:], *rows[:7]]),
    ),
    Hostile("a metric left out", "cases-differ", "has rows of", lines("cases.jsonl", lambda rows: rows[1:]), SCORED),
]


def _checkers(*_):
    return np.where(np.indices((64, 64, 64)).sum(axis=0) % 2, 0.1, -0.1)


def _coins(case, index, *_):
    return np.random.default_rng(index).choice([-0.1, 0.1], (64, 64, 64))


COPIES = [
    Hostile(
        "checkerboards, which take a minute to score", "cell-unscorable", "a surface of", _predict(_checkers), PARSED
    ),
    Hostile("noise, which takes a minute to score", "cell-unscorable", "a surface of", _predict(_coins), PARSED),
    Hostile("the truth", "prediction-is-truth", "", _predict(lambda case, *_: case.truth["shape"]), SCORED),
    Hostile(
        "the truth with noise",
        "prediction-is-truth",
        "",
        _predict(lambda case, index, *_: _noise(case.truth["shape"], index)),
        SCORED,
    ),
    Hostile(
        "the truth, said to be a control",
        "prediction-is-truth",
        "",
        both(_predict(lambda case, *_: case.truth["shape"]), change_document(method__control=True)),
        SCORED,
    ),
    Hostile("another's predictions", "copied-predictions", "", _predict(_of_other), SCORED),
    Hostile(
        "another's predictions with noise",
        "copied-predictions",
        "",
        _predict(lambda c, i, w, old: _noise(_of_other(c, i, w, old), i)),
        SCORED,
    ),
    Hostile(
        "another's predictions under its name, with noise",
        "copied-predictions",
        "",
        both(
            _predict(lambda c, i, w, old: _noise(_of_other(c, i, w, old), i)),
            change_document(method__name="careful", authors=[{"name": "Eve"}]),
            change_record(configuration__method__name="careful"),
        ),
        SCORED,
    ),
    Hostile(
        "half of them another's",
        "copied-predictions",
        "",
        _predict(lambda c, i, w, old: old if i % 2 else _of_other(c, i, w, old)),
        SCORED,
    ),
    Hostile(
        "training shapes",
        "copies-training-shapes",
        "",
        _predict(lambda case, index, world, _: ShapeTrainingData(world.data).sdf(index)),
        SCORED,
    ),
    Hostile(
        "one shape for all",
        "constant-predictions",
        "",
        _predict(lambda case, index, world, _: shapes_of(world.honest)["e0_femur_left"]),
        SCORED,
    ),
]
CORPUS = [*SCORES, *CASES, *COPIES]
