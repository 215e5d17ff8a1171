"""The command line as people meet it: tables, exit codes, one message an error."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from synthetic import SPEC, one_message, rewrite_manifest, write_data_set
from typer.testing import CliRunner

from benchmark.cli import app

MEAN = """
import numpy as np
from benchmark.contract import Prediction

class Mean:
    def fit(self, data, workdir):
        assert len(data) == 6
        workdir.mkdir(exist_ok=True)
        (workdir / "seen").write_text(" ".join(data.ids))
        self.mean = np.mean([data.sdf(i) for i in range(len(data))], axis=0)
    def predict(self, request):
        return Prediction({"shape": self.mean})

def build(context):
    return Mean()
"""
CONSTANT = """
from benchmark.contract import Prediction
import numpy as np
SHAPE = (64, 64, 64)
VALUE = {value}
class Constant:
    def predict(self, request):
        return Prediction({"shape": np.full(SHAPE, VALUE, np.float32)})
def build(context):
    return Constant()
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data_set(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture
def mean(stranger):
    return stranger("test-mean", MEAN, SPEC + 'fit = "on-run"\n')


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "30")  # of no terminal, so no figure is cut
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def test_run_prints_scores_and_writes_the_record(invoke, mean, data, tmp_path):
    result = invoke("run", "--method", "test-mean", "--task", "triplane", "--data", data, "--json", "figures.json",
                    "--device", "cpu")  # fmt: skip
    assert result.exit_code == 0, result.output
    for word in ("dice", "observed_dice", "cd genmed x100", "uhd dense mm", "6/6", "femur_left", "patella_left"):
        assert word in result.stdout
    folder = tmp_path / "runs" / "triplane" / "test-mean-set"
    assert {"run.json", "cases.jsonl", "timings.jsonl", "predictions"} <= {path.name for path in folder.iterdir()}
    figures = json.loads((tmp_path / "figures.json").read_text())
    dice = figures["metrics"][0]
    assert (dice["metric"], dice["scored"], dice["expected"]) == ("dice", 6, 6)
    assert 0 < dice["macro"]["low"] <= dice["macro"]["value"] <= dice["macro"]["high"] <= 1
    (seen,) = (tmp_path / "cache").rglob("seen")
    assert "e0" not in seen.read_text()


def test_the_oracle_is_perfect_and_repeats_byte_for_byte(invoke, data, tmp_path):
    for name in ("one", "two"):
        result = invoke(
            "run", "--method", "oracle", "--task", "broken", "--data", data, "--out", name, "--device", "cpu"
        )
        assert result.exit_code == 0, result.output
    for file in ("cases.jsonl", *(f"predictions/{path.name}" for path in (tmp_path / "one/predictions").iterdir())):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    rows = [json.loads(line) for line in (tmp_path / "one" / "cases.jsonl").read_text().splitlines()]
    assert {(row["metric"], row["value"]) for row in rows} == {("dice", 1), ("cd", 0), ("uhd", 0), ("hd95", 0)}


def test_limit_and_compare(invoke, mean, data, tmp_path):
    for method in ("oracle", "test-mean"):
        invoke("run", "--method", method, "--task", "noisy", "--data", data, "--limit", 5, "--out", method,
               "--device", "cpu")  # fmt: skip
    assert len({json.loads(line)["case"] for line in (tmp_path / "oracle/cases.jsonl").read_text().splitlines()}) == 5
    result = invoke("compare", "oracle", "test-mean", "--json", "compared.json")
    assert result.exit_code == 0, result.output
    assert "oracle minus test-mean on noisy" in result.stdout
    dice = json.loads((tmp_path / "compared.json").read_text())["comparisons"][0]
    assert dice["separated"]
    assert dice["difference"]["value"] > 0
    one_message(invoke("compare", "oracle"), 2, "at least two")
    one_message(invoke("compare", "oracle", data), 5, "not a run folder")


def test_runs_of_different_tasks_do_not_compare(invoke, data):
    for task in ("noisy", "broken"):
        invoke("run", "--method", "oracle", "--task", task, "--data", data, "--limit", 1, "--out", task)
    one_message(invoke("compare", "noisy", "broken"), 5, "do not compare", "task")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--method", "orcale", "--task", "broken"), ("unknown method 'orcale'", "did you mean 'oracle'")),
        (("--method", "oracle", "--task", "brokn"), ("unknown task 'brokn'", "did you mean 'broken'")),
        (("--method", "oracle", "--task", "broken", "--data", "minni"), ("'minni'", "did you mean 'mini'")),
        (("--method", "oracle", "--task", "broken", "--device", "abacus"), ("device 'abacus'",)),
        (("--method", "test-mean", "--task", "broken", "--checkpoint", "no.pt"), ("no checkpoint no.pt",)),
    ],
)
def test_bad_usage(invoke, mean, data, options, words):
    arguments = options if "--data" in options else (*options, "--data", data)
    one_message(invoke("run", *arguments), 2, *words)


