"""A segmentation task on the leaderboard: from runs through verification to case pages with slices."""

from __future__ import annotations

import json
import re

import made_segmentations
import pytest
import volume_sets

from benchmark.drawing.slices import unpack_labels
from leaderboard.data_sets import describe
from leaderboard.rank.board import board_of
from leaderboard.rank.check import check
from leaderboard.rank.results import read_results
from leaderboard.site import build_site
from leaderboard.submission.card import Author, ModelCard
from leaderboard.submission.making import make_submission
from leaderboard.verify import Verifier, write_verification
from leaderboard.views import ResultViews

CARD = ModelCard((Author("Ada"),), title="made up", licence="MIT", training_sets=("none",))
METHODS = {"near": 1, "far": 3}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("segmentation")
    data = volume_sets.write(root / "data", cases=[volume_sets.case(number, "test") for number in range(3)])
    results = root / "results"
    for name, by in METHODS.items():
        failing = ("case02",) if name == "far" else ()
        run = made_segmentations.make_run(root / name, data, name, "seg-slices-4", by, failing)
        make_submission(run, results / "submissions", CARD, data)
    verifier = Verifier(data)
    for folder in sorted((results / "submissions").iterdir()):
        write_verification(results, verifier.verify(folder))
    read = read_results(results)
    board = board_of(read)
    sizes = build_site(board, root / "site", cases=ResultViews(read, [data], 2), data_sets=[describe(data)])
    return data, results, board, root / "site", sizes


def the_table(board):
    tables = {each.profile: each for each in board.tables if each.entries}
    assert set(tables) == {"volume", "nnunet", "diffatlas"}  # kits23 does not apply to these structures
    return tables["volume"]


def data_of(site, name):
    text = next(iter(site.glob(f"data/surfaces/*/*/{name}*.js"))).read_text()
    return json.loads(json.loads(re.fullmatch(r"genmedBoard\.put\(\"[^\"]+\",(.*)\);\n", text).group(1)))


def test_what_was_submitted_is_reproduced_and_may_be_merged(built):
    data, results, *_ = built
    assert [each for each in check(results, Verifier(data).verify) if each.severity == "refused"] == []


def test_structures_are_categories_and_units_stand_in_the_headings(built):
    table = the_table(built[2])
    assert [column.title for column in table.columns][:5] == [
        "Dice", "HD95, mm", "NSD", "Volume error, relative", "Volume error, mL",
    ]  # fmt: skip
    (near,) = (entry for entry in table.entries if entry.method == "near")
    means = {name: values["dice"] for name, values in near.categories.items()}
    assert set(means) == {"left", "right"}
    # Boxes of 4 voxels along x, moved by one: 3 of 4 agree.
    assert means == pytest.approx({"left": 0.75, "right": 0.75})
    assert near.values["dice"].value == pytest.approx(0.75)
    (far,) = (entry for entry in table.entries if entry.method == "far")
    assert (far.scored, far.expected) == (2, 3)
    assert far.values["dice"].value == pytest.approx(0.25 * 2 / 3)


def test_a_case_page_is_called_by_the_case_and_has_a_row_a_structure_and_method(built):
    site = built[3]
    pages = [path for path in sorted(site.glob("cases/*volume*/*.html")) if path.name != "index.html"]
    assert len(pages) == 2
    page = pages[0].read_text()
    assert re.search(r"<h1>case<wbr>?00|<h1>case00", page)
    body = page[page.index('id="case-parts"') :]
    rows = re.findall(r'<tr><td class="left">(\w+)</td>\s*<td class="left">([\w]+)', body)
    assert sorted(rows) == [(s, m) for s in ("left", "right") for m in ("far", "near")]
    assert 'id="slices"' in page
    assert 'class="swatch observed"' not in page


def test_files_of_a_case_hold_what_was_seen_and_the_label_maps(built):
    site, sizes = built[3], built[4]
    scene = data_of(site, "scene")
    assert scene["slices"]["structures"] == ["left", "right"]
    assert scene["slices"]["image"]["shape"] == [16, 16, 4]
    assert set(scene["layers"]) == {"truth"}
    truth = unpack_labels(scene["slices"]["truth"], (16, 16, 16))
    near = unpack_labels(data_of(site, "seg-slices-4-near")["labels"], (16, 16, 16))
    assert (truth[:-1] == near[1:]).all()
    assert max(size for name, size in sizes.items() if name.startswith("data/surfaces")) < 60_000


def test_the_page_of_the_data_set_says_what_it_is(built):
    site = built[3]
    (page,) = site.glob("data-sets/*.html")
    text = page.read_text()
    for words in (
        "ct (HU), mr",
        "left, right",
        "16 x 16 x 16 voxels",
        "3 cases of 3 subjects: 3 real subject",
        "CC0-1.0",
    ):
        assert words in text


# In a browser


def test_slices_and_methods_of_a_case_page(built, tmp_path):
    from headless_chromium import CHROMEDRIVER, CHROMIUM, PATIENCE, open_browser

    if not (CHROMIUM and CHROMEDRIVER):
        pytest.skip("needs chromium and chromedriver on PATH")
    by = pytest.importorskip("selenium.webdriver.common.by", reason="selenium is not installed").By
    from selenium.webdriver.support.ui import WebDriverWait

    page = next(path for path in sorted(built[3].glob("cases/*volume*/*.html")) if path.name != "index.html")
    for flags in ((), ("--disable-3d-apis",)):
        driver = open_browser(tmp_path / f"profile{len(flags)}", *flags)
        try:
            driver.get(page.as_uri())
            WebDriverWait(driver, PATIENCE).until(
                lambda d: len(d.find_elements(by.CSS_SELECTOR, ".slice canvas[data-drawn]")) == 3
            )
            labels = [each.text for each in driver.find_elements(by.CSS_SELECTOR, ".lines label")]
            assert labels[0] == "Truth"
            assert sorted(labels[1:]) == ["far", "near"]
            boxes = driver.find_elements(by.CSS_SELECTOR, "#case-scores input")
            driver.execute_script("arguments[0].click()", boxes[0])  # wherever the page is scrolled to
            shown = [each.text for each in driver.find_elements(by.CSS_SELECTOR, ".lines label") if each.is_displayed()]
            assert len(shown) == 2
            state = driver.find_element(by.TAG_NAME, "html").get_attribute("data-viewer")
            assert state == ("slices" if flags else "webgl")
            noise = ("ReadPixels", "WebGL")
            found = [e for e in driver.get_log("browser") if not any(word in e["message"] for word in noise)]
            assert found == []
        finally:
            driver.quit()
