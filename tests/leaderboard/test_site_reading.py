"""Whoever reads the site: on a phone, by keyboard, in light and dark, with a screen reader (axe-core)."""

import shutil
import subprocess
from pathlib import Path

import pytest
from site_browser import (
    ActionChains,
    By,
    Keys,
    go,
    kinds,
    needs_browser,
    page,
    serving,
)

pytestmark = needs_browser
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
PLACES = ("index", "tasks", "methods", "list", "cases", "gallery", "data", "compare")
AXE = "axe-core@4.14.1"
AXE_RUN = """const told = (v) => [v.id, v.impact, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160))];
axe.run(document, { resultTypes: ["violations"] }).then((r) => arguments[0](r.violations.map(told)));"""
CONTRAST = Path(__file__).with_name("contrast.js").read_text("utf-8")
REACHABLE = """return [...document.querySelectorAll("a[href], button, input, select")]
  .filter((e) => e.getClientRects().length).length;"""
OUTLINE = "const s = getComputedStyle(arguments[0]); return [s.outlineStyle, parseFloat(s.outlineWidth)];"


@pytest.fixture
def phone(browser):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture(params=["light", "dark"])
def themed(request, browser):
    wanted = [{"name": "prefers-color-scheme", "value": request.param}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})
    yield browser
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("place", PLACES)
def test_a_phone_needs_no_sideways_scrolling(phone, site, place):
    go(phone, f"{site.as_uri()}/{dict(zip(PLACES, kinds(site), strict=True))[place]}")
    assert phone.execute_script("return document.documentElement.scrollWidth") <= PHONE["width"]
    for region in phone.find_elements(By.CSS_SELECTOR, ".scroll"):
        hidden = phone.execute_script("return arguments[0].scrollWidth - arguments[0].clientWidth", region)
        assert hidden <= 1, region.get_attribute("aria-label")


def test_on_a_phone_all_columns_can_be_had(phone, site):
    def is_shown():
        buttons = phone.find_elements(By.CSS_SELECTOR, "#ranking thead button")
        return any(button.is_displayed() and button.text.startswith("CD") for button in buttons)

    go(phone, page(site, "tasks/*.html").as_uri())
    assert not is_shown()
    phone.find_element(By.ID, "all-columns").click()
    assert is_shown()
    # The table scrolls by itself, the page does not.
    assert phone.execute_script("return document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("place", ["tasks", "cases", "compare"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(browser, site, place):
    go(browser, f"{site.as_uri()}/{dict(zip(PLACES, kinds(site), strict=True))[place]}")
    browser.execute_script("window.scrollTo(0, 0); document.activeElement.blur()")
    wanted = browser.execute_script(REACHABLE)
    seen = set()
    ActionChains(browser).send_keys(Keys.TAB).perform()
    assert browser.switch_to.active_element.text == "Skip to the content"
    for _ in range(wanted + 20):
        active = browser.switch_to.active_element
        seen.add(active.id)
        if active.tag_name in {"a", "button", "input", "select", "canvas"}:
            kind, width = browser.execute_script(OUTLINE, active)
            assert kind != "none", active.get_attribute("outerHTML")
            assert width >= 1
        ActionChains(browser).send_keys(Keys.TAB).perform()
    assert len(seen) >= wanted


def test_texts_can_be_read_in_both_themes(themed, site):
    for address in kinds(site):
        go(themed, f"{site.as_uri()}/{address}")
        count, poor = themed.execute_script(CONTRAST)
        assert count > 10
        assert poor == [], (address, poor[:5])


def test_the_theme_button_is_remembered(browser, site):
    with serving(site) as served:
        go(browser, f"{served}/index.html")
        root = browser.find_element(By.TAG_NAME, "html")
        browser.find_element(By.ID, "theme").click()
        chosen = root.get_attribute("data-theme")
        assert chosen in {"dark", "light"}
        browser.get(f"{served}/methods/index.html")
        assert browser.find_element(By.TAG_NAME, "html").get_attribute("data-theme") == chosen
        browser.execute_script("localStorage.clear()")


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The source of axe-core, from the npm registry."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm to get axe-core")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, AXE]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    source = folder / "node_modules" / "axe-core" / "axe.min.js"
    if done.returncode or not source.is_file():
        pytest.skip("the npm registry is not reachable for axe-core")
    return source.read_text("utf-8")


def test_axe_finds_nothing(axe, themed, site):
    for address in kinds(site):
        go(themed, f"{site.as_uri()}/{address}")
        themed.execute_script(axe)
        found = themed.execute_async_script(AXE_RUN)
        assert found == [], (address, found)
