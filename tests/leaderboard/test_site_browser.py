"""The site in a real browser, from disk and over HTTP: sorting, filters, comparison, views that turn together."""

import pytest
from make_board import Ellipsoids
from site_browser import (
    PATIENCE,
    VIEWS,
    ActionChains,
    By,
    Keys,
    Select,
    WebDriverWait,
    column,
    complaints,
    fetched,
    go,
    heading,
    kinds,
    needs_browser,
    open_browser,
    page,
    pictures,
    serving,
    small_board,
)

pytestmark = needs_browser


@pytest.fixture(scope="module")
def board():
    return small_board()


@pytest.fixture(scope="module")
def served(site):
    with serving(site) as address:
        yield address


@pytest.mark.parametrize("where", ["disk", "http"])
def test_every_kind_of_page_is_whole_and_fetches_only_itself(browser, site, served, where):
    base = site.as_uri() if where == "disk" else served
    complaints(browser), fetched(browser)
    for address in kinds(site):
        go(browser, f"{base}/{address}")
        assert complaints(browser) == [], address
        urls = fetched(browser)
        assert urls, address
        assert all(url.startswith(f"{base}/") for url in urls), urls
        if "/cases/" not in f"/{address}":
            assert not any("/surfaces/" in url for url in urls)


def test_a_case_page_loads_its_own_data_only(browser, site):
    address = page(site, "cases/*/*.html")
    fetched(browser)
    go(browser, address.as_uri())
    names = [url.partition("/data/")[2] for url in fetched(browser) if "/data/" in url]
    assert len(names) == 4  # the scene and the first three methods
    folders = {name.rsplit("/", 1)[0] for name in names}
    assert len(folders) == 1
    assert folders.pop().endswith(f"/{address.stem}")


def test_sorting_with_the_keyboard_and_what_it_says(browser, site, board):
    go(browser, page(site, "tasks/*.html").as_uri())
    values = column(browser, "#ranking", "Dice")
    button = heading(browser, "#ranking", "Dice")
    browser.execute_script("arguments[0].focus()", button)
    button.send_keys(Keys.ENTER)
    assert column(browser, "#ranking", "Dice") == sorted(values, reverse=True)
    assert button.find_element(By.XPATH, "..").get_attribute("aria-sort") == "descending"
    button.send_keys(Keys.SPACE)
    assert column(browser, "#ranking", "Dice") == sorted(values)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#ranking [aria-sort]")) == 1
    heading(browser, "#ranking", "CD").click()  # less is better: the least comes first
    assert column(browser, "#ranking", "CD") == sorted(column(browser, "#ranking", "CD"))
    heading(browser, "#ranking", "Rank").click()
    ranks = column(browser, "#ranking", "Rank")
    known = [rank for rank in ranks if rank is not None]
    assert ranks == [*sorted(known), *[None] * (len(ranks) - len(known))]


def test_filters_by_text_tier_and_controls_and_the_plot_follows(browser, site):
    go(browser, page(site, "tasks/*.html").as_uri())

    def names():
        return [text.split()[0] for text in column(browser, "#ranking", "Method")]

    def drawn():
        return len(browser.find_elements(By.CSS_SELECTOR, "[data-chart=ranks] .rank-bar"))

    everything = names()
    assert len(everything) == 12
    assert drawn() == sum(rank is not None for rank in column(browser, "#ranking", "Rank"))
    words = browser.find_element(By.ID, "words")
    words.send_keys("METHOD 001")
    assert names() == ["method-001"]
    assert drawn() == 1
    assert browser.find_element(By.ID, "count").text == "1 of 12"
    words.send_keys(Keys.CONTROL, "a")
    words.send_keys(Keys.BACKSPACE)
    assert names() == everything
    browser.find_element(By.ID, "controls").click()
    assert sorted(set(everything) - set(names())) == ["mean-shape", "nearest", "oracle", "random"]
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-chart=ranks] .control")
    browser.find_element(By.ID, "controls").click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "[data-chart=ranks] line.control")) == 3
    assert "Beyond the axis: random" in browser.find_element(By.CSS_SELECTOR, "[data-chart=ranks]").text
    Select(browser.find_element(By.ID, "tier")).select_by_visible_text("reproduced")
    assert all("reproduced" in text for text in column(browser, "#ranking", "Method"))
    assert 0 < len(names()) < 8


