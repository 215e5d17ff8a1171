"""What the code hash of a run covers: the core and its own family, and of no other family anything."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

import benchmark
from benchmark import provenance

ROOT = Path(benchmark.__file__).parent
OURS = "tasks/shape_completion"


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the sources, and the hash of a family that lies in a folder of it."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT, tmp_path / "benchmark", ignore=ignore)
    shutil.copytree(ROOT.parent / "medshape_text" / "curate", tmp_path / "medshape_text" / "curate", ignore=ignore)
    monkeypatch.setattr(provenance, "_ROOT", tmp_path / "benchmark")
    return tmp_path


@pytest.fixture
def hash_of(copy, monkeypatch):
    def find(folder, outside=False, alone=False):
        path = (copy / folder if outside else copy / "benchmark" / folder) / "family.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text("class Other: ...\n")
        package = "" if alone else "copied."
        module = ModuleType(f"{package}copied_{len(sys.modules)}")
        module.__file__ = str(path)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return provenance.code_hash(type("Copied", (), {"__module__": module.__name__})())

    return find


def touch(path, text="# changed\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        stream.write(text)


def test_another_familys_files_do_not_matter(copy, hash_of):
    before = hash_of(OURS)
    assert hash_of("tasks/other") != before
    touch(copy / "benchmark" / "tasks" / "other" / "cases.py")
    touch(copy / "benchmark" / "tasks" / "third" / "deep" / "metric.py")
    assert hash_of(OURS) == before


def test_its_own_files_do(copy, hash_of):
    before, other = hash_of(OURS), hash_of("tasks/other")
    touch(copy / "benchmark" / OURS / "prompts.py")
    second = hash_of(OURS)
    touch(copy / "benchmark" / OURS / "profiles" / "dense.py")
    third = hash_of(OURS)
    touch(copy / "benchmark" / OURS / "new.py")
    assert len({before, second, third, hash_of(OURS)}) == 4
    assert hash_of("tasks/other") == other


@pytest.mark.parametrize(
    "path",
    [
        "benchmark/spaces.py",
        "benchmark/runner.py",
        "benchmark/metrics/overlap.py",
        "benchmark/metrics/clouds/nearest.py",
        "benchmark/observations/operators.py",
        "benchmark/data/rows.py",
        "benchmark/tasks/family.py",
        "benchmark/new.py",
        "medshape_text/curate/sdf.py",
    ],
)
def test_the_core_does_for_every_family(copy, hash_of, path):
    folders = ((OURS, False), ("tasks/other", False), ("strangers", True))
    before = [hash_of(*folder) for folder in folders]
    touch(copy / path)
    assert not set(before) & {hash_of(*folder) for folder in folders}


@pytest.mark.parametrize(
    "path",
    ["benchmark/report/build.py", "benchmark/cli/app.py", "benchmark/drawing/scene.py", "benchmark/README.md",
     "medshape_text/pipeline/new.py", "leaderboard/rank.py"],
)  # fmt: skip
def test_what_decides_no_number_does_not(copy, hash_of, path):
    before = hash_of(OURS)
    touch(copy / path)
    assert hash_of(OURS) == before


def test_a_strangers_family_lies_outside(copy, hash_of):
    before, ours = hash_of("strangers", outside=True), hash_of(OURS)
    touch(copy / "strangers" / "scoring.py")
    assert hash_of("strangers", outside=True) != before
    assert hash_of(OURS) == ours


def test_of_a_family_that_is_one_module_only_its_file_counts(copy, hash_of):
    before, in_package = hash_of("site-packages", True, alone=True), hash_of("site-packages", True)
    touch(copy / "site-packages" / "somebody.py")
    touch(copy / "site-packages" / "other" / "module.py")
    assert hash_of("site-packages", True, alone=True) == before
    assert hash_of("site-packages", True) != in_package
    touch(copy / "site-packages" / "family.py")
    assert hash_of("site-packages", True, alone=True) != before


def test_the_hash_of_the_installed_family_is_that_of_a_copy(copy, hash_of):
    from benchmark.tasks import find_family

    installed = provenance.code_hash(find_family("shape-completion"))
    assert installed == hash_of(OURS)
