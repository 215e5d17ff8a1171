"""The mini data set of the tests is kept when files change that building it never imports; so they must not be."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import grimp

import medshape_text

# The fixtures' own list. The file is loaded by its path: there are several of that name.
_SPEC = importlib.util.spec_from_file_location("root_conftest", Path(__file__).with_name("conftest.py"))
conftest = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(conftest)


def test_what_the_hash_leaves_out_cannot_change_the_data_set():
    graph = grimp.build_graph("medshape_text", cache_dir=None)  # imports inside functions, too
    builds = {"medshape_text.build", "medshape_text.sources.mini", "medshape_text.sources.llp26"}
    reached = builds.union(*(graph.find_upstream_modules(module) for module in builds))
    assert "medshape_text.shards" in reached
    for name in conftest.LOOKS_ONLY:
        assert (Path(medshape_text.__file__).parent / name).exists()
        left_out = f"medshape_text.{name.removesuffix('.py')}"
        assert not {module for module in reached if f"{module}.".startswith(f"{left_out}.")}
