"""Driving the site in headless Chromium: shared by the browser tests."""

import json
import threading
from contextlib import contextmanager

import pytest
from headless_chromium import PATIENCE, needs_browser, open_browser  # noqa: F401
from make_board import Ellipsoids, make_board, make_verifications

from leaderboard.site import build_site, make_server

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: F401
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys  # noqa: F401
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: F401

VIEWS = '[...document.querySelectorAll("#views canvas")].filter((c) => c.getBoundingClientRect().width)'
PIXELS = f"""return {VIEWS}.map((c) => {{
  const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  let hash = 0, drawn = 0;
  for (let i = 0; i < d.length; i += 4) {{
    if (d[i + 3]) drawn++;
    hash = (hash * 31 + d[i] + 7 * d[i + 2] + d[i + 3]) | 0;
  }}
  return [c.closest("figure").querySelector(".title").textContent, hash, drawn / (d.length / 4)]; }})"""
COLUMN = """const t = document.querySelector(arguments[0]);
const h = [...t.tHead.rows[0].cells].find((c) => c.textContent.trim().startsWith(arguments[1]));
const cells = [...t.tBodies[0].rows].filter((r) => !r.hidden).map((r) => r.cells[h.cellIndex]);
const number = (text) => (text === "" ? null : Number(text));
return cells.map((c) => ("value" in c.dataset ? number(c.dataset.value) : c.textContent.trim()));"""


@contextmanager
def running_browser(profile):
    """A browser that is closed at the end."""
    driver = open_browser(profile)
    try:
        yield driver
    finally:
        driver.quit()


@contextmanager
def serving(site):
    """The address of a site that is served on this machine."""
    with make_server(site) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def small_board():
    """Two tables of twelve lines."""
    return make_board(12, 2)


def small_site(target):
    """The site of the small board, with three cases in 3D."""
    board = small_board()
    build_site(
        board, target, cases=Ellipsoids(3), verifications=make_verifications(board), export=lambda _: {"csv": "a"}
    )
    return target


def page(site, pattern):
    return next(path for path in sorted(site.glob(pattern)) if path.name != "index.html")


def kinds(site):
    """One page of each kind, from the site's root."""
    paths = [
        site / "index.html", page(site, "tasks/*.html"), page(site, "methods/*.html"), site / "methods" / "index.html",
        page(site, "cases/*/*.html"), next(site.glob("cases/*/index.html")), page(site, "data-sets/*.html"),
        site / "compare.html",
    ]  # fmt: skip
    return [path.relative_to(site).as_posix() for path in paths]


def go(driver, address):
    driver.get("about:blank")
    driver.get(address)
    if "/cases/" in address and not address.endswith("index.html"):
        settle(driver)
    elif "compare.html" in address:
        WebDriverWait(driver, PATIENCE).until(lambda d: d.find_element(By.ID, "result").is_displayed())


def settle(driver):
    """Wait until every view is drawn (they may be out of sight: the window is made tall) and two frames have passed."""
    WebDriverWait(driver, PATIENCE).until(lambda d: d.execute_script(
        f"const v = {VIEWS}; return v.length > 2 && v.every((c) => c.dataset.drawn)"))  # fmt: skip
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def pictures(driver):
    settle(driver)
    return {name: (hashed, drawn) for name, hashed, drawn in driver.execute_script(PIXELS)}


def complaints(driver):
    # Software WebGL remarks that copying a picture is slow; that is no fault of the page.
    return [entry["message"] for entry in driver.get_log("browser") if "ReadPixels" not in entry["message"]]


def fetched(driver):
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    return [url for url in sent if not url.startswith(("data:", "blob:", "about:", "chrome"))]


def column(driver, table, heading):
    """Values of the shown rows under a heading."""
    return driver.execute_script(COLUMN, table, heading)


def heading(driver, table, text):
    return next(b for b in driver.find_elements(By.CSS_SELECTOR, f"{table} thead button") if b.text.startswith(text))
