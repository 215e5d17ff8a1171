"""Until the first table is on the screen: a site of 200 submissions to each of 10 tasks, in the real browser.

    OMP_NUM_THREADS=1 pytest -m slow tests/perf/test_site_speed.py

The times are of the browser's own clock, from the beginning of the navigation; bytes are those of all that was loaded.
"""

from __future__ import annotations

import statistics

import pytest
from headless_chromium import needs_browser
from make_board import Ellipsoids, make_board, make_verifications
from site_browser import page, running_browser, serving

from leaderboard.site import build_site

pytestmark = [pytest.mark.slow, needs_browser]
REPEATS = 7
LOADED = """
requestAnimationFrame(() => setTimeout(() => {
  const painted = performance.getEntriesByName("first-contentful-paint")[0];
  const [page] = performance.getEntriesByType("navigation");
  const loaded = [page, ...performance.getEntriesByType("resource")];
  arguments[0]({painted: painted.startTime, complete: page.loadEventEnd, requests: loaded.length,
    bytes: loaded.reduce((sum, each) => sum + each.decodedBodySize, 0),
    rows: document.querySelectorAll("tbody tr").length});
}, 300))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    board = make_board(200, 10)
    folder = tmp_path_factory.mktemp("big") / "site"
    build_site(board, folder, cases=Ellipsoids(0), verifications=make_verifications(board))
    return folder


@pytest.mark.parametrize("name", ["front page", "page of a task"])
def test_first_table(site, name, note_time, tmp_path):
    path = {"front page": site / "index.html", "page of a task": page(site, "tasks/*.html")}[name]
    found = []
    with serving(site) as address, running_browser(tmp_path) as driver:
        for _ in range(REPEATS):
            driver.get("about:blank")
            driver.get(f"{address}/{path.relative_to(site).as_posix()}")
            found.append(driver.execute_async_script(LOADED))
    last = found[-1]
    remark = f"{last['rows']} rows, {last['requests']} requests, {last['bytes']:,} bytes"
    table = f"leaderboard, 200 submissions x 10 tasks, {name}: until it is painted, and complete"
    note_time(table, "ours", statistics.median(each["painted"] for each in found) / 1e3, f"first paint; {remark}")
    note_time(table, "complete", statistics.median(each["complete"] for each in found) / 1e3, "all loaded")
    assert last["rows"] >= (1 if name == "front page" else 200)
    assert last["bytes"] < 300_000 or name != "front page"
