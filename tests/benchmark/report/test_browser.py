"""The report in a real browser: what is drawn, what turns, what sorts, and that nothing is fetched or injected."""

import json

import pytest
from headless_chromium import PATIENCE, needs_browser, open_browser

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

pytestmark = needs_browser
IN_SIGHT = """[...document.querySelectorAll(".view canvas")].filter((c) => {
  const r = c.getBoundingClientRect(); return r.width && r.bottom > 0 && r.top < innerHeight; })"""
PIXELS = f"""return {IN_SIGHT}.map((c) => {{
  const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let hash = 0, drawn = 0;
  for (let i = 0; i < d.length; i += 4) {{ if (d[i + 3]) drawn++; hash = (hash * 31 + d[i] + d[i + 3]) | 0; }}
  return [hash, drawn / (d.length / 4), c.closest(".case").dataset.case + "/" + c.dataset.view]; }})"""


@pytest.fixture(scope="module")
def address(html, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser, address):
    browser.set_window_size(1200, 1000)
    browser.get(address)
    browser.execute_script("document.querySelector('.camera').scrollIntoView({behavior: 'instant'})")
    settle(browser)
    return browser


def settle(driver):
    """Wait until every view in sight is drawn and two frames have passed."""
    WebDriverWait(driver, PATIENCE).until(
        lambda d: d.execute_script(f"const v = {IN_SIGHT}; return v.length && v.every((c) => c.dataset.drawn)")
    )
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def pictures(driver):
    settle(driver)
    return {name: (hashed, drawn) for hashed, drawn, name in driver.execute_script(PIXELS)}


def shown_cases(driver):
    return [each.get_attribute("data-name") for each in driver.find_elements(By.CSS_SELECTOR, ".case:not([hidden])")]


def test_every_view_in_sight_is_drawn_and_nothing_is_fetched_or_complained_about(browser, address):
    browser.get_log("browser"), browser.get_log("performance")  # forget what came before
    browser.get(address)
    browser.execute_script("document.querySelector('.camera').scrollIntoView({behavior: 'instant'})")
    found = pictures(browser)
    assert len(found) >= 4
    assert all(drawn > 0.02 for _, drawn in found.values()), found
    # Software WebGL remarks that copying a picture is slow; that is no fault of the page.
    complaints = [entry for entry in browser.get_log("browser") if "ReadPixels" not in entry["message"]]
    assert complaints == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    ours = {each["request"]["url"] for each in sent if each["documentURL"] == address}
    assert {url for url in ours if not url.startswith(("data:", "blob:"))} == {address}


def test_dragging_one_view_turns_all_and_reset_brings_them_back(page):
    before = pictures(page)
    first = page.find_element(By.CSS_SELECTOR, ".case:not([hidden]) .view canvas")
    ActionChains(page).drag_and_drop_by_offset(first, 60, 25).perform()
    turned = pictures(page)
    assert turned.keys() == before.keys()
    assert all(turned[name][0] != before[name][0] for name in before)
    page.find_element(By.ID, "reset").click()
    assert pictures(page) == before


@pytest.mark.parametrize("preset", ["anterior", "lateral", "superior"])
def test_presets_and_their_keys_agree(page, preset):
    page.find_element(By.CSS_SELECTOR, f"[data-preset={preset}]").click()
    clicked = pictures(page)
    page.find_element(By.ID, "reset").click()
    canvas = page.find_element(By.CSS_SELECTOR, ".case:not([hidden]) .view canvas")
    page.execute_script("arguments[0].focus({preventScroll: true})", canvas)
    assert pictures(page) != clicked
    ActionChains(page).send_keys({"anterior": "1", "lateral": "2", "superior": "3"}[preset]).perform()
    assert pictures(page) == clicked


def test_keys_turn_and_zoom(page):
    canvas = page.find_element(By.CSS_SELECTOR, ".case:not([hidden]) .view canvas")
    page.execute_script("arguments[0].focus({preventScroll: true})", canvas)
    seen = [pictures(page)]
    for key in (Keys.ARROW_LEFT, Keys.ARROW_UP, "+"):
        ActionChains(page).send_keys(key).perform()
        seen.append(pictures(page))
    assert len({json.dumps(each, sort_keys=True) for each in seen}) == 4
    assert sum(d for _, d in seen[3].values()) > sum(d for _, d in seen[2].values())


