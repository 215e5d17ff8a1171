"""The other commands of ``medshape-build``, and its sources, as people call them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import trimesh
from tiny_source import ellipsoid
from typer.testing import CliRunner, Result

from medshape_text.cli import app
from medshape_text.cli.console import parse_tolerance


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def save(path: Path, radii: tuple[float, float, float]) -> None:
    vertices, faces = ellipsoid(radii)
    path.parent.mkdir(parents=True, exist_ok=True)
    trimesh.Trimesh(vertices, faces, process=False).export(path)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six shapes of three people, a broken one, and one of whom nobody knows what it is."""
    folder = tmp_path_factory.mktemp("shapes")
    for number, radii in enumerate([(20, 30, 50), (22, 30, 50), (25, 31, 50)]):
        save(folder / f"s000{number}_liver.nii.g_1.stl", radii)
        save(folder / f"s000{number}_spleen.nii.g_1.stl", (radii[0], 20, 40))
    (folder / "s0004_liver.nii.g_1.stl").write_bytes(b"\0" * 84 + b"cut short")
    save(folder / "s0005_gizmo.nii.g_1.stl", (1, 2, 3))
    return folder


@pytest.fixture(scope="module")
def built(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "set"
    result = run("--source", "folder", shapes, "--licence", "CC-BY-4.0", "--out", out, "--max-failed", "2")
    assert result.exit_code == 0, result.output
    return out


def test_a_folder_becomes_a_data_set_and_what_failed_has_a_reason(built: Path) -> None:
    rows = [row for path in sorted((built / "shapes").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    assert sorted({row["category"] for row in rows}) == ["liver", "spleen"]
    assert {row["subject"] for row in rows} == {f"totalsegmentator-v1:s{number:04d}" for number in range(3)}
    assert {row["licence"] for row in rows} == {"CC-BY-4.0"}
    dropped = {row["id"]: row["reason"] for row in pq.read_table(built / "dropped.parquet").to_pylist()}
    assert sorted(dropped.values()) == ["truncated", "unknown-structure"]
    by_person: dict[str, set[str]] = {}
    for row in rows:
        by_person.setdefault(row["subject"], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in by_person.values())


def test_too_many_failures_are_an_exit_code_of_their_own(shapes: Path, built: Path) -> None:
    result = run("--source", "folder", shapes, "--licence", "CC-BY-4.0", "--out", built, "--max-failed", "1")
    assert result.exit_code == 3
    assert "2 of 8 shapes failed, --max-failed allows 1" in result.stderr
    assert run("--source", "folder", shapes, "--licence", "CC-BY-4.0", "--out", built,
               "--max-failed", "25%").exit_code == 0  # fmt: skip


@pytest.mark.parametrize(("text", "failed", "total", "exceeded"), [
    ("0", 0, 10, False), ("0", 1, 10, True), ("5%", 5, 100, False), ("5%", 6, 100, True), ("100%", 10, 10, False),
    ("0.57%", 57, 10_000, False), ("0.57%", 58, 10_000, True),
])  # fmt: skip
def test_tolerance(text: str, failed: int, total: int, exceeded: bool) -> None:
    assert parse_tolerance(text).exceeded(failed, total) is exceeded


@pytest.mark.parametrize("text", ["", "many", "-1", "101%", "1.5", "nan%", "inf%", "5 %%", "9" * 5000])
def test_no_tolerance(text: str, tmp_path: Path) -> None:
    result = run("--out", tmp_path / "out", "--max-failed", text)
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_verify_names_what_changed_and_what_is_not_its_own(built: Path, tmp_path: Path) -> None:
    import shutil

    good = run("verify", built)
    assert (good.exit_code, good.stdout.split(":")[0]) == (
        0, f"revision {json.loads((built / 'manifest.json').read_text())['revision']}")  # fmt: skip
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    path = next((copy / "sdf64").iterdir())
    path.write_bytes(path.read_bytes()[:-1])
    (copy / "note.txt").write_text("mine")
    (copy / "a\x1b[2J\nerror: b").write_text("hostile")
    bad = run("verify", copy)
    assert bad.exit_code == 1
    assert f"sdf64/{path.name} is missing or differs" in bad.stderr
    assert "note.txt is not in the manifest" in bad.stderr
    assert "error: a\\x1b[2J\\nerror: b is not in the manifest\n" in bad.stderr
    assert run("verify", tmp_path / "nowhere").exit_code == 1


def test_brackets_in_the_name_of_a_folder_are_no_markup(shapes: Path, tmp_path: Path) -> None:
    out = tmp_path / "a[" / "b]"
    result = run("--source", "folder", shapes, "--licence", "CC-BY-4.0", "--out", out, "--max-failed", "2")
    assert result.exit_code == 0, result.exception
    assert str(out) in result.stderr


def test_the_report_on_the_folder_above_lies_beside_it(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medshape_text.cli.console import beside

    monkeypatch.chdir(built / "shapes")
    assert beside(Path(".."), ".report.html") == built.with_name("set.report.html")
    assert beside(Path(), ".report.html") == built / "shapes.report.html"
    (tmp_path / "link").symlink_to(built)
    assert beside(tmp_path / "link", ".html") == tmp_path / "link.html"


def test_report_and_publish_without_a_network(built: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run("report", built, "-o", page).exit_code == 0
    assert "liver" in page.read_text()
    done = run("publish", built, "--repo", "org/name", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "6 shapes" in done.stdout
    assert "nothing was sent" in done.stdout
    assert run("publish", built, "--repo", "no-slash", "--dry-run").exit_code == 1


def test_taxonomy_lists_what_nobody_knows(tmp_path: Path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("file_name,class\ns0001_liver.nii.g_1.stl,liver\n045776_kidneyleft.stl,kidney\n")
    good = run("taxonomy", "--check", names, "--json")
    assert good.exit_code == 0, good.output
    assert json.loads(good.stdout)["categories"] == {"kidney_left": 1, "liver": 1}
    with names.open("a") as stream:
        stream.write("s0001_gizmo.nii.g_1.stl,gizmo\nliver.stl,liver\n")
    bad = run("taxonomy", "--check", names)
    assert bad.exit_code == 1
    assert "gizmo" in bad.stdout
    assert "liver.stl" in bad.stdout
    assert run("taxonomy", "--check", tmp_path / "nowhere.csv").exit_code == 1


@pytest.mark.parametrize(("options", "message"), [
    (["--source", "folder"], "needs a folder"),
    (["--source", "medshapenet"], "needs --urls"),
    (["--source", "mini", "somewhere"], "only --source folder reads a folder"),
    (["--source", "mini", "--urls", "list.txt"], "only --source medshapenet reads --urls"),
    (["--source", "folderr"], "Did you mean 'folder'?"),
])  # fmt: skip
def test_a_source_that_lacks_something_says_what(tmp_path: Path, options: list[str], message: str) -> None:
    result = run(*options, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_links_become_a_data_set_and_offline_gives_the_same_bytes(tmp_path: Path) -> None:
    from medshapenet_server import Server

    with Server(60, faults=0.2, seed=11) as server:  # nothing in it stalls
        options = ("--source", "medshapenet", "--urls", server.list_url, "--cache", tmp_path / "cache", "--limit", "40")
        first = run(*options, "--out", tmp_path / "one", "--max-failed", "100%")
        assert first.exit_code == 0, first.output
    second = run(*options, "--out", tmp_path / "two", "--offline", "--workers", "2", "--max-failed", "100%")
    assert second.exit_code == 0, second.output
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) > 10
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text())
    dropped = sum(sum(stage["dropped"].values()) for stage in manifest["stages"])
    rows = sum(entry["rows"] for name, entry in manifest["files"].items() if name.startswith("shapes/"))
    assert rows + dropped == 40
    assert np.isfinite(rows)
