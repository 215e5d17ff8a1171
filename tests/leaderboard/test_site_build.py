"""The written site: same bytes again, a strict policy, links that lead somewhere, nothing of a stranger as markup."""

import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from make_board import Ellipsoids, make_board, make_verifications

from leaderboard.model import Finding, MethodPage
from leaderboard.site import DataSet, build_site
from leaderboard.site.pages import POLICY

HOSTILE = "\"'><script>window.pwned=1</script><img src=x onerror=window.pwned=1>{{7*7}}\u202e"
FIRST_PAGE = 300_000
TEN_METHODS = 400_000
VOID = {"meta", "link", "img", "input", "br", "hr", "wbr", "source", "col"}


class Reader(HTMLParser):
    """Elements with their attributes, and the texts of headings."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), list(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass


def read(path):
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    return reader.elements


def build(target, hostile="", **more):
    board = make_board(8, 2, hostile=hostile)
    table = board.tables[0]
    data = DataSet(
        table.data_name, table.data_revision, f"Mini{hostile}", ((f"a{hostile}", f"b{hostile}"),),
        ((f"MIT{hostile}", 4),), ((f"Card{hostile}", "https://example.org/card"),),
    )  # fmt: skip
    return build_site(
        board, target, cases=Ellipsoids(2, hostile), verifications=make_verifications(board, hostile), data_sets=[data],
        export=lambda table: {"csv": f"{table.title}\n", "json": "{}\n"}, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("plain") / "site"
    build(target)
    return target


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory):
    target = tmp_path_factory.mktemp("hostile") / "site"
    build(target, HOSTILE)
    return target


def pages(site):
    found = sorted(site.rglob("*.html"))
    assert len(found) > 20
    return found


def test_the_same_board_gives_the_same_bytes(site, tmp_path):
    said = []
    sizes = build(tmp_path / "again", progress=said.append)
    content = {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    assert {name: (tmp_path / "again" / name).read_bytes() for name in sizes} == content
    assert {name: len(each) for name, each in content.items()} == sizes
    assert any("s0/femur_left" in each for each in said)


@pytest.mark.parametrize("kind", ["site", "hostile_site"])
def test_every_page_has_the_policy_and_nothing_inline(request, kind):
    for page in pages(request.getfixturevalue(kind)):
        elements = read(page)
        metas = [
            a.get("content")
            for tag, a, _ in elements
            if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
        ]
        assert metas == [POLICY], page
        for tag, attributes, _ in elements:
            assert tag not in {"style", "iframe", "object", "embed", "base", "form", "frame"}, (page, tag)
            assert not any(name.startswith("on") or name == "style" for name in attributes), (page, tag, attributes)
            if tag == "script":
                assert re.fullmatch(r"(\.\./)*(board|case|compare)\.js", attributes["src"])
        assert [tag for tag, _, _ in elements].count("script") == 1
        assert [tag for tag, _, _ in elements].count("img") == (
            2 if page.parent.parent.name == "cases" and page.name == "index.html" else 0
        )


@pytest.mark.parametrize("kind", ["site", "hostile_site"])
def test_links_lead_to_files_and_places_or_to_https(request, kind):
    site = request.getfixturevalue(kind)
    known = {page.resolve(): {a["id"] for _, a, _ in read(page) if "id" in a} for page in pages(site)}
    for page in known:
        for tag, attributes, _ in read(page):
            address = attributes.get("href") or attributes.get("src")
            if not address or address == "data:,":
                continue
            parts = urlsplit(address)
            if parts.scheme:
                assert parts.scheme == "https"
                assert tag == "a"
                assert attributes["rel"] == "noopener noreferrer nofollow"
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert target.is_relative_to(site.resolve())
            assert target.is_file(), (page, address)
            if parts.fragment and "=" not in parts.fragment:
                assert parts.fragment in known[target], (page, address)


def test_headings_descend_by_one_and_everything_is_labelled(site):
    for page in pages(site):
        elements = read(page)
        levels = [int(tag[1]) for tag, _, _ in elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1, page
        assert levels.count(1) == 1, page
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), (page, levels)
        ids = [a["id"] for _, a, _ in elements if "id" in a]
        assert len(ids) == len(set(ids)), page
        for tag, attributes, parents in elements:
            if tag in {"input", "select"}:
                assert "aria-label" in attributes or "label" in parents, (page, attributes)
            if tag == "img":
                assert "alt" in attributes
                assert {"width", "height"} <= attributes.keys()
            if tag == "th" and "role" not in attributes:
                assert attributes.get("scope") in {"col", "row"}, page
        assert next(a for tag, a, _ in elements if tag == "html")["lang"] == "en"


def test_what_strangers_write_is_text_everywhere(hostile_site):
    for page in pages(hostile_site):
        text = page.read_text("utf-8")
        assert "<script>window" not in text
        assert "<img src=x" not in text
        assert "\u202e" not in text
        assert "{{7*7}}" not in text or "49" not in re.findall(r"pwned=1&gt;(\d\d)", text)
        for _, attributes, _ in read(page):
            assert not {"onerror", "onload"} & attributes.keys()
    names = [path.relative_to(hostile_site).as_posix() for path in hostile_site.rglob("*")]
    assert all(re.fullmatch(r"[A-Za-z0-9/.-]+", name) for name in names)


def test_the_budget_of_bytes(site):
    first = sum((site / name).stat().st_size for name in ("index.html", "site.css", "board.js"))
    assert first < FIRST_PAGE
    folder = next((site / "data" / "surfaces").glob("*/*"))
    assert sum(path.stat().st_size for path in folder.iterdir()) < TEN_METHODS
    for page in (site / "cases").rglob("*.html"):
        assert page.stat().st_size < 60_000


def test_two_hundred_submissions_of_ten_tasks_stay_light(tmp_path):
    sizes = build_site(make_board(200, 10), tmp_path / "site")
    shared = sizes["site.css"] + sizes["board.js"]
    assert sizes["index.html"] + shared < FIRST_PAGE
    tasks = [size for name, size in sizes.items() if name.startswith("tasks/")]
    assert len(tasks) == 10
    assert max(tasks) + shared < FIRST_PAGE
    assert "compare.html" not in sizes


def test_an_empty_board_is_a_site(tmp_path):
    board = make_board(4, 0)
    build_site(board, tmp_path / "site")
    assert "There are no results yet." in (tmp_path / "site" / "index.html").read_text("utf-8")


def test_refused_submissions_show_why_and_no_number(tmp_path):
    board = make_board(8, 1)
    table = board.tables[0]
    bad = replace(table.entries[6], findings=(Finding("equal-to-truth", "refused", "42 of 42"),))
    page = next(each for each in board.methods if each.submission == bad.submission)
    page = MethodPage(
        page.submission, page.method, page.title, page.tier, (("Secret fact", "x"),), findings=bad.findings
    )
    others = tuple(each for each in board.methods if each.submission != bad.submission)
    board = replace(
        board, tables=(replace(table, entries=(*table.entries[:6], bad, *table.entries[7:])),), methods=(*others, page)
    )
    build_site(board, tmp_path / "site")
    task = next((tmp_path / "site" / "tasks").iterdir()).read_text("utf-8")
    assert f"<code>{bad.submission}</code>: equal to truth" in task
    assert f">{bad.method}</a>" not in task
    own = next(p for p in (tmp_path / "site" / "methods").iterdir() if bad.submission[-12:] in p.name).read_text(
        "utf-8"
    )
    assert "Refused." in own
    assert "Secret fact" not in own
    assert "42 of 42" in own


def test_templates_and_scripts_are_shipped_with_the_package():
    folder = Path(__import__("leaderboard.site").site.__file__).parent
    assert {"base.html", "index.html", "task.html", "case.html"} <= {
        path.name for path in (folder / "templates").iterdir()
    }


def test_a_table_of_quoted_rows_only_ranks_and_links_nothing(tmp_path):
    board = make_board(6, 2)
    only = replace(board.tables[1], entries=(), profile="quoted", data_name="as published", data_revision="", cases=0)
    build_site(replace(board, tables=(board.tables[0], only)), tmp_path / "site", cases=Ellipsoids(1))
    task = next(path for path in (tmp_path / "site" / "tasks").iterdir() if "oneplane" in path.name).read_text("utf-8")
    assert "GenMed (paper)" in task
    assert "nothing is ranked" in task
    assert 'id="ranking"' not in task
    assert "data-sets/" not in task
    assert len(list((tmp_path / "site" / "data-sets").iterdir())) == 1
    index = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "quoted figures only (1)" in index
    assert "ranked yet" not in index
    assert "to 1 task; of 1 more there are only figures that papers print" in index
    assert "oneplane" not in (tmp_path / "site" / "compare.html").read_text("utf-8")


def test_a_data_set_is_described_by_its_revision_or_said_not_to_be_at_hand(tmp_path):
    board = make_board(4, 1)
    table = replace(board.tables[0], data_name="what a stranger calls it")
    board = replace(board, tables=(table,))
    known = DataSet("mini", table.data_revision, "Mini", licences=(("MIT", 4),))
    for name, given, words in (("a", [known], "MIT"), ("b", [], "was not at hand")):
        build_site(board, tmp_path / name, data_sets=given)
        (page,) = (tmp_path / name / "data-sets").iterdir()
        assert words in page.read_text("utf-8")
        assert ("was not at hand" in page.read_text("utf-8")) == (not given)
        task = next((tmp_path / name / "tasks").iterdir()).read_text("utf-8")
        assert f"data-sets/{page.name}" in task


def test_a_link_to_a_site_stays_one(tmp_path):
    build_site(make_board(4, 0), tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    build_site(make_board(4, 1), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert list((tmp_path / "real" / "tasks").iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"real", "link"}
