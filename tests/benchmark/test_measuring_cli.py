"""``genmed-bench metrics``: the numbers of the functions, failures counted, one message an error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial.distance import cdist
from synthetic import one_message
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.cli.measuring import byte_count
from benchmark.data.clouds import Sampling, read_shape
from benchmark.errors import UsageError
from benchmark.metrics.generation.scores import generation_scores


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        result = CliRunner().invoke(app, ["metrics", *(str(argument) for argument in arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def folders(tmp_path):
    """Five generated and six real ellipsoids, as meshes of all kinds."""
    rng = np.random.default_rng(0)
    suffixes = ["ply", "stl", "obj", "glb", "off"]
    for folder, count in (("made", 5), ("real", 6)):
        (tmp_path / folder).mkdir()
        for index in range(count):
            mesh = trimesh.creation.icosphere(subdivisions=2)
            mesh.apply_scale(rng.uniform(0.3, 1, 3))
            mesh.export(tmp_path / folder / f"{folder}{index}.{suffixes[index % 5]}")
    return tmp_path / "made", tmp_path / "real"


def sampled(folder, sampling):
    side = {"made": "generated", "real": "reference"}[folder.name]
    return [sampling.draw(read_shape(path), f"{side}/{path.stem}").points for path in sorted(folder.iterdir())]


def brute(generated, reference):
    """MMD both ways, COV, 1-NNA and nearest references from the whole matrix, as PointFlow defines them."""
    shapes = [*generated, *reference]
    matrix = np.array([[(cdist(a, b, "sqeuclidean").min(0).mean() + cdist(a, b, "sqeuclidean").min(1).mean())
                        for b in shapes] for a in shapes])  # fmt: skip
    n = len(generated)
    cross = matrix[:n, n:]
    np.fill_diagonal(matrix, np.inf)
    label = np.arange(len(shapes)) < n
    nna = (label[matrix.argmin(axis=1)] == label).mean()
    covered = len(set(cross.argmin(axis=1))) / len(reference)
    return cross.min(axis=0).mean(), cross.min(axis=1).mean(), covered, nna, cross.argmin(axis=1)


def test_field_profile_equals_the_whole_matrix(invoke, folders):
    made, real = folders
    result = invoke(made, real, "--points", 64, "--no-intervals", "--workers", 1, "--json", "out.json")
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("out.json").read_text())
    sampling = Sampling("field", 64)
    mmd_ref, mmd_gen, cov, nna, nearest = brute(sampled(made, sampling), sampled(real, sampling))
    values = {line["metric"]: line["value"] for line in figures["metrics"]}
    assert values == {"mmd_ref": pytest.approx(mmd_ref), "cov": pytest.approx(cov), "1nna": pytest.approx(nna)}
    assert figures["scores"]["mmd_gen"] == pytest.approx(mmd_gen)
    names = sorted(path.name for path in real.iterdir())
    assert [row["nearest"] for row in figures["nearest"]["generated"]] == [names[place] for place in nearest]
    assert [row["file"] for row in figures["nearest"]["reference"]] == names
    assert figures["intervals"] is None
    assert "points:64|mesh:area-uniform" in figures["signature"]
    for word in ("mmd_ref", "cov", "1nna", "n/a", "generated: 5 (mesh 5), 0 failed", "references: 6", "of 55 computed",
                 "signature: generation|field|points:64", "only for sets of equal size"):  # fmt: skip
        assert word in result.stdout
    assert "comparing" not in result.output  # progress is for terminals


def test_the_default_is_the_function_with_2048_points(invoke, folders):
    made, real = folders
    invoke(made, real, "--no-intervals", "--json", "out.json")
    figures = json.loads(Path("out.json").read_text())
    expected = generation_scores(sampled(made, Sampling("field")), sampled(real, Sampling("field")))
    assert figures["points"] == 2048
    assert {name: figures["scores"][name] for name in expected.as_dict()} == expected.as_dict()
    assert figures["metrics"][0]["signature"].startswith("mmd_ref|field|points:2048|")
    assert figures["metrics"][0]["signature"].endswith(expected.signature.removeprefix("generation|chamfer"))


def test_genmed_profile_is_scaled_and_over_generated(invoke, folders):
    made, real = folders
    invoke(made, real, "--profile", "genmed", "--points", 32, "--no-intervals", "--json", "out.json")
    figures = json.loads(Path("out.json").read_text())
    sampling = Sampling("genmed", 32)
    _, mmd_gen, cov, nna, _ = brute(sampled(made, sampling), sampled(real, sampling))
    values = {line["metric"]: line["value"] for line in figures["metrics"]}
    assert values == {"mmd_gen": pytest.approx(100 * mmd_gen), "cov": pytest.approx(100 * cov),
                      "1nna": pytest.approx(100 * nna)}  # fmt: skip
    assert "scale:100" in figures["metrics"][0]["signature"]


def test_intervals(invoke, folders):
    made, real = folders
    arguments = (made, real, "--points", 64, "--replicates", 50, "--json", "out.json")
    result = invoke(*arguments)
    figures = json.loads(Path("out.json").read_text())
    assert result.exit_code == 0, result.output
    for line in figures["metrics"]:
        low, high = line["interval"]
        assert low <= line["value"] <= high
    assert "replicates:50" in figures["interval_signature"]
    assert "intervals: generation-interval" in result.stdout
    invoke(*arguments)
    assert json.loads(Path("out.json").read_text()) == figures
    (made / "made4.off").unlink()
    (made / "made3.glb").unlink()
    result = invoke(*arguments)
    assert result.exit_code == 0
    assert "no intervals: they need 4 shapes" in result.stdout


def test_failures_are_counted_named_and_worst(invoke, folders):
    made, real = folders
    (made / "broken.stl").write_bytes(bytes(100))
    (made / "nan.xyz").write_text("nan 0 0\n" * 100)
    np.save(made / "few.npy", np.zeros((10, 3)))
    (made / "readme.md").write_text("not a shape")
    result = invoke(made, real, "--points", 64, "--no-intervals", "--json", "out.json")
    one_message(result, 7, "3 of 8 generated shapes failed", "not finite 1", "too few points 1", "count as worst")
    figures = json.loads(Path("out.json").read_text())
    assert set(figures["generated"]["failed"]) == {"broken.stl", "few.npy", "nan.xyz"}
    assert figures["generated"]["unknown"] == ["readme.md"]
    rows = {row["file"]: row for row in figures["nearest"]["generated"]}
    assert rows["few.npy"] == {"file": "few.npy", "nearest": None, "distance": figures["scores"]["worst"],
                               "own_set_is_nearer": True}  # fmt: skip
    clouds = [None, None, *sampled_in_order(made, Sampling("field", 64)), None]
    expected = generation_scores(clouds, sampled(real, Sampling("field", 64)))
    assert {name: figures["scores"][name] for name in expected.as_dict()} == expected.as_dict()
    assert "readme.md" in result.stdout


def sampled_in_order(folder, sampling):
    return [sampling.draw(read_shape(path), f"generated/{path.stem}").points for path in sorted(folder.glob("made*"))]


def test_all_failed(invoke, folders):
    made, real = folders
    for path in made.iterdir():
        path.write_bytes(b"")
    result = invoke(made, real, "--points", 64, "--json", "out.json")
    one_message(result, 7, "5 of 5", "empty file 5")
    figures = json.loads(Path("out.json").read_text())
    assert (figures["scores"]["cov"], figures["scores"]["1nna"]) == (0, 1)


def test_unsound_references_are_errors(invoke, folders):
    made, real = folders
    (real / "a.ply").write_text("nothing")
    one_message(invoke(made, real), 3, "a.ply", "no PLY header", "must all be sound")


def test_errors_are_one_line(invoke, folders, tmp_path):
    made, real = folders
    one_message(invoke(made, tmp_path / "nowhere"), 3, "there is no folder")
    (tmp_path / "empty").mkdir()
    one_message(invoke(tmp_path / "empty", real), 3, "holds no shapes", "--recursive")
    one_message(invoke(made, real, "--max-bytes", "lots"), 2, "'lots'", "4GB")
    one_message(invoke(made, real, "--points", 64, "--no-intervals", "--max-bytes", "10"), 2, "max_bytes=10")
    assert invoke(made, real, "--profile", "fields").exit_code == 2


def test_sub_folders(invoke, folders, tmp_path):
    made, _ = folders
    (tmp_path / "sets").mkdir()
    made.rename(tmp_path / "sets" / "made")
    result = invoke("sets", "real", "-r", "--points", 64, "--no-intervals", "--json", "out.json")
    assert result.exit_code == 0, result.output
    rows = json.loads(Path("out.json").read_text())["nearest"]["generated"]
    assert rows[0]["file"] == "made/made0.ply"


def test_seed_and_normalisation_change_the_signature(invoke, folders):
    made, real = folders
    signatures = set()
    for extra in ((), ("--seed", 1), ("--normalise", "box"), ("--normalise", "shape")):
        invoke(made, real, "--points", 64, "--no-intervals", "--json", "out.json", *extra)
        signatures.add(json.loads(Path("out.json").read_text())["signature"])
    assert len(signatures) == 4


def test_help_names_what_can_be_read(invoke):
    text = invoke("--help").stdout
    for word in ("GENERATED", ".glb", ".npz", "--normalise", "--max-bytes", "MMD, COV and 1-NNA"):
        assert word.lower() in text.lower()


@pytest.mark.parametrize(
    ("text", "count"), [("4GB", 4 * 10**9), ("4gib", 2**32), ("10", 10), ("0.5 k", 500), ("7B", 7)]
)
def test_byte_counts(text, count):
    assert byte_count(text) == count


@pytest.mark.parametrize("text", ["", "-1", "4PB", "GB", "1e9", "4 GBs"])
def test_no_byte_counts(text):
    with pytest.raises(UsageError, match="no amount of memory"):
        byte_count(text)


class TestShares:
    @pytest.fixture
    def command(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])

    @pytest.mark.parametrize("profile", ["field", "genmed"])
    def test_merged_shares_are_the_whole(self, invoke, command, folders, profile):
        made, real = folders
        (made / "broken.stl").write_bytes(b"solid nothing")
        whole = invoke(made, real, "--points", 64, "--profile", profile, "--no-intervals", "--json", "whole.json")
        assert whole.exit_code == 7
        options = ("--points", 64, "--profile", profile, "--workers", 1)
        for share in ("2/3", "1/3", "3/3"):
            result = command("metrics-shard", made, real, "--share", share, "-o", f"{share[0]}.npz", *options)
            assert result.exit_code == 0, result.output
        result = command("metrics-merge", "1.npz", "2.npz", "3.npz", "--json", "merged.json")
        assert result.exit_code == 0, result.output
        figures, merged = (json.loads(Path(f"{name}.json").read_text()) for name in ("whole", "merged"))
        assert merged["scores"] == {name: figures["scores"][name] for name in merged["scores"]}
        assert merged["signature"] == figures["signature"]
        assert merged["failed"] == 1
        headline = figures["metrics"][0]["metric"]
        assert headline in result.stdout

    def test_shares_that_do_not_fit_are_refused(self, command, folders):
        made, real = folders
        command("metrics-shard", made, real, "--share", "1/2", "-o", "a.npz", "--points", 64)
        command("metrics-shard", made, real, "--share", "2/2", "-o", "b.npz", "--points", 32)
        one_message(command("metrics-merge", "a.npz", "b.npz"), 3, "different sets")
        one_message(command("metrics-merge", "a.npz"), 3, "expected shards 0 to 1")
        one_message(command("metrics-merge", "missing.npz"), 3, "missing.npz")
        for share in ("0/2", "3/2", "2", "a/b"):
            one_message(command("metrics-shard", made, real, "--share", share, "-o", "c.npz"), 2, "no share")
        assert not Path("c.npz").exists()


def test_a_real_and_a_generated_shape_of_one_name_are_drawn_apart(invoke, folders):
    """Else points of meshes of one topology correspond, and shapes that share a name are too close."""
    _, real = folders
    result = invoke(real, real, "--points", 64, "--no-intervals", "--json", "out.json")
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("out.json").read_text())
    assert figures["scores"]["mmd_ref"] > 0
    clouds = [sampled(real, Sampling("field", 64)), [
        Sampling("field", 64).draw(read_shape(path), f"generated/{path.stem}").points for path in sorted(real.iterdir())
    ]]  # fmt: skip
    assert figures["scores"]["mmd_ref"] == generation_scores(clouds[1], clouds[0]).mmd_ref