def test_a_category_changes_the_values_and_all_brings_them_back(browser, site, board):
    go(browser, page(site, "tasks/*.html").as_uri())
    title = browser.find_element(By.TAG_NAME, "h1").text
    table = next(each for each in board.tables if each.title == title)
    before = browser.find_element(By.CSS_SELECTOR, "#ranking tbody").text
    Select(browser.find_element(By.ID, "category")).select_by_visible_text("kidney")
    WebDriverWait(browser, PATIENCE).until(lambda d: d.find_element(By.ID, "group-note").is_displayed())
    names = [text.split()[0] for text in column(browser, "#ranking", "Method")]
    expected = {entry.method: entry.categories["kidney"]["cd"] for entry in table.entries}
    assert column(browser, "#ranking", "CD") == pytest.approx([expected[name] for name in names], rel=1e-5)
    Select(browser.find_element(By.ID, "origin")).select_by_index(1)
    WebDriverWait(browser, PATIENCE).until(lambda d: "origin" in d.find_element(By.ID, "group-note").text)
    assert browser.find_element(By.ID, "category").get_attribute("value") == ""
    Select(browser.find_element(By.ID, "origin")).select_by_index(0)
    WebDriverWait(browser, PATIENCE).until(lambda d: not d.find_element(By.ID, "group-note").is_displayed())
    assert browser.find_element(By.CSS_SELECTOR, "#ranking tbody").text == before


def test_turning_one_view_turns_all_others_and_reset_brings_them_back(browser, site):
    browser.set_window_size(1200, 1400)
    go(browser, page(site, "cases/*/*.html").as_uri())
    before = pictures(browser)
    assert len(before) == 5
    assert all(drawn > 0.02 for _, drawn in before.values()), before
    views = browser.find_elements(By.CSS_SELECTOR, "#views canvas")
    ActionChains(browser).drag_and_drop_by_offset(views[1], 60, 25).perform()
    turned = pictures(browser)
    assert turned.keys() == before.keys()
    assert all(turned[name][0] != before[name][0] for name in before)
    browser.find_element(By.ID, "reset").click()
    assert pictures(browser) == before
    browser.execute_script("arguments[0].focus({preventScroll: true})", views[2])
    ActionChains(browser).send_keys(Keys.ARROW_LEFT).perform()
    assert all(each[0] != before[name][0] for name, each in pictures(browser).items())


def test_methods_are_chosen_coloured_and_kept_in_the_address(browser, site):
    browser.set_window_size(1200, 1600)
    address = page(site, "cases/*/*.html").as_uri()
    go(browser, address)
    before = pictures(browser)
    boxes = {row.find_element(By.CLASS_NAME, "name").text: row.find_element(By.TAG_NAME, "input")
             for row in browser.find_elements(By.CSS_SELECTOR, "#case-scores tbody tr")}  # fmt: skip
    chosen = [name for name, box in boxes.items() if box.is_selected()]
    browser.execute_script("arguments[0].focus()", boxes["oracle"])
    boxes["oracle"].send_keys(Keys.SPACE)
    boxes[chosen[0]].click()
    WebDriverWait(browser, PATIENCE).until(lambda d: len(d.execute_script(f"return {VIEWS}")) == 5)
    shown = pictures(browser)
    assert "oracle" in shown
    assert chosen[0] not in shown
    Select(browser.find_element(By.ID, "paint")).select_by_value("bone")
    plain = pictures(browser)
    assert {name for name in plain if plain[name] != shown[name]} == {*chosen[1:], "oracle"}
    assert not browser.find_element(By.ID, "ramp").is_displayed()
    kept = browser.current_url
    following = browser.find_element(By.CSS_SELECTOR, ".steps a[rel=next]").get_attribute("href")
    assert following.partition("#")[2] == kept.partition("#")[2] != ""
    go(browser, kept)
    assert pictures(browser) == plain
    go(browser, address)
    assert pictures(browser) == before


