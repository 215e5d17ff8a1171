"""Linked slices in a real browser: one crosshair, keys, window, outlines, a phone, no network, no injection."""

from __future__ import annotations

import json

import made_segmentations
import pytest
import volume_sets
from headless_chromium import PATIENCE, needs_browser, open_browser

from benchmark.report import build_report

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

pytestmark = needs_browser
HOSTILE = "<img src=x onerror=window.pwned=1>"
PLANES = ("axial", "coronal", "sagittal")
PIXELS = """const [row] = document.querySelectorAll(".case:not([hidden])");
return Object.fromEntries([...row.querySelectorAll(".slice canvas")].map((c) => {
  const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let hash = 0;
  for (let i = 0; i < d.length; i++) hash = (hash * 31 + d[i]) | 0;
  return [c.dataset.plane, hash]; }))"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    root = tmp_path_factory.mktemp("slices")
    data = volume_sets.write(root / "data", structures=(f"left {HOSTILE}", "right"), cases=[
        volume_sets.case(number, "test", annotated=(f"left {HOSTILE}", "right")) for number in range(2)
    ])  # fmt: skip
    runs = [made_segmentations.make_run(root / name, data, name, "seg-missing-25", by, failing)
            for name, by, failing in (("near", 1, ()), ("far", 3, ("case01",)))]  # fmt: skip
    build_report(runs, data, root / "report.html")
    return (root / "report.html").as_uri()


@pytest.fixture
def page(browser, address):
    browser.set_window_size(1200, 1000)
    browser.get(address)
    browser.execute_script("document.querySelector('.slices').scrollIntoView({behavior: 'instant'})")
    pictures(browser)
    return browser


def pictures(driver):
    WebDriverWait(driver, PATIENCE).until(
        lambda d: (
            d.execute_script("return document.querySelectorAll('.case:first-child .slice canvas[data-drawn]').length")
            == 3
        )
    )
    driver.execute_async_script(
        "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(arguments[0], 60)))"
    )
    return driver.execute_script(PIXELS)


def canvas(driver, plane):
    return driver.find_element(By.CSS_SELECTOR, f".slice canvas[data-plane={plane}]")


def readout(driver):
    return driver.find_element(By.CSS_SELECTOR, ".readout").text


def voxel(driver):
    return [int(each) for each in readout(driver).partition(" · ")[0].removeprefix("voxel ").split(",")]


def focus(driver, plane):
    driver.execute_script("arguments[0].focus({preventScroll: true})", canvas(driver, plane))


def test_a_click_in_one_view_moves_the_others_to_the_voxel_that_was_clicked(page):
    before = pictures(page)
    view = canvas(page, "axial")
    # 16 voxels a side, right on the left: three quarters to the right and a quarter down is x 3, y 12.
    side = view.size["width"]
    ActionChains(page).move_to_element_with_offset(view, round(side * 0.28), round(-side * 0.22)).click().perform()
    after = pictures(page)
    assert voxel(page)[:2] == [3, 11]
    assert all(after[plane] != before[plane] for plane in PLANES)
    ranges = {each.get_attribute("aria-label").split()[0]: each.get_attribute("value")
              for each in page.find_elements(By.CSS_SELECTOR, ".case:first-child .slice input")}  # fmt: skip
    assert ranges == {"axial": str(voxel(page)[2]), "coronal": "11", "sagittal": "3"}
    assert "sagittal slice 4 of 16" in canvas(page, "sagittal").get_attribute("aria-label")


def test_keys_move_the_crosshair_and_step_through_slices(page):
    focus(page, "coronal")
    start, first = voxel(page), pictures(page)
    for keys, change in (
        ((Keys.ARROW_LEFT,), (1, 0, 0)), ((Keys.ARROW_UP,), (0, 0, 1)), ((Keys.PAGE_UP,), (0, 1, 0)),
        ((Keys.ARROW_RIGHT,), (-1, 0, 0)), ((Keys.ARROW_DOWN,), (0, 0, -1)), ((Keys.PAGE_DOWN,), (0, -1, 0)),
    ):  # fmt: skip
        before = voxel(page)
        ActionChains(page).send_keys(*keys).perform()
        pictures(page)
        assert [b - a for a, b in zip(before, voxel(page), strict=True)] == list(change)
    assert voxel(page) == start
    assert pictures(page) == first
    ActionChains(page).send_keys(Keys.END).perform()
    pictures(page)
    assert voxel(page)[1] == 15
    ActionChains(page).key_down(Keys.SHIFT).send_keys(Keys.PAGE_DOWN).key_up(Keys.SHIFT).perform()
    pictures(page)
    assert voxel(page)[1] == 10
    ActionChains(page).send_keys("0").perform()
    assert pictures(page) == first


def test_sliders_and_tab_reach_everything(page):
    slider = page.find_element(By.CSS_SELECTOR, ".slice.axial input")
    page.execute_script("arguments[0].focus({preventScroll: true})", canvas(page, "axial"))
    ActionChains(page).send_keys(Keys.TAB).perform()
    assert page.switch_to.active_element == slider
    before = voxel(page)
    ActionChains(page).send_keys(Keys.ARROW_RIGHT).perform()
    pictures(page)
    assert voxel(page)[2] == before[2] + 1


def test_slices_that_were_not_observed_say_so(page):
    focus(page, "axial")
    ActionChains(page).send_keys(Keys.HOME).perform()
    pictures(page)
    said = []
    for _ in range(16):
        said.append("not observed" in readout(page))
        ActionChains(page).send_keys(Keys.PAGE_UP).perform()
        pictures(page)
    assert said == [False] * 6 + [True] * 4 + [False] * 6


def test_window_presets_sliders_and_drags_change_all_views(page):
    seen = [pictures(page)]
    chosen = page.find_element(By.CSS_SELECTOR, ".window select")
    Select(chosen).select_by_visible_text("soft tissue")
    seen.append(pictures(page))
    outputs = [each.text for each in page.find_elements(By.CSS_SELECTOR, ".case:first-child .window output")]
    assert outputs == ["40 HU", "400 HU"]
    level = page.find_element(By.CSS_SELECTOR, ".window input")
    page.execute_script("arguments[0].focus({preventScroll: true})", level)
    ActionChains(page).send_keys(Keys.ARROW_RIGHT * 40).perform()
    seen.append(pictures(page))
    assert chosen.get_attribute("value") == ""
    before = voxel(page)
    ActionChains(page).key_down(Keys.SHIFT).drag_and_drop_by_offset(canvas(page, "axial"), 50, 30).key_up(
        Keys.SHIFT
    ).perform()
    seen.append(pictures(page))
    assert voxel(page) == before
    for plane in PLANES:
        assert len({each[plane] for each in seen}) == len(seen)


def test_outlines_of_the_truth_predictions_and_structures_can_be_chosen(page):
    boxes = page.find_elements(By.CSS_SELECTOR, ".case:first-child .slices .lines input")
    assert [each.is_selected() for each in boxes] == [True, True, False]
    assert "far" not in readout(page)
    seen = [pictures(page)]
    for box in boxes:
        box.click()
        seen.append(pictures(page))
    assert "far: " in readout(page)
    assert "near" not in readout(page)
    page.find_element(By.CSS_SELECTOR, ".case:first-child .slices [aria-label='Structures shown'] input").click()
    seen.append(pictures(page))
    assert len({json.dumps(each) for each in seen}) == len(seen)
    page.execute_script("document.querySelector('[data-toggle-method=far]').click()")  # hides pictures and outlines
    assert not boxes[2].is_selected()
    failed = page.find_elements(By.CSS_SELECTOR, ".case:nth-child(2) .slices .lines label")
    assert len(failed) == 2  # the truth and the method that did not fail


def test_nothing_is_fetched_injected_or_complained_about(browser, address):
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(address)
    browser.execute_script("document.querySelector('.slices').scrollIntoView({behavior: 'instant'})")
    pictures(browser)
    assert browser.execute_script("return window.pwned") is None
    assert HOSTILE in browser.find_element(By.CSS_SELECTOR, ".slices").text
    assert [each for each in browser.get_log("browser") if "ReadPixels" not in each["message"]] == []
    events = [json.loads(each["message"])["message"] for each in browser.get_log("performance")]
    sent = [each["params"] for each in events if each["method"] == "Network.requestWillBeSent"]
    ours = {each["request"]["url"] for each in sent if each["documentURL"] == address}
    assert {url for url in ours if not url.startswith(("data:", "blob:"))} == {address}


def test_on_a_phone_a_tap_moves_the_crosshair_and_the_page_still_scrolls(browser, address):
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        browser.get(address)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 392
        browser.execute_script(
            "document.querySelector('.slices').scrollIntoView({behavior: 'instant', block: 'start'})"
        )
        before = pictures(browser)
        box = browser.execute_script(
            "const r = document.querySelector('.slice canvas').getBoundingClientRect(); return [r.left, r.top, r.width]"
        )
        assert box[2] > 300
        point = {"x": box[0] + box[2] * 0.8, "y": box[1] + box[2] * 0.5}
        for kind, points in (("touchStart", [point]), ("touchEnd", [])):
            browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        after = pictures(browser)
        assert voxel(browser)[0] == 3
        assert all(after[plane] != before[plane] for plane in PLANES)
        action = browser.execute_script("return getComputedStyle(document.querySelector('.slice canvas')).touchAction")
        assert action == "pan-y pinch-zoom"
        heights = browser.execute_script(
            "return [...document.querySelectorAll('.slice input')].map((r) => r.clientHeight)"
        )
        assert min(heights) >= 30
    finally:
        browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_slices_need_no_webgl(address, tmp_path):
    driver = open_browser(tmp_path / "profile", "--disable-3d-apis")
    try:
        driver.get(address)
        driver.execute_script("document.querySelector('.slices').scrollIntoView({behavior: 'instant'})")
        before = pictures(driver)
        focus(driver, "axial")
        ActionChains(driver).send_keys(Keys.ARROW_LEFT).perform()
        assert pictures(driver) != before
        assert driver.find_element(By.CSS_SELECTOR, ".no-viewer").is_displayed()
    finally:
        driver.quit()


def test_the_theme_repaints_and_outlines_stay(page):
    before = pictures(page)
    page.execute_script("document.querySelector('#theme').click()")
    assert pictures(page) == before  # grey levels are judged against black in both
    page.execute_script("document.querySelector('#theme').click()")
