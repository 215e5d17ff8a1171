"""The parts of the site: strangers' names and addresses, numbers, data files, surfaces, the folder, the order."""

import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_board import make_board
from synthetic import make_case

from benchmark.contract import Prediction
from benchmark.drawing.packing import unpack
from benchmark.drawing.surfaces import surface
from benchmark.errors import RunError
from benchmark.metrics.base import NOT_APPLICABLE
from benchmark.statistics import Table as Values
from benchmark.statistics import cluster_bootstrap
from benchmark.tasks.shape_completion import FAMILY
from leaderboard.model import Column, Entry, Finding, Interval, Rank
from leaderboard.site import CaseScores, Space, pages, ranking, tasks
from leaderboard.site.build import space_readme
from leaderboard.site.files import MARKER, data_script, key, replacing_site, safe_link
from leaderboard.site.scenes import MOST_FACES, clustered, light, method_record, packed

NODE = shutil.which("node")
STATIC = files("leaderboard.site").joinpath("static")
GRID = np.stack(np.meshgrid(*[np.arange(64) - 31.5] * 3, indexing="ij"))


def ball(radius):
    return np.clip((np.linalg.norm(GRID, axis=0) - radius) / 32, -0.2, 0.2).astype(np.float32)


@given(st.text(max_size=200))
def test_a_key_is_a_plain_file_name_whatever_the_id(text):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key(text))
    assert len(key(text)) <= 49


def test_ids_that_read_alike_have_keys_of_their_own():
    ids = ["a/b", "a-b", "A-b", "a_b", "a\u0301-b", "", "..", "../a-b", "\ud800", "a" * 90 + "1", "a" * 90 + "2"]
    assert len({key(each) for each in ids}) == len(ids)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "http://example.org/", "data:text/html,x", "//example.org/x",
        "https:/example.org", "https://", "https://user@example.org/", "https://a:b@example.org/", "ftp://example.org",
        "https://exa mple.org/", "https://example.org/\n", " https://example.org/", "https://example.org/\"x",
        "https://example.org/<b>", "https:\\\\example.org", "https://xn\u2024org/", "https://example.org/" + "a" * 3000,
        "https://example.org:x/", "file:///etc/passwd", "blob:https://example.org/1", "java\tscript:alert(1)", "",
    ],
)  # fmt: skip
def test_addresses_that_are_not_linked(address):
    assert safe_link(address) is None


@pytest.mark.parametrize(
    "address", ["https://example.org/a?b=c#d", "https://example.org:8443/", "HTTPS://example.org/"]
)
def test_addresses_that_are_linked(address):
    assert safe_link(address) == address


def test_numbers_by_hand():
    dice = Column("dice", "dice|v1", "Dice", True, digits=".3f")
    cd = Column("cd", "cd|mm|v1", "CD", False, "mm")
    assert ranking.text(dice, 0.98765) == "0.988"
    assert [ranking.text(cd, value) for value in (0.0, 0.01234, 1.0, 99.94, 123.4, 0.00001, 2e9)] == [
        "0", "0.0123", "1", "99.9", "123", "1e-05", "2000000000",
    ]  # fmt: skip
    assert ranking.text(cd, math.nan) == ranking.text(cd, None) == ranking.text(cd, math.inf) == "–"
    assert ranking.interval(dice, Interval(0.5, 0.4, 0.6)) == "[0.400, 0.600]"
    assert ranking.interval(dice, Interval(0.5)) == ""