def test_theme_repaints_and_keeps_the_shapes(page):
    before = pictures(page)
    page.execute_script("document.querySelector('#theme').click()")  # it is out of sight
    after = pictures(page)
    assert page.find_element(By.TAG_NAME, "html").get_attribute("data-theme") in ("dark", "light")
    assert all(after[name][0] != before[name][0] for name in before if not name.endswith("/4"))
    page.execute_script("document.querySelector('#theme').click()")  # it is out of sight
    assert pictures(page) == before


def test_sorting_by_a_column_both_ways(page):
    def values():
        cells = page.find_elements(By.CSS_SELECTOR, "#all-cases tbody td:nth-child(4)")
        return [float(cell.get_attribute("data-value")) for cell in cells]

    original = values()
    button = page.find_element(By.CSS_SELECTOR, "#all-cases thead th:nth-child(4) button")
    page.execute_script("arguments[0].focus()", button)
    button.send_keys(Keys.ENTER)  # by keyboard
    assert values() == sorted(original, reverse=True)
    page.execute_script("arguments[0].click()", button)
    assert values() == sorted(original)
    assert button.find_element(By.XPATH, "..").get_attribute("aria-sort") == "ascending"


def test_case_picker_searches_filters_sorts_and_picks(page):
    everything = shown_cases(page)
    assert len(everything) == 4
    search = page.find_element(By.NAME, "search")
    search.send_keys(everything[0])
    assert shown_cases(page) == [everything[0]]
    search.send_keys(Keys.CONTROL, "a")
    search.send_keys(Keys.BACKSPACE)
    assert shown_cases(page) == everything
    category = Select(page.find_element(By.NAME, "category"))
    category.select_by_visible_text("ball")
    assert shown_cases(page) == [name for name in everything if name.endswith("/ball")]
    category.select_by_index(0)
    Select(page.find_element(By.NAME, "order")).select_by_value("worst")
    rows = page.find_elements(By.CSS_SELECTOR, ".case")
    dice = [float(row.get_attribute("data-goodness")) for row in rows]
    assert dice == sorted(dice)
    page.find_elements(By.CSS_SELECTOR, ".chip")[2].click()
    assert shown_cases(page) == [rows[2].get_attribute("data-name")]
    page.find_element(By.CSS_SELECTOR, ".show-all").click()
    assert len(shown_cases(page)) == 4


def test_error_surface_follows_the_chosen_method(page):
    before = pictures(page)
    Select(page.find_element(By.ID, "error-of")).select_by_index(1)
    after = pictures(page)
    changed = {name.split("/")[1] for name in before if before[name] != after[name]}
    assert changed == {"4"}
    title = page.find_element(By.CSS_SELECTOR, ".view.error .error-method").text
    assert title.startswith("other")


def test_hostile_names_are_shown_as_text_and_injected_scripts_do_not_run(page):
    assert page.execute_script("return window.pwned") is None
    assert "<script>window.pwned=1</script>" in page.find_element(By.ID, "methods").text
    page.execute_script("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned=1\">')")
    page.execute_script("const s = document.createElement('script'); s.textContent = 'window.pwned=1';"
                        "document.body.append(s)")  # fmt: skip
    page.execute_async_script("setTimeout(arguments[0], 300)")
    assert page.execute_script("return window.pwned") is None


def test_phone_width_needs_no_sideways_scrolling(browser, address):
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        browser.get(address)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 392
        browser.execute_script("document.querySelector('.cases').scrollIntoView({behavior: 'instant'})")
        assert all(drawn > 0.02 for _, drawn in pictures(browser).values())
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_without_webgl_the_page_says_so_and_its_tables_work(address, tmp_path):
    driver = open_browser(tmp_path / "profile", "--disable-3d-apis")
    try:
        driver.get(address)
        assert driver.find_element(By.CSS_SELECTOR, ".no-viewer").is_displayed()
        assert "WebGL2 is not available" in driver.find_element(By.CSS_SELECTOR, ".no-viewer").text
        driver.find_element(By.CSS_SELECTOR, "#methods thead tr:nth-child(2) th:nth-child(2) button").click()
        assert driver.find_element(By.CSS_SELECTOR, "#methods [aria-sort=descending]")
    finally:
        driver.quit()
