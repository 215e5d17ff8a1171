"""The promises of the root files: documentation that runs, metadata that agrees, no file that outgrew its idea."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmark.cli.app import run
from benchmark.contract import CANONICAL, Case, Method, MethodContext, TruthControl
from benchmark.methods import GROUP, find_method, read_spec
from benchmark.spaces import SDF
from benchmark.tasks.shape_completion.prompts import PROMPTS, observe

ROOT = Path(__file__).parents[1]
OURS = ("oracle", "random", "mean-shape", "nearest", "interpolation", "ssm")
PACKAGES = ("medshape_text", "benchmark", "genmed", "baselines")


def code_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)


def test_readme_opens_with_the_two_commands() -> None:
    first = code_blocks("README.md", "sh")[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make demo", "make test"]


def test_every_make_target_the_pages_name_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in ("README.md", ".ci/run"):
        for target in re.findall(r"^make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_the_makefile_parses_and_the_demo_runs_installed_methods() -> None:
    plan = subprocess.run(["make", "--dry-run", "demo"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (methods,) = re.findall(r"for method in (.*?); do", plan)
    assert set(methods.split()) <= {point.name for point in entry_points(group=GROUP)}


def test_the_demo_and_the_tour_share_one_data_set() -> None:
    """The demo's is the one that commands take when told nothing, so that the tour does not build it again."""
    plan = subprocess.run(["make", "--dry-run", "demo"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    default = inspect.signature(run).parameters["data"].default
    assert set(re.findall(r"--data (\S+)", plan)) == {default}
    assert "medshape-build" not in plan


def test_the_code_of_add_a_method_works() -> None:
    (source,) = code_blocks("docs/add_a_method.md", "python")
    namespace: dict[str, object] = {}
    exec(compile(source, "add_a_method.md", "exec"), namespace)  # noqa: S102 - our own page
    method = namespace["build"](MethodContext())  # type: ignore[operator]
    assert isinstance(method, Method)
    grid = np.indices((64, 64, 64)) - 31.5
    truth = np.clip((np.sqrt((grid**2).sum(axis=0)) - 28) / 32, -0.2, 0.2).astype(np.float32)
    for prompt in PROMPTS:
        observed = (observe(prompt, truth, 0),)
        case = Case("case", "s", "bone", "real_subject", "a bone", CANONICAL, observed, {"shape": truth})
        (answer,) = method.predict(case.request({"shape": SDF}, seed=1)).parts.values()
        assert (answer.shape, answer.dtype) == ((64, 64, 64), np.float32)
        assert np.isfinite(answer).all()


def test_the_spec_of_add_a_method_is_valid(tmp_path: Path) -> None:
    spec, pyproject = code_blocks("docs/add_a_method.md", "toml")
    (tmp_path / "spec.toml").write_text(spec, encoding="utf-8")
    assert read_spec(tmp_path / "spec.toml", "ball").fit == "on-run"
    assert tomllib.loads(pyproject)["project"]["entry-points"][GROUP] == {"ball": "my_method:build"}


@pytest.mark.parametrize("name", OURS)
def test_controls_are_found_by_name_and_start(name: str) -> None:
    entry = find_method(name)
    assert entry.folder.parent == ROOT / "baselines"
    assert entry.spec.sees_truth == (name == "oracle")
    assert (entry.folder / "README.md").is_file()
    assert isinstance(entry.build(MethodContext()), TruthControl if name == "oracle" else Method)


def test_versions_agree() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_source_file_has_outgrown_its_idea() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_links_between_our_pages_lead_somewhere() -> None:
    pages = [
        ROOT / "README.md",
        ROOT / "findings/README.md",
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "baselines").rglob("*.md")),
    ]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} -> {target}"


def test_every_finding_is_listed_pinned_and_sound_bash() -> None:
    """They are run by hand, as they install packages; here only that they could be."""
    scripts = sorted((ROOT / "findings").glob("[a-z]*.sh"))
    listed = re.findall(r"^\| \[[^]]*\]\(([^)]+)\)", (ROOT / "findings/README.md").read_text(), flags=re.MULTILINE)
    assert sorted(listed) == [script.name for script in scripts]
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        (packages,) = re.findall(r"^install (.+)$", text, flags=re.MULTILINE)
        assert "==" in packages.split()[0], script
        assert "# Seen" in text, script
        assert os.access(script, os.X_OK), script
        subprocess.run(["bash", "-n", str(script)], check=True)
