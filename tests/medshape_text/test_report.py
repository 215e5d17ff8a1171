"""The page about a data set: numbers against hand-made truth, hostile names as text, pictures, a real browser."""

import base64
import hashlib
import json
import re
import shutil
import struct
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from headless_chromium import needs_browser, open_browser

from medshape_text import codec, manifest, records
from medshape_text.hashing import file_sha256
from medshape_text.manifest import DatasetError
from medshape_text.report import write_report
from medshape_text.report.pictures import choose
from medshape_text.report.times import duration
from medshape_text.thumbnail import CORNER, FRONT, Direction, thumbnail
from medshape_text.thumbnail.picture import draw
from medshape_text.web import plain

HOSTILE = "<script>window.pwned=1</script>\"'><img src=x onerror=window.pwned=1>"
GRID = np.stack(np.meshgrid(*[np.arange(64) - 31.5] * 3, indexing="ij"))


def ellipsoid(radii, centre=(0.0, 0.0, 0.0)):
    """Canonical SDF (roughly) of an axis-aligned ellipsoid, radii and centre in voxels from the grid's centre."""
    radii = np.asarray(radii, dtype=np.float64)
    scaled = (GRID - np.reshape(centre, (3, 1, 1, 1))) / radii.reshape(3, 1, 1, 1)
    return np.clip((np.linalg.norm(scaled, axis=0) - 1) * radii.min() / 32, -0.2, 0.2).astype(np.float32)


BALL = codec.encode_sdf(ellipsoid((20, 24, 28)))


def row(shape_id, category, split, subject="p0", **other):
    """A row of all configurations with what the page reads; the rest is empty."""
    plain_row = {
        "id": shape_id, "category": category, "split": split, "subject": subject, "super_class": "bone",
        "origin": "real_subject", "source": "set-a", "licence": "CC-BY-4.0", "redistributable": True, "flags": [],
        "repairs": [], "sdf": BALL,
    }  # fmt: skip
    return plain_row | other


def stage(name, n_in, n_out, dropped=None, **other):
    return {"name": name, "n_in": n_in, "n_out": n_out, "dropped": dropped or {}} | other


