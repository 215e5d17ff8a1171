"""Shapes, cases and strangers' packages shared by the benchmark's tests."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from synthetic import SPEC, make_case, make_ellipsoid


@pytest.fixture(scope="session")
def ellipsoid():
    """Maker of ellipsoid SDFs: ``ellipsoid(radii, centre)``, both in voxels."""
    return make_ellipsoid


@pytest.fixture
def case(ellipsoid):
    """A case of the multiplane task whose scale is known."""
    return make_case(ellipsoid((26, 18, 14), (33, 30, 31)))


@pytest.fixture
def prediction(ellipsoid):
    """A completion of ``case`` that is a few voxels off."""
    return ellipsoid((24, 19, 14), (32, 30, 31))


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """Installs packages as a stranger would: ``stranger(name, code, spec)`` gives the folder of the package.

    The package ``<name>_pkg`` has one module ``method.py`` with the code, ``spec.toml`` (None leaves it out),
    and the metadata of an installed distribution that declares the entry point ``<name> = ...:build``.
    """
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(name: str, code: str = "", spec: str | None = SPEC, package: str | None = None) -> Path:
        package = package or f"{name.replace('-', '_')}_pkg"
        folder = site / package
        folder.mkdir()
        (folder / "__init__.py").write_text("raise_on_import = True\n")
        (folder / "method.py").write_text(code)
        if spec is not None:
            (folder / "spec.toml").write_text(spec.replace("{name}", name))
        info = site / f"{package}-0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text(f"[genmed_bench.methods]\n{name} = {package}.method:build\n")
        importlib.invalidate_caches()
        return folder

    yield install
    for module in [module for module in sys.modules if module.split(".")[0].endswith("_pkg")]:
        del sys.modules[module]
