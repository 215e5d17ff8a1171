"""docs/metrics.md is what its script writes, names what exists, and leaves no public metric out."""

from __future__ import annotations

import importlib.util
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

import benchmark.metrics
from benchmark.tasks.shape_completion.profiles import PROFILES

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("metrics_page", ROOT / "recipes" / "metrics_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_script_writes(script: ModuleType) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert page == script.render(), "run: python recipes/metrics_page.py"


def test_every_public_name_and_signature_is_on_the_page(script: ModuleType) -> None:
    page = script.render()
    for name in set(benchmark.metrics.__all__):
        assert callable(getattr(benchmark.metrics, name)) is (f"#### `{name}`" in page), name
    for bundle in PROFILES.values():
        for metric in bundle.metrics:
            assert metric.signature.replace("|", "\\|") in page


def test_functions_in_the_table_of_papers_exist(script: ModuleType) -> None:
    modules = [
        importlib.import_module(info.name)
        for info in pkgutil.walk_packages(benchmark.metrics.__path__, "benchmark.metrics.")
    ]
    known = {name for module in (benchmark.metrics, *modules) for name in vars(module)}
    named = set(re.findall(r"\bM\.([a-z_0-9]+)", script.SOURCE.read_text(encoding="utf-8")))
    assert {"dice", "chamfer", "generation_scores"} <= named
    assert named <= known


def test_docstrings_become_markdown(script: ModuleType) -> None:
    docstring = (
        "Summary of ``x``.\n\nArgs:\n    a: first,\n        going on.\n    b: see :func:`other`.\n\n"
        "Returns:\n    (B,) float64.\n\nRaises:\n    ValueError: if not.\n\n>>> 1 + 1\n2"
    )
    assert "\n".join(script._markdown(docstring)) == (
        "Summary of `x`.\n\n**Arguments**\n\n- `a`: first, going on.\n- `b`: see `other`.\n\n**Returns**\n\n"
        "(B,) float64.\n\n**Refuses**\n\n- `ValueError`: if not.\n\n```python\n>>> 1 + 1\n2\n```"
    )
