"""`build_report` on the real mini data set: truth and observations come from disk as the run saw them."""

import shutil

import pytest

from benchmark.errors import DataError
from benchmark.report import build_report
from benchmark.tasks.shape_completion.cases import open_cases


@pytest.fixture
def real_run(mini_dir, tmp_path, writers):
    source = open_cases(mini_dir, "test", "triplane")
    cases = {group.id: source.case(group.id) for group in source.groups[:2]}
    values = {metric: dict.fromkeys(cases, 0.5) for metric in ("dice", "cd", "uhd")}
    return writers["run"](tmp_path / "run", "genmed", cases, values), cases


def test_report_of_real_bones(real_run, mini_dir, tmp_path):
    run, cases = real_run
    output = tmp_path / "report.html"
    build_report([run], mini_dir, output, limit_cases=2)
    html = output.read_text(encoding="utf-8")
    assert all(f'data-name="{case}"' in html for case in cases)
    assert html.count("<canvas") == 2 * 4  # observation, prediction, truth, error
    assert 50_000 < len(html) < 2_000_000
    assert not list(tmp_path.glob(".*.tmp"))


def test_data_the_run_was_not_made_on_are_refused_and_no_file_is_left(real_run, mini_dir, tmp_path):
    run, _ = real_run
    record = run / "observations.jsonl"
    record.write_text(record.read_text().replace('"sha256": "', '"sha256": "0'))
    with pytest.raises(DataError, match="observed differently"):
        build_report([run], mini_dir, tmp_path / "report.html")
    shutil.copytree(mini_dir, tmp_path / "other", ignore=lambda *_: ["manifest.json"])
    with pytest.raises(DataError):
        build_report([run], tmp_path / "other", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
