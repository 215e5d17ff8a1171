"""The document: numbers as recorded, names escaped, nothing fetched."""

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from benchmark.errors import DataError, RunError
from benchmark.records import load_run
from benchmark.report.build import render_report
from benchmark.report.entries import Entry, load_entries, metrics_of
from benchmark.report.page import PAGE
from benchmark.statistics import compare, summarise


class Page(HTMLParser):
    """Tables as lists of rows of (text, data-value); tags, attributes and script texts as lists."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.tags, self.scripts, self.texts = {}, [], [], []
        self._cell = self._rows = None
        self._raw = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self._raw = tag if tag in ("script", "style") else ""
        if tag == "table":
            self._rows = self.tables.setdefault(attributes.get("id", f"table {len(self.tables)}"), [])
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("td", "th") and self._rows is not None:
            self._cell = ["", attributes.get("data-value")]
            self._rows[-1].append(self._cell)

    def handle_endtag(self, tag):
        self._raw = ""
        if tag in ("td", "th"):
            self._cell = None

    def handle_data(self, data):
        if self._raw:
            self.scripts.append((self.tags[-1], data))
            return
        self.texts.append(data)
        if self._cell is not None:
            self._cell[0] += data


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_table_of_methods_shows_what_statistics_says_of_the_records(page, runs):
    lines = page.tables["methods"][2:]
    for line, folder in zip(lines, runs, strict=True):
        run = load_run(folder)
        dice, cd, uhd = summarise(run.rows)
        name, shown_dice, micro, shown_cd, shown_uhd, scored, seconds = line
        assert name[0].strip().startswith(run.method[:5])
        assert float(shown_dice[1]) == dice.macro.value
        text = f"{dice.macro.value:.3f} [{dice.macro.low:.3f}, {dice.macro.high:.3f}]"
        assert shown_dice[0].strip() == text
        assert float(micro[1]) == dice.micro
        assert [float(shown_cd[1]), float(shown_uhd[1])] == [cd.macro.value, uhd.macro.value]
        assert scored[0].strip() == f"{dice.scored}/{dice.expected}"
        assert float(seconds[1]) == 0.25
    assert [line[5][0].strip() for line in lines] == ["6/6", "5/6"]


def test_paired_differences_are_those_of_compare(page, runs):
    dice, cd, uhd = compare(*map(load_run, runs))
    (line,) = page.tables["paired"][1:]
    assert [float(cell[1]) for cell in line[1:4]] == [each.difference.value for each in (dice, cd, uhd)]
    assert line[4][0] == "better"
    assert f"[+{dice.difference.low:.3f}, +{dice.difference.high:.3f}]" in line[1][0]


def test_every_case_is_listed_with_its_recorded_value(page, runs):
    recorded = [{row.case: row.value for row in load_run(folder).rows if row.metric == "dice"} for folder in runs]
    lines = page.tables["all-cases"][1:]
    assert len(lines) == len(recorded[0])
    for case, *_, first, second in lines:
        name = case[0].removesuffix("3D").strip()
        assert [float(first[1]), float(second[1])] == [values[name] for values in recorded]


def test_scores_under_the_pictures_are_the_recorded_ones(html, runs, cases):
    run = load_run(runs[0])
    for case in re.findall(r'<article class="case" data-case="c\d+" data-name="(s\d)/ball"', html):
        row = next(row for row in run.rows if row.case == f"{case}/ball" and row.metric == "dice")
        assert f"<dd>{row.value:.3f}</dd>" in html


def test_nothing_is_fetched_and_nothing_but_our_script_may_run(html, page):
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name != "style"
            if name in ("src", "href", "action", "data", "srcset"):
                assert value.startswith(("data:", "#")), (tag, name, value)
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    for tag in ("script", "style"):
        (text,) = [d for (t, a), d in page.scripts if t == tag and a.get("type") != "application/json"]
        pin = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{pin}'" in policy
    assert "@import" not in html
    assert "url(" not in html


def test_hostile_names_are_text(html, page):
    assert "<img src=x" not in html
    assert "<script>window" not in html
    assert sum("window.pwned=1" in text for text in page.texts) > 5
    assert not [attributes for tag, attributes in page.tags if tag == "img" and attributes.get("src") == "x"]


def test_scene_data_is_plain_json(page):
    scenes = [json.loads(d) for (t, a), d in page.scripts if a.get("type") == "application/json"]
    assert len(scenes) == 4
    for scene in scenes:
        drawn = {layer["mesh"] for view in scene["views"] for layer in view}
        assert drawn <= set(scene["meshes"])
        assert 10 < scene["girth"] <= scene["radius"] < 60 or scene["girth"] < 10 < scene["radius"]


def test_bundle_holds_every_module_once_and_no_import():
    script = PAGE.bundle()
    assert not re.search(r"^\s*(import|export) ", script, re.MULTILINE)
    assert script.count("class Renderer") == script.count("class Camera") == 1
    assert script.index("class Renderer") < script.index("class Stage")


def test_the_same_runs_give_the_same_bytes(runs, cases):
    entries = load_entries(runs)
    assert render_report(entries, cases.__getitem__, limit_cases=1) == render_report(
        entries, cases.__getitem__, limit_cases=1
    )


def test_a_report_without_pictures(runs, cases):
    html = render_report(load_entries(runs), cases.__getitem__, limit_cases=0)
    assert "<canvas" not in html
    assert 'id="methods"' in html


def test_unknown_cases_other_data_and_no_runs_are_refused(runs, cases):
    entries = load_entries(runs)
    with pytest.raises(RunError, match="in none of the runs"):
        render_report(entries, cases.__getitem__, ["s9/ball"])
    names = list(cases)
    with pytest.raises(DataError, match="observed differently"):
        render_report(entries, lambda _: cases[names[1]], names[:1])
    with pytest.raises(RunError, match="at least one"):
        load_entries([])
    with pytest.raises(RunError, match="given twice"):
        load_entries([runs[0], runs[0]])


def test_signatures_of_different_units_never_share_a_column(runs):
    (entry,) = load_entries(runs[:1])
    *rows, last = entry.run.rows
    other = dataclasses.replace(last, signature=last.signature.replace("unit:mm", "unit:box"))
    run = dataclasses.replace(entry.run, rows=(*rows, other))
    titles = [metric.column for metric in metrics_of([Entry("m", run, run.scores())])]
    assert titles == ["Dice", "CD, mm", "UHD, mm", "UHD"]