def write_dataset(folder: Path, rows, stages, drops=(), pairs=None, leaks=None, name="tiny", group=32,
                  removed=()):  # fmt: skip
    """A data-set folder as a build leaves it, written with pyarrow and the schemas alone."""
    folder.mkdir(parents=True)
    counts = {}
    for config in records.CONFIGS:
        (folder / config).mkdir()
        for split in dict.fromkeys(each["split"] for each in rows):
            path = f"{config}/{split}-00000-of-00001.parquet"
            schema = records.arrow_schema(config)
            these = [each for each in rows if each["split"] == split]
            rows_here = pa.Table.from_pylist(these, schema=schema)
            pq.write_table(rows_here, folder / path, row_group_size=group, use_dictionary=False, compression="none")
            counts[path] = len(these)
    table = pa.Table.from_pylist(list(drops), schema=records.dropped_schema())
    pq.write_table(table, folder / "dropped.parquet")
    counts["dropped.parquet"] = len(drops)
    if pairs is not None:
        pq.write_table(pa.Table.from_pylist(pairs), folder / "duplicates.parquet")
    if leaks is not None:
        (folder / "leaks.json").write_text(json.dumps(leaks))
    if removed:
        pq.write_table(pa.Table.from_pylist(list(removed)), folder / "removed.parquet")
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        relative = path.relative_to(folder).as_posix()
        files[relative] = {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        if relative in counts:
            files[relative]["rows"] = counts[relative]
    told = {
        "schema_version": manifest.SCHEMA_VERSION, "name": name, "recipe": "r", "source": {"pin": HOSTILE},
        "stages": stages, "writer": {"format": "parquet"}, "seeds": {"rule": "sha256", "purposes": ["captions"]},
        "files": files,
    }  # fmt: skip
    told["revision"] = manifest.revision(told)
    told["builder"] = {"package": "genmed-bench", "version": "9.9"}
    (folder / "manifest.json").write_text(json.dumps(told))
    return folder


def timings(folder: Path, **other):
    told = json.loads((folder / "manifest.json").read_text())
    found = {
        "revision": told["revision"], "workers": 2, "shapes": 50, "resumed": 10,
        "wall_seconds": {"curate": 30.0, "write": 10.0}, "worker_seconds": {"read": 10.0, "sdf": 40.0},
    } | other  # fmt: skip
    folder.with_name(f"{folder.name}.timings.json").write_text(json.dumps(found))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Nine shapes of two categories; 30 were dropped for two reasons at two stages; hostile names everywhere."""
    rows = [row(f"a{index}", "femur_left", "train", f"p{index % 2}") for index in range(5)]
    rows += [row("b0", "femur_left", "test", "q0", flags=["flat-cap", "flat-cap"], source="set-b")]
    rows += [row("c0", f"rib {HOSTILE}", "test", "q1", flags=["flat-cap", HOSTILE], origin="template")]
    rows += [row(f"c1 {HOSTILE}", f"rib {HOSTILE}", "zero_shot", "p0", licence=HOSTILE, redistributable=False,
                 repairs=[{"action": "merged-vertices", "count": 7}, {"action": "filled-holes", "count": 1}])
             ]  # fmt: skip
    rows += [row("c2", f"rib {HOSTILE}", "test", "q1", sdf=b"SDF\x01 no grid")]
    stages = [
        stage("read", 39, 14, {"not-a-mesh": 25}),
        stage("inspect", 14, 9, {HOSTILE: 5}, version="3", parameters={"least": 0.5}),
        stage("split", 9, 9),
    ]
    drops = [{"id": f"bad{i}", "stage": "read", "reason": "not-a-mesh", "detail": f"page {i}"} for i in range(25)]
    long = f"\u202e{HOSTILE}\x00" + "z" * 9999
    drops += [{"id": f"odd{i} {HOSTILE}", "stage": "inspect", "reason": HOSTILE, "detail": long} for i in range(5)]
    removed = [{"id": "bad3", "sdf": BALL}, {"id": "nobody asked", "sdf": b""}]
    pairs = [{"first": "a0", "second": "a1", "kind": "mirrored", "distance_voxels": 0.1234},
             {"first": "b0", "second": f"gone {HOSTILE}", "kind": HOSTILE, "distance_voxels": 0.5},
             {"first": "b0", "second": "bad3", "kind": "same-mesh", "distance_voxels": 0.0}]  # fmt: skip
    leaks = {"open_leaks": 0, "near_duplicates_across_splits": [{"first": "a2", "second": "b0", "kind": "same"}],
             "subjects": [], "checked": 9, HOSTILE: [HOSTILE, "\ud800"]}  # fmt: skip
    folder = write_dataset(tmp_path_factory.mktemp("data") / "tiny", rows, stages, drops, pairs, leaks,
                           name=f"tiny {HOSTILE}", group=2, removed=removed)  # fmt: skip
    timings(folder)
    return folder


def report(folder, tmp_path):
    write_report(folder, tmp_path / "page.html")
    return (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def html(small, tmp_path_factory):
    return report(small, tmp_path_factory.mktemp("page"))


class Page(HTMLParser):
    """Tables as lists of rows of cell texts, by id; tags with attributes; texts outside script and style."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.tags, self.raw, self.texts = {}, [], {}, []
        self._rows = self._in = None
        self._cell = False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._in = tag if tag in ("script", "style") else None
        if tag == "table":
            self._rows = self.tables.setdefault(dict(attributes).get("id", f"table {len(self.tables)}"), [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        self._in = None
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self._in:
            self.raw[self._in] = data
            return
        self.texts.append(data)
        if self._cell:
            self._rows[-1][-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_funnel_shows_what_every_stage_kept_and_adds_up(page):
    lines = [[cell.strip() for cell in line] for line in page.tables["stages"][1:]]
    assert [[line[0], *line[2:5]] for line in lines] == [
        ["read", "39", "14", "25"], ["inspect", "14", "9", "5"], ["split", "9", "9", "0"], ["all", "39", "9", "30"],
    ]  # fmt: skip
    assert all("✓" in line[5] for line in lines)
    assert ["inspect", "3", "least = 0.5"] in page.tables["declared"]


def test_reasons_have_at_most_twenty_examples_and_say_of_how_many(page, html):
    assert sum(text.startswith("page ") for text in page.texts) == 20
    assert "page 19" in html
    assert "page 20" not in html
    assert "20 of 25." in page.text
    assert sum(bool(re.match(r"odd\d ", text)) for text in page.texts) == 5


def test_counts_by_category_and_split(page):
    head, *lines = [[cell.strip() for cell in line] for line in page.tables["categories"]]
    assert head[3:] == ["shapes", "train", "test", "zero shot", "subjects"]
    assert lines[0] == ["femur_left", "bone", "", "6", "5", "1", "0", "3"]
    assert lines[1][0] == f"rib {HOSTILE}"
    assert lines[1][3:] == ["3", "0", "2", "1", "2"]


def test_small_groups_count_shapes_by_value(page):
    found = {line[0].strip(): line[1].strip() for table in page.tables.values() for line in table if len(line) == 2}
    wanted = {"real_subject": "8", "template": "1", "set-a": "8", "set-b": "1", "CC-BY-4.0 (may be passed on)": "8",
              f"{HOSTILE} (recipe only)": "1", "flat-cap": "2", HOSTILE: "1", "no flag": "7", "merged-vertices": "1",
              "filled-holes": "1", "not repaired": "8"}  # fmt: skip
    assert wanted.items() <= found.items()


def test_every_category_has_its_pictures_and_a_damaged_grid_is_told(html, page):
    pictures = [a for tag, a in page.tags if tag == "img"]
    # femur: 4 of 6; rib: 2 of 3, one is damaged; pairs: a0 a1, b0, b0 bad3 here, a2 b0 in the leaks
    assert len(pictures) == 4 + 2 + 5 + 2
    assert all(a["src"].startswith("data:image/png;base64,") and a["decoding"] == "async" for a in pictures)
    assert page.texts.count("SDF is damaged") == 1
    assert page.texts.count("no picture") == 1
    assert not any("wbr" in text for text in page.texts)
    assert page.texts.count("not in the data set") == 2


def test_pairs_and_leaks_are_named(page):
    text = page.text
    assert "mirrored" in text
    assert "0.123" in text
    assert f"gone {HOSTILE}" in {attributes.get("title") for _, attributes in page.tags}
    assert "near duplicates across splits" in text
    assert "\\ud800" in text
    assert "No subject is in two of train, validation and test" in text
    assert "No leak between splits was found." in text
    assert "validation and test: no" not in text  # p0 has shapes in train and zero_shot, which is allowed


def test_a_subject_in_two_splits_is_named(tmp_path):
    rows = [row("a", "hip", "train", "both"), row("b", "hip", "test", "both"), row("c", "hip", "zero_shot", "both")]
    folder = write_dataset(tmp_path / "d", rows, [stage("read", 3, 3)])
    text = Page(report(folder, tmp_path)).text
    assert "There are leaks between splits." in text
    assert "validation and test: no both: test, train This data set has" in text
    assert "this data set has no leaks.json" in text.lower()
    assert "this data set has no duplicates.parquet" in text.lower()


def test_open_leaks_of_the_build_are_told(tmp_path):
    rows = [row("a", "hip", "train", "p"), row("b", "hip", "test", "q")]
    leaks = {"open_leaks": 1, "unsafe_outside_train": ["b"]}
    text = Page(report(write_dataset(tmp_path / "d", rows, [stage("read", 2, 2)], leaks=leaks), tmp_path)).text
    assert "There are leaks between splits." in text
    assert "no open leak: no open leaks: 1" in text
    assert "unsafe outside train 1 b" in text


def test_lists_of_leaks_whose_items_are_no_pairs_are_shown_all_the_same(tmp_path):
    leaks = {
        "odd": [{"first": "a", "second": "b"}, {"first": "c"}],
        "mixed": [{"first": "a", "second": "b"}] * 22 + [3],
    }
    folder = write_dataset(tmp_path / "d", [row("a", "hip", "train")], [stage("read", 1, 1)], leaks=leaks)
    text = Page(report(folder, tmp_path)).text
    assert "odd 2 first second a b c" in text
    assert "mixed 23" in text


def test_numbers_without_end_in_a_manifest_are_damage(tmp_path):
    folder = write_dataset(tmp_path / "d", [row("a", "hip", "train")], [stage("read", 1, 1)])
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"n_in": 1', '"n_in": 1e999'))
    with pytest.raises(DatasetError, match="damaged"):
        report(folder, tmp_path)


def test_times_shares_rates_and_projection(page):
    lines = [[cell.strip() for cell in line] for line in page.tables["stage-times"][1:]]
    # 114,075 shapes are 2,281.5 times 50: 22,815 s, 91,260 s and their sum
    assert [[line[0], *line[2:]] for line in lines] == [
        ["read", "10 s", "20.0 %", "5", "6.34 h"], ["sdf", "40 s", "80.0 %", "1.25", "25.4 h"],
        ["all stages", "50 s", "100.0 %", "1", "31.7 h"],
    ]  # fmt: skip
    assert "10 of these shapes were finished by earlier runs" in page.text


@pytest.mark.parametrize(
    ("change", "words"),
    [({"revision": "x"}, "another revision"), ({"shapes": 0}, "damaged"), ({"shapes": float("inf")}, "damaged"),
     ({"worker_seconds": {"read": "much"}}, "damaged"), ({"worker_seconds": 3}, "damaged"), (None, "no file of times")],
)  # fmt: skip
def test_times_that_do_not_fit_are_not_shown(tmp_path, change, words):
    folder = write_dataset(tmp_path / "d", [row("a", "hip", "train")], [stage("read", 1, 1)])
    if change is not None:
        timings(folder, **change)
    page = Page(report(folder, tmp_path))
    assert words in page.text
    assert "stage-times" not in page.tables


def test_durations_are_readable():
    assert [duration(s) for s in (0.5, 60, 600, 7200, 7.2e6)] == ["0.5 s", "60 s", "10 min", "2 h", "2,000 h"]


def test_sound_data_passes_all_checks_and_every_kind_of_damage_is_named(small, tmp_path, page):
    assert "All 5 checks hold" in page.text
    broken = tmp_path / "broken"
    shutil.copytree(small, broken)
    told = json.loads((broken / "manifest.json").read_text())
    told["stages"][1]["n_out"] = 8
    (broken / "manifest.json").write_text(json.dumps(told))
    (broken / "leaks.json").write_text("{}")
    (broken / "stray\x07.bin").write_text("")
    shutil.copy(broken / "shapes/test-00000-of-00001.parquet", broken / "shapes/test-00001-of-00002.parquet")
    text = Page(report(broken, tmp_path)).text
    assert "Not all checks hold" in text
    for words in (
        "manifest.json", "leaks.json", "stray\\x07.bin", "14 is not 8 + 5", "8 shapes left stage inspect, but 9",
        "9 shapes left the last stage, but the tables have 12", "3 rows repeat an id",
    ):  # fmt: skip
        assert words in text, words


def test_drops_that_the_manifest_does_not_count_are_named(tmp_path):
    drops = [{"id": "x", "stage": "read", "reason": "empty", "detail": ""}]
    folder = write_dataset(tmp_path / "d", [row("a", "hip", "train")], [stage("read", 3, 1, {"empty": 2})], drops)
    assert "read / empty: the manifest counts 2, dropped.parquet has 1" in Page(report(folder, tmp_path)).text


def test_nothing_is_fetched_and_nothing_but_our_script_may_run(html, page):
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name != "style"
            if name in ("src", "href", "action", "data", "srcset"):
                assert value.startswith(("data:", "#")), (tag, name, value)
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        pin = base64.b64encode(hashlib.sha256(page.raw[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{pin}'" in policy
    assert "@import" not in html
    assert "url(" not in html
    assert not re.search(r"^\s*(import|export) ", page.raw["script"], re.MULTILINE)


def test_hostile_names_are_text(html, page):
    assert "<img src=x" not in html
    assert "<script>window" not in html
    assert sum("window.pwned=1" in text for text in page.texts) > 15
    assert not set(html) & {"\x00", "\u202e", "\x07"}
    assert "z" * 300 not in html
    assert {tag for tag, _ in page.tags} & {"iframe", "object", "form", "link"} == {"link"}


def test_invisible_characters_are_spelled_out_and_long_texts_cut():
    assert plain("é 骨 ok", 6) == "é 骨 ok"
    assert plain("a\r\n\u200b\u2028\U000e0041b") == "a\\r\\n\\u200b\\u2028\\U000e0041b"
    assert plain("x" * 400, 300) == "x" * 299 + "…"


def test_the_same_folder_gives_the_same_bytes_and_another_place_does_not_matter(small, html, tmp_path):
    shutil.copytree(small, tmp_path / "tiny")
    shutil.copy(small.with_name("tiny.timings.json"), tmp_path)
    assert report(tmp_path / "tiny", tmp_path) == html


def test_bad_folders_are_refused_with_one_line_and_no_file_is_left(small, tmp_path):
    target = tmp_path / "page.html"
    with pytest.raises(DatasetError, match=r"no manifest\.json"):
        write_report(tmp_path, target)
    for path, text in (("shapes/test-00000-of-00001.parquet", "PAR1"), ("leaks.json", "[1"), ("dropped.parquet", ""),
                       ("leaks.json", "[" * 99999), ("sdf64/train-00000-of-00001.parquet", "x")):  # fmt: skip
        broken = tmp_path / "broken"
        shutil.rmtree(broken, ignore_errors=True)
        shutil.copytree(small, broken)
        (broken / path).write_text(text)
        with pytest.raises(DatasetError, match=re.escape(path.rsplit("/", maxsplit=1)[-1])) as caught:
            write_report(broken, target)
        assert "\n" not in str(caught.value)
    told = json.loads((small / "manifest.json").read_text())
    for key, value in (("stages", None), ("stages", [{"name": "x"}]), ("files", {"a": 3}), ("name", None)):
        shutil.copy(small / "manifest.json", broken)
        changed = {k: v for k, v in told.items() if k != key} if value is None else told | {key: value}
        (broken / "manifest.json").write_text(json.dumps(changed))
        with pytest.raises(DatasetError, match="damaged"):
            write_report(broken, target)
    assert not target.exists()
    assert not list(tmp_path.glob(".*"))


def test_pictures_are_chosen_by_category_and_not_by_what_else_there_is():
    def columns(pairs):
        return {"category": [category for category, _ in pairs], "id": [i for _, i in pairs]}

    mixed = [(category, f"{category}{i}") for i in range(50) for category in ("a", "b", "c")]
    alone = [(category, i) for category, i in mixed if category == "b"]
    chosen = choose(columns(mixed))
    assert sorted(len(places) for places in chosen.values()) == [4, 4, 4]
    assert chosen["b"] == choose(columns(alone))["b"]
    drawn = {tuple(shape_id[1:] for shape_id in ids) for ids in chosen.values()}
    assert len(drawn) == 3  # another draw for every category
    assert ("0", "1", "2", "3") not in drawn
    many = choose(columns([(f"k{i}", f"{i}-{j}") for i in range(1000) for j in range(5)]))
    assert sum(map(len, many.values())) <= 640


def pixels(url):
    """(H, W) palette indices, and the palette as (n, 4) RGBA; read as the PNG specification says."""
    data = base64.b64decode(url.split(",")[1])
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        chunks[kind] = data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + chunks[kind])
        at += 12 + length
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour) == (8, 3)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    palette = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)
    opacity = np.full(len(palette), 255)
    opacity[: len(chunks[b"tRNS"])] = list(chunks[b"tRNS"])
    return lines[:, 1:], np.column_stack([palette, opacity])


def test_thumbnail_is_as_large_as_the_shape_and_lit_from_above_left():
    index, palette = pixels(thumbnail(ellipsoid((8, 20, 28)), 128, FRONT))
    opaque = palette[index, 3] > 127
    rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
    assert np.ptp(rows) + 1 == pytest.approx(2 * 56, abs=2)
    assert np.ptp(columns) + 1 == pytest.approx(2 * 16, abs=2)
    assert palette[index[0, 0], 3] == 0
    light = palette[index].astype(int)[..., :3].sum(axis=-1)
    assert light[32, 58] > light[96, 70] + 100


@pytest.mark.parametrize(
    ("azimuth", "elevation", "right", "up"),
    [(0, 0, "+x", "+z"), (np.pi / 2, 0, "+y", "+z"), (np.pi, 0, "-x", "+z"), (0, np.pi / 2, "+x", "+y")],
)
def test_directions_show_what_is_right_and_up_there(azimuth, elevation, right, up):
    def middle(where):
        # the larger ball is in the middle and makes the frame; the small one hangs on it and says where it is
        towards = np.eye(3)["xyz".index(where[1])] * (1 if where[0] == "+" else -1)
        both = np.minimum(ellipsoid((14, 14, 14)), ellipsoid((6, 6, 6), 18 * towards))
        _, cover = draw(both, 64, Direction(azimuth, elevation))
        rows, columns = np.nonzero(cover > 0.5)
        return 31.5 - rows.mean(), columns.mean() - 31.5

    above, aside = middle(right)
    assert abs(above) < 0.2
    assert aside > 0.8
    above, aside = middle(up)
    assert above > 0.8
    assert abs(aside) < 0.2


def test_brightness_is_that_of_the_surface_first_met():
    # A ball in front (low y) of a plate hides it: seen from the front round, from behind flat and evenly lit.
    ball, plate = ellipsoid((10, 10, 10), (0, -15, 0)), np.clip((np.abs(GRID[1] - 15) - 3) / 32, -0.2, 0.2)
    plate = np.maximum(plate, np.clip((np.abs(GRID[[0, 2]]).max(axis=0) - 25) / 32, -0.2, 0.2))
    both = np.minimum(ball, plate).astype(np.float32)
    front, cover = draw(both, 64, FRONT)
    behind, _ = draw(both, 64, Direction(np.pi, 0.0))
    assert cover[32, 32] == cover[12, 12] == 1
    assert np.ptp(front[26:38, 26:38]) > 0.15
    assert np.ptp(behind[26:38, 26:38]) < 0.05


def test_a_picture_of_nothing_is_empty_and_oblique_views_are_not_cut_off():
    for empty in (np.full((64,) * 3, 0.2), np.full((64,) * 3, np.nan)):
        assert not draw(empty, 32)[1].any()
    cube = np.clip((np.abs(GRID).max(axis=0) - 28) / 32, -0.2, 0.2)
    _, cover = draw(cube, 96, CORNER)
    assert cover.max() == 1
    assert not cover[0].any()
    assert not cover[-1].any()
    assert not cover[:, [0, -1]].any()
    # a thin sheet, less than a voxel thick, is still there
    sheet = np.clip((np.abs(GRID[1] - 0.5) - 0.4) / 32, -0.2, 0.2)
    sheet = np.maximum(sheet, np.clip((np.abs(GRID[[0, 2]]).max(axis=0) - 25) / 32, -0.2, 0.2))
    assert draw(sheet, 64, FRONT)[1][20:44, 20:44].all()


@pytest.mark.slow
def test_a_large_set_is_never_in_memory_and_its_page_stays_small(tmp_path):
    # Rough surfaces on noise: cells and pictures as large as they get.
    rough = ellipsoid((14, 20, 28)) + np.random.default_rng(0).normal(0, 0.003, (64,) * 3)
    cell = codec.encode_sdf(np.clip(rough, -0.2, 0.2))
    rows = [row(f"set/s{i:05d}_shape", f"structure_{i % 139}", "train", f"s{i // 20}", sdf=cell) for i in range(2000)]
    folder = write_dataset(tmp_path / "d", rows, [stage("read", 2000, 2000)])
    assert (folder / "sdf64/train-00000-of-00001.parquet").stat().st_size > 300e6
    program = (
        "import re, sys; from pathlib import Path; from medshape_text.report import write_report; "
        "write_report(Path(sys.argv[1]), Path(sys.argv[2])); "
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1])"
    )  # ru_maxrss would tell the size of this process, of which it is a fork
    command = [sys.executable, "-c", program, folder, tmp_path / "page.html"]
    kilobytes = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert kilobytes * 1024 < 500e6
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert html.count("<img ") == 139 * 4
    assert len(html.encode()) < 5_000_000


@pytest.fixture(scope="module")
def browser(html, tmp_path_factory):
    driver = open_browser(tmp_path_factory.mktemp("profile"))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html, encoding="utf-8")
    driver.get(path.as_uri())
    yield driver
    driver.quit()


@needs_browser
def test_the_browser_fetches_nothing_complains_of_nothing_and_runs_nothing_foreign(browser):
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    urls = {each["request"]["url"] for each in sent if each["documentURL"].startswith("file:")}
    assert {url for url in urls if not url.startswith("data:")} == {browser.current_url}
    loaded = "return [...document.images].every((i) => { i.scrollIntoView(); return i.decode && i.src.length > 100; })"
    assert browser.execute_script(loaded)
    assert browser.execute_script("return window.pwned") is None
    browser.execute_script("const s = document.createElement('script'); s.textContent = 'window.pwned=1';"
                           "document.body.append(s)")  # fmt: skip
    assert browser.execute_script("return window.pwned") is None


@needs_browser
def test_tables_sort_and_filter_by_keyboard(browser):
    def labels(selector):
        script = f"return [...document.querySelectorAll('{selector}')].filter((e) => !e.hidden).map((e) => e.innerText)"
        return browser.execute_script(script)

    button = browser.find_element("css selector", "#categories th:nth-child(5) button")
    assert labels("#categories tbody tr")[0].startswith("femur_left")
    button.send_keys("\ue007")
    assert labels("#categories tbody tr")[0].startswith("femur_left")  # 5 train shapes before 0
    button.send_keys("\ue007")
    assert labels("#categories tbody tr")[0].startswith("rib")
    browser.find_element("id", "filter-gallery").send_keys("FEMUR_l")
    assert len(labels(".kind")) == 1
    browser.find_element("css selector", ".reason summary").send_keys(" ")
    assert browser.execute_script("return document.querySelector('.reason').open")


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_phone_width_needs_no_sideways_scrolling(browser, theme):
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        browser.get(browser.current_url)
        browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
        colours = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
        ink, paper = (sum(map(int, re.findall(r"\d+", each)[:3])) for each in browser.execute_script(colours))
        assert (ink < paper) == (theme == "light")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {})
