"""A stranger's package adds a task family and a method: run, compare and report know them without a change here.

The package lies outside the repository and is found by its entry points alone. Its family, the volume of a bone from
one plane, shares nothing with shape completion: a number is asked for, and its error is what is measured.
"""

from __future__ import annotations

import json

import pytest
from strangers_volume import FAMILY, METHOD, PACKAGE, called, install

from benchmark.cli import app


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """The command line, with the stranger's package installed."""
    install(tmp_path / "site")
    yield from called(app, PACKAGE, tmp_path, monkeypatch)


def lines_of(code):
    return len(code.strip().splitlines())


def test_a_family_and_a_method_are_a_few_lines_and_nothing_else_changes(invoke, mini_dir, tmp_path):
    assert lines_of(FAMILY) <= 60
    assert lines_of(METHOD) <= 20
    assert "bone-volume" in invoke("list", "tasks")
    assert "volume-area" in invoke("list", "methods")
    assert "error" in invoke("list", "metrics")

    run = ("run", "--task", "bone-volume", "--data", mini_dir, "--limit", 20, "--device", "cpu")
    told = invoke(*run, "--method", "volume-area", "--out", "area", "--json", "area.json")
    assert "error volume ml" in told
    assert "20/20" in told
    invoke(*run, "--method", "volume-nothing", "--out", "nothing")

    # The error of an answer of zero is the volume itself: computed here from the data set, without the family.
    from benchmark.data.rows import Rows
    from medshape_text import decode_mask

    rows = [json.loads(line) for line in (tmp_path / "nothing" / "cases.jsonl").read_text().splitlines()]
    data = Rows(mini_dir, "sdf64", "test")
    places = {row["id"]: place for place, row in enumerate(data.light)}
    for row in rows:
        place = places[row["case"]]
        voxel = 1 / data.light[place]["scale"] / 32
        volume = decode_mask(data.heavy(place)).sum() * voxel**3 / 1000
        assert row["value"] == pytest.approx(volume, rel=1e-6)

    compared = invoke("compare", "area", "nothing", "--json", "compared.json")
    assert "volume-area minus volume-nothing on bone-volume" in compared
    (figures,) = json.loads((tmp_path / "compared.json").read_text())["comparisons"]
    mine, theirs = (summary(tmp_path / name) for name in ("area", "nothing"))
    assert figures["difference"]["value"] == pytest.approx(mine - theirs)
    assert mine < theirs / 2

    invoke("report", "area", "nothing", "--data", mini_dir, "-o", "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    for word in ("bone-volume", "volume-area", "volume-nothing", "the volume of a bone from its middle plane"):
        assert word in html
    assert f"{mine:.3g}" in html
    assert "Error, ml" in html


def test_a_run_of_it_goes_on_where_it_was_stopped_and_other_families_do_not_matter(invoke, mini_dir, tmp_path):
    run = ("run", "--task", "bone-volume", "--data", mini_dir, "--limit", 4, "--method", "volume-area")
    invoke(*run, "--out", "whole")
    invoke(*run, "--out", "part")
    path = tmp_path / "part" / "cases.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    invoke(*run, "--out", "part")
    assert path.read_bytes() == whole == (tmp_path / "whole" / "cases.jsonl").read_bytes()


def summary(folder):
    """Mean over categories of the mean of each, by hand."""
    rows = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    by_category = {}
    for row in rows:
        by_category.setdefault(row["category"], []).append(row["value"])
    return sum(sum(values) / len(values) for values in by_category.values()) / len(by_category)