def test_a_method_without_a_surface_says_so(browser, site):
    go(browser, page(site, "cases/*/*.html").as_uri())
    row = next(r for r in browser.find_elements(By.CSS_SELECTOR, "#case-scores tbody tr") if "random" in r.text)
    row.find_element(By.TAG_NAME, "input").click()
    WebDriverWait(browser, PATIENCE).until(lambda d: any(
        "no prediction" in each.text for each in d.find_elements(By.CSS_SELECTOR, "#views .nothing")))  # fmt: skip


def test_comparing_two_methods(browser, site, board):
    go(browser, f"{site.as_uri()}/compare.html")
    select = Select(browser.find_element(By.ID, "a"))
    select.select_by_visible_text("method-002")
    Select(browser.find_element(By.ID, "b")).select_by_visible_text("method-005")
    WebDriverWait(browser, PATIENCE).until(
        lambda d: d.find_element(By.ID, "verdict-title").text == "method-002 and method-005"
    )
    table = board.tables[0]
    ids = {entry.method: entry.submission for entry in table.entries}
    views = Ellipsoids(3)
    ours, theirs = (views.scores(table, ids[name]) for name in ("method-002", "method-005"))
    difference = {place[0]: ours[place].values["dice"] - theirs[place].values["dice"] for place in ours}
    best = sorted(difference, key=difference.get, reverse=True)
    assert [each.text.split()[0] for each in browser.find_elements(By.CSS_SELECTOR, "#best li")] == best[:5]
    assert column(browser, "#every", "A − B") == pytest.approx([difference[case] for case in best], abs=2e-6)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#differences rect")) == len(best)
    by_category = {}
    for facts in views.facts(table):
        by_category.setdefault(facts.category, []).append(difference[facts.id])
    macro = sum(sum(each) / len(each) for each in by_category.values()) / len(by_category)
    assert f"+{macro:.3f}" in browser.find_element(By.CSS_SELECTOR, "#measures tbody tr").text
    kept = browser.current_url
    browser.find_element(By.ID, "swap").click()
    WebDriverWait(browser, PATIENCE).until(
        lambda d: d.find_element(By.ID, "verdict-title").text == "method-005 and method-002"
    )
    assert f"−{macro:.3f}" in browser.find_element(By.CSS_SELECTOR, "#measures tbody tr").text
    go(browser, kept)
    assert browser.find_element(By.ID, "verdict-title").text == "method-002 and method-005"
    link = browser.find_element(By.CSS_SELECTOR, "#every a").get_attribute("href")
    go(browser, link)
    assert {"method-002", "method-005"} <= pictures(browser).keys()


def test_the_server_gives_files_of_the_site_and_nothing_else(served):
    import urllib.error
    import urllib.request

    with urllib.request.urlopen(f"{served}/index.html") as answer:  # noqa: S310 - our own server
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for address in ("tasks/", "../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "nothing"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(f"{served}/{address}")  # noqa: S310 - our own server
        assert error.value.code == 404


def test_without_webgl_the_page_says_so_and_its_table_works(site, tmp_path):
    driver = open_browser(tmp_path / "profile", "--disable-3d-apis")
    try:
        driver.get(page(site, "cases/*/*.html").as_uri())
        WebDriverWait(driver, PATIENCE).until(lambda d: d.find_element(By.CSS_SELECTOR, ".no-viewer").is_displayed())
        assert "WebGL2 is not available" in driver.find_element(By.CSS_SELECTOR, ".no-viewer").text
        heading(driver, "#case-scores", "Dice").click()
        assert column(driver, "#case-scores", "Dice") == sorted(column(driver, "#case-scores", "Dice"), reverse=True)
    finally:
        driver.quit()