def in_node(module, names, expression):
    """The value of an expression in Node that may use names of one of the site's modules."""
    if NODE is None:
        pytest.skip("needs node")
    source = (
        f"import {{ {names} }} from {json.dumps((Path(str(STATIC)) / module).as_uri())};"
        f"console.log(JSON.stringify({expression}))"
    )
    command = [NODE, "--input-type=module", "-e", source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_scripts_write_numbers_as_the_pages_do():
    rng = np.random.default_rng(0)
    values = [float(f"{v:.6g}") for v in np.exp(rng.uniform(-14, 24, 500))] + [0.0, 1.0, -0.5, -123.4]
    styles = (".3f", ".3g", ".2g")
    columns = [Column("a", "a|v1", "A", True, digits=style) for style in styles]
    both = f"((v) => ['number', ...{json.dumps(styles)}].map((style) => written(style, v)))"
    found = in_node("numbers.js", "written", f"{json.dumps(values)}.map({both})")
    assert found == [[ranking.number(v), *(ranking.text(column, v) for column in columns)] for v in values]


def test_the_browsers_bootstrap_agrees_with_the_toolkits():
    rng = np.random.default_rng(1)
    subjects = [f"s{i % 9}" for i in range(63)]
    categories = [f"c{i % 7}" for i in range(63)]
    values = [float(v) for v in rng.normal(0.02, 0.05, 63) + np.arange(63) % 9 / 300]
    ours = cluster_bootstrap(Values(values, categories, subjects))
    arguments = json.dumps([values, categories, subjects])
    theirs = in_node("bootstrap.js", "clusterBootstrap", f"clusterBootstrap(...{arguments}, 20000)")
    width = ours.high - ours.low
    assert theirs["value"] == pytest.approx(ours.value, abs=1e-12)
    # The quantile of 10,000 and of 20,000 draws: a standard error of about 1 % of the width each.
    assert theirs["low"] == pytest.approx(ours.low, abs=0.05 * width)
    assert theirs["high"] == pytest.approx(ours.high, abs=0.05 * width)


def test_one_subject_gives_no_interval_in_the_browser():
    expression = "clusterBootstrap([1, 3, 4], ['a', 'a', 'b'], ['x', 'x', 'x'])"
    assert in_node("bootstrap.js", "clusterBootstrap", expression) == {"value": 3, "low": None, "high": None}


@pytest.mark.parametrize(("higher", "sign"), [("true", 1), ("false", -1)])
def test_the_front_of_cost_and_value_is_what_nothing_beats(higher, sign):
    drawn = np.random.default_rng(2).uniform(1, 2, (60, 2)).round(1).tolist()
    points = {(value, cost) for value, cost in drawn}
    listed = json.dumps([{"value": value, "cost": cost} for value, cost in drawn])
    found = {(each["value"], each["cost"]) for each in in_node("costchart.js", "front", f"front({listed}, {higher})")}

    def beats(a, b):
        return a != b and sign * a[0] >= sign * b[0] and a[1] <= b[1]

    assert found == {each for each in points if not any(beats(other, each) for other in points)}


def test_data_files_hold_one_string_and_nothing_that_runs():
    hostile = {
        "x": [
            "</script><script>alert(1)</script>",
            "\u2028\u2029\x00",
            'a`${alert(1)}`\\u0022);alert(1);("',
            "\ud800",
            math.nan,
        ]
    }
    code = data_script("a-b/c", hostile).decode("ascii")
    name, text = re.fullmatch(r'genmedBoard\.put\(("[^"]*"),("(?:[^"\\]|\\.)*")\);\n', code).groups()
    assert json.loads(name) == "a-b/c"
    shown = json.loads(json.loads(text))["x"]
    assert shown[0] == hostile["x"][0]
    assert shown[1] == "\\u2028\\u2029\\x00"
    assert shown[3:] == ["\\ud800", None]


def test_scripts_are_joined_once_each_after_what_they_need():
    for name in pages.SCRIPTS:
        code = pages.script(name)
        assert not re.search(r"^(import|export)\b", code, re.MULTILINE)
        parts = re.findall(r"^// ([\w-]+\.js)$", code, re.MULTILINE)
        assert len(parts) == len(set(parts))
        assert parts[-1] == name
    assert "viewer.js" in pages.script("case.js")
    with pytest.raises(FileNotFoundError, match=r"static/nothing\.js"):
        pages.static("nothing.js")


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize("name", pages.SCRIPTS)
def test_joined_scripts_have_no_name_twice(tmp_path, name):
    (tmp_path / name).write_text(pages.script(name), encoding="utf-8")
    done = subprocess.run([NODE, "--check", tmp_path / name], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_light_surfaces_stay_on_the_surface_and_within_the_budget():
    full = surface(ball(24.0))
    assert len(full.faces) > 2 * MOST_FACES
    few = light(full)
    assert len(few.faces) <= MOST_FACES
    assert np.abs(np.linalg.norm(few.vertices, axis=1) - 24.0).max() < 0.15
    record = packed(few)
    vertices, faces, _ = unpack(record)
    assert np.abs(vertices - few.vertices).max() <= 1 / 32 + 1e-6
    assert len(faces) == len(few.faces)
    assert len(str(record["data"])) < 36_000
    assert packed(light(full)) == record  # the same bytes again


def test_a_surface_that_cannot_be_collapsed_is_clustered():
    rng = np.random.default_rng(0)
    rough = surface(rng.normal(0, 0.1, (64, 64, 64)).astype(np.float32))
    few = light(rough, 3000)
    assert 0 < len(few.faces) <= 3000
    assert few.faces.max() < len(few.vertices)


def test_clustering_by_hand():
    vertices = np.array([[0.1, 0, 0], [0.3, 0, 0], [5.5, 0, 0], [0, 5.5, 0]], np.float32)
    faces = np.array([[0, 2, 3], [0, 1, 2]], np.int32)
    found, kept = clustered(vertices, faces, 1)
    assert kept.shape == (1, 3)
    assert sorted(found.round(3).tolist()) == [[0.0, 5.5, 0.0], [0.2, 0.0, 0.0], [5.5, 0.0, 0.0]]


def test_error_colours_say_how_far_outside():
    answers = {"near": ball(21.0), "none": None, "hollow": np.ones((64,) * 3, np.float32)}
    given = {name: None if answer is None else Prediction({"shape": answer}) for name, answer in answers.items()}
    scene = FAMILY.scene(make_case(ball(20.0)), given, {}, "")
    record = method_record(scene, "near")
    ((name, mesh),) = record["meshes"].items()
    assert record["layers"] == [{"mesh": name, "paint": "bone", "style": "surface"}]
    _, _, value = unpack(mesh)
    assert abs(float(value.mean()) - (127.5 + 127.5 / 2)) < 3  # 1 voxel outside, of 2 that saturate
    assert method_record(scene, "none") == {"meshes": {}, "layers": [], "note": "no prediction"}
    assert method_record(scene, "hollow")["note"] == "nothing predicted inside"


def test_a_folder_that_is_no_site_is_never_replaced(tmp_path):
    precious = tmp_path / "home"
    precious.mkdir()
    (precious / "thesis.tex").write_text("years")
    with pytest.raises(RunError, match="not a site"), replacing_site(precious):
        pass
    assert (precious / "thesis.tex").read_text() == "years"


def fail_half_way(target):
    with replacing_site(target) as folder:
        folder.write("new.html", b"new")
        raise ZeroDivisionError


def test_a_site_is_replaced_whole_or_not_at_all(tmp_path):
    target = tmp_path / "site"
    with replacing_site(target) as folder:
        folder.write(MARKER, b"{}")
        folder.write("old.html", b"old")
    with pytest.raises(ZeroDivisionError):
        fail_half_way(target)
    assert sorted(path.name for path in target.iterdir()) == [MARKER, "old.html"]
    with replacing_site(target) as folder:
        folder.write(MARKER, b"{}")
        folder.write("new.html", b"new")
    assert sorted(path.name for path in target.iterdir()) == [MARKER, "new.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("address", ["../x", "/x", "a/../../x"])
def test_nothing_is_written_beside_the_site(tmp_path, address):
    with pytest.raises(RunError), replacing_site(tmp_path / "site") as folder:
        folder.write(address, b"")


def test_lines_are_in_order_of_rank_then_value_and_only_what_we_computed_has_a_rank():
    table = replace(make_board(4, 1).tables[0], entries=(
        Entry("c", "control", "", "recomputed", True, {"dice": Interval(1.0)}, Rank(1, 1, 1)),
        Entry("r", "reported", "", "self-reported", False, {"dice": Interval(0.99)}, Rank(1, 1, 1)),
        Entry("b", "b", "", "recomputed", False, {"dice": Interval(0.80)}, Rank(1, 2, 1)),
        Entry("a", "a", "", "reproduced", False, {"dice": Interval(0.85)}, Rank(1, 2, 1)),
        Entry("z", "z", "", "recomputed", False, {"dice": Interval(0.95)}, Rank(3, 3, 2)),
        Entry("x", "x", "", "recomputed", values={"dice": Interval(1.0)}, findings=(Finding("copied", "refused", ""),)),
    ))  # fmt: skip
    assert [(line.entry.submission, line.rank_text) for line in ranking.lines(table)] == [
        ("a", "1–2"), ("b", "1–2"), ("z", "3"), ("r", "–"), ("c", "control"),
    ]  # fmt: skip
    assert [line.entry.submission for line in ranking.leaders(table)] == ["a", "b"]
    assert [entry.submission for entry in ranking.refused(table)] == ["x"]
    assert tasks.summary(table).ranked == 3


def test_where_less_is_better_the_least_stands_first():
    table = make_board(4, 1).tables[0]
    entries = tuple(
        Entry(name, name, "", "recomputed", False, {"cd": Interval(value)}, Rank(1, 3, 1))
        for name, value in (("far", 3.0), ("near", 1.0), ("unknown", math.nan))
    )
    table = replace(table, headline="cd", entries=entries)
    assert [line.entry.submission for line in ranking.lines(table)] == ["near", "far", "unknown"]


def test_the_readme_is_the_front_matter_of_a_static_space():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    board = make_board(4, 1)
    text = space_readme(board, Space(title='a: "b" # c\n- d', data_sets=("org/name",))).decode()
    _, matter, rest = text.split("---\n", 2)
    assert yaml.safe_load(matter) == {
        "title": 'a: "b" # c\n- d', "colorFrom": "blue", "colorTo": "green", "sdk": "static", "app_file": "index.html",
        "pinned": False, "datasets": ["org/name"],
    }  # fmt: skip
    assert board.built_from in rest


def test_a_metric_that_does_not_apply_is_no_failure():
    assert CaseScores({}, NOT_APPLICABLE).failure == CaseScores({}).failure == ""
    assert CaseScores({}, "crashed").failure == "crashed"
