"""A tiny data set and finished runs on it, made when first asked for and shared; treat them as read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_runs import make_data_set, make_run
from submitting_server import Server

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six test cases of ellipsoids."""
    return make_data_set(tmp_path_factory.mktemp("fake"))


@pytest.fixture(scope="session")
def run_of(data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``run_of(method, task)``: the folder of a finished run, made once."""
    root = tmp_path_factory.mktemp("fake-runs")

    def run(method: str = "fair", task: str = "multiplane") -> Path:
        folder = root / task / method
        return folder if folder.exists() else make_run(folder, data_set, method, task)

    return run


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of two tables, for the tests in a browser."""
    from site_browser import small_site  # skips where there is no browser

    return small_site(tmp_path_factory.mktemp("site") / "site")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """Headless Chromium."""
    from site_browser import running_browser

    with running_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def submitting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Makes submissions in processes that die as told."""
    running = Server(tmp_path_factory.mktemp("server") / "errors")
    yield running
    running.process.stdin.close()
    running.process.wait()
