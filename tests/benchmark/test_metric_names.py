"""Names of metrics and profiles: what is allowed goes through records and tables, the rest is refused at once."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.cli.tables import run_figures, run_tables
from benchmark.metrics.base import Signature
from benchmark.records import Row, load_run
from benchmark.records.writer import RunWriter
from benchmark.report.entries import flatten
from benchmark.statistics import compare, summarise

NAMES = ("ms-ssim", "1-nna", "observed_dice", "hd95")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_what_its_signature_says(name):
    signature = Signature.of(name, f"{name}-profile", {"window": "7-9"})
    assert (signature.metric, signature.profile) == (name, f"{name}-profile")
    assert signature.choices == {"window": "7-9"}


@pytest.mark.parametrize("name", ["", "MS-SSIM", "a b", "a|b", "-a", "_a", "a:b", "a/b", "a\n", "é"])
def test_other_names_are_refused(name):
    for metric, profile in ((name, "p"), ("m", name)):
        with pytest.raises(ValueError, match="may not be called"):
            Signature.of(metric, profile, {})


@pytest.fixture
def run(tmp_path):
    """A run of metrics that no family here has."""
    folder = tmp_path / "run"
    folder.mkdir()
    configuration = {"method": {"name": "m"}, "task": {"name": "triplane"}, "data": {"revision": "r"}, "seed": 0}
    configuration["signatures"] = {f"a-profile/{name}": str(Signature.of(name, "a-profile", {})) for name in NAMES}
    writer = RunWriter(folder)
    writer.open(configuration, {"cases": ["a", "b"], "configuration_sha256": "0"})
    for case in ("a", "b"):
        rows = [Row(case, case, "c", "real", n, Signature.of(n, "a-profile", {}), 0.5, "ok") for n in NAMES]
        timing = {"case": case, "seconds": 1.0, "status": "ok", "peak_rss_mib": 1.0}
        writer.finish_case(timing, {"case": case, "sha256": "0", "floor": []}, None)
        writer.finish_group(rows)
    return load_run(folder)


def test_they_go_through_record_summary_comparison_and_tables(run):
    assert [summary.metric for summary in summarise(run.rows)] == list(NAMES)
    assert [each.metric for each in compare(run, run)] == list(NAMES)
    assert [metric["metric"] for metric in run_figures(run)["metrics"]] == list(NAMES)
    assert run_tables(run)
    assert ("configuration.signatures.a-profile/ms-ssim", "ms-ssim|a-profile|v1") in flatten(run.provenance)
    shown = CliRunner().invoke(app, ["compare", str(run.path), str(run.path), "--json", str(run.path / "c.json")])
    assert shown.exit_code == 0, shown.output
    assert "ms-ssim" in shown.output.replace("\n", "")
    assert "ms-ssim" in json.dumps(json.loads((run.path / "c.json").read_text()))