def test_a_method_of_another_family_is_refused(invoke, stranger, data):
    stranger("segmenter", CONSTANT, SPEC.replace("shape-completion", "segmentation"))
    one_message(invoke("run", "--method", "segmenter", "--task", "broken", "--data", data), 2, "segmentation")


def test_bad_data(invoke, tmp_path, data):
    arguments = ("run", "--method", "oracle", "--task", "broken", "--data")
    one_message(invoke(*arguments, tmp_path), 3, "manifest.json")
    one_message(invoke(*arguments, data, "--split", "tset"), 2, "unknown split 'tset'", "did you mean 'test'")
    other = write_data_set(tmp_path / "other")
    rewrite_manifest(other, schema_version="0")
    one_message(invoke(*arguments, other), 3, "schema version '0'")


def test_bad_methods(invoke, stranger, data):
    arguments = ("--task", "broken", "--data", data)
    stranger("no-spec", CONSTANT, None)
    one_message(invoke("run", "--method", "no-spec", *arguments), 4, "no readable spec")
    stranger("no-weights", "def build(context): raise FileNotFoundError('the weights are missing')")
    one_message(invoke("run", "--method", "no-weights", *arguments), 4, "the weights are missing")
    stranger("no-fit", CONSTANT.replace("{value}", "-1"), SPEC + 'fit = "on-run"\n')
    one_message(invoke("run", "--method", "no-fit", *arguments), 4, "has no fit")
    one_message(
        invoke("fit", "--method", "no-fit", "--config", "c", "--data", data, "--out", "o"), 4, "cannot be trained"
    )


@pytest.mark.parametrize(("value", "reason"), [("float('nan')", "not_finite"), ("1.0", "empty")])
def test_bad_predictions_finish_the_run_and_are_told_last(invoke, stranger, data, tmp_path, value, reason):
    stranger("constant", CONSTANT.replace("{value}", value))
    result = invoke("run", "--method", "constant", "--task", "oneplane", "--data", data, "--out", "run")
    one_message(result, 7, f"6 of 6 predictions failed ({reason} 6)")
    assert "0/6" in result.stdout
    assert {json.loads(line)["status"] for line in (tmp_path / "run/cases.jsonl").read_text().splitlines()} == {reason}


def test_a_run_folder_of_another_configuration(invoke, data):
    arguments = ("run", "--method", "oracle", "--task", "broken", "--data", data, "--out", "run", "--limit", 1)
    assert invoke(*arguments).exit_code == 0
    one_message(invoke(*arguments, "--seed", 7), 5, "another configuration", "seed: 0 there, 7 now")
    assert invoke(*arguments).exit_code == 0


def test_fit_hands_over_to_the_method(invoke, stranger, data, tmp_path):
    stranger(
        "trainable",
        CONSTANT.replace("{value}", "-1") + "def fit_command(config, training, validation, out, device, resume):\n"
        "    if config != 'good': raise ValueError('there is no configuration ' + config)\n"
        "    out.write_text(f'{len(training)} {len(validation)} {device} {resume}')\n",
    )
    arguments = ("fit", "--method", "trainable", "--data", data, "--device", "cpu", "--out", "weights")
    assert invoke(*arguments, "--config", "good", "--no-resume").exit_code == 0
    assert (tmp_path / "weights").read_text() == "6 2 cpu False"
    one_message(invoke(*arguments, "--config", "bad"), 4, "no configuration bad")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("tasks", ("oneplane", "triplane", "multiplane", "broken", "noisy", "shape-completion")),
        ("methods", ("oracle", "sees the truth", "genmed", "nearest")),
        ("metrics", ("observed_dice", "profile genmed", "dense", "points:8192", "higher is better")),
        ("datasets", ("mini", "built when first used")),
    ],
)
def test_lists(invoke, what, words):
    result = invoke("list", what)
    assert result.exit_code == 0
    for word in words:
        assert word in result.stdout


def test_a_broken_package_does_not_hide_the_others(invoke, stranger):
    stranger("no-spec", "", None)
    result = invoke("list", "methods")
    assert result.exit_code == 0
    assert "oracle" in result.stdout
    assert "cannot be used" in result.stdout


def test_an_unknown_list_is_bad_usage(invoke):
    assert invoke("list", "tusks").exit_code == 2


@pytest.mark.parametrize("arguments", [["--help"], ["list", "methods"], ["list", "tasks"], ["list", "metrics"]])
def test_help_and_lists_do_not_load_torch(arguments):
    code = (
        "import sys\nfrom benchmark.cli import app\n"
        f"try:\n    app({arguments!r})\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "slow = {'torch', 'pandas', 'datasets'} & set(sys.modules)\nassert not slow, slow\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
