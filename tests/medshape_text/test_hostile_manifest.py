"""A manifest comes from whoever handed out the data set: whatever it says, every command answers with one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_set
from typer.testing import CliRunner, Result

from medshape_text import manifest
from medshape_text.cli import app
from medshape_text.hashing import file_sha256

ENTRY = '{"sha256": "x", "bytes": 1}'


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_set.write(tmp_path / "set", small_set.rows())


def list_file(folder: Path, name: str, path: Path) -> None:
    """State a file in the manifest, with its true hash and a true revision."""
    stated = manifest.read(folder)
    stated["files"][name] = {"sha256": file_sha256(path), "bytes": path.stat().st_size}
    stated["revision"] = manifest.revision(stated)
    (folder / "manifest.json").write_text(json.dumps(stated))


@pytest.mark.parametrize("text", [
    "[1]",
    "[" * 100_000,
    '{"schema_version": "2"}',
    '{"schema_version": "2", "files": []}',
    '{"schema_version": "2", "files": {"a": 3}}',
    '{"schema_version": "2", "files": {"a": {}}}',
    '{"schema_version": "2", "files": {"a": {"sha256": "x", "bytes": true}}}',
    f'{{"schema_version": "2", "files": {{"a\\u0000b": {ENTRY}}}}}',
    f'{{"schema_version": "2", "files": {{"\\ud800": {ENTRY}}}}}',
    f'{{"schema_version": "2", "files": {{"{"a" * 5000}": {ENTRY}}}}}',
    '{"schema_version": "2", "volume": NaN, "files": {}}',
])  # fmt: skip
@pytest.mark.parametrize("command", ["verify", "report", "publish"])
def test_nonsense_is_one_message(folder: Path, tmp_path: Path, text: str, command: str) -> None:
    (folder / "manifest.json").write_text(text)
    more = {"verify": [], "report": ["-o", tmp_path / "page.html"], "publish": ["--repo", "a/b", "--dry-run"]}
    answer = run(command, folder, *more[command])
    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit)
    assert "error:" in answer.stderr


@pytest.mark.parametrize("name", ["../secret", "shapes/../../secret", "/etc/hostname"])
def test_a_path_out_of_the_folder_is_no_file_of_the_data_set(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("not yours")
    list_file(folder, name, folder / name)
    answer = run("verify", folder)
    assert answer.exit_code == 1
    assert name in answer.stderr


def test_a_link_to_a_folder_is_something_the_manifest_does_not_know(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "shapes" / "more").symlink_to(tmp_path / "elsewhere")
    assert manifest.unlisted(folder) == ["shapes/more"]
    assert run("verify", folder).exit_code == 1


def test_a_download_made_of_links_is_whole(folder: Path, tmp_path: Path) -> None:
    (folder / "NOTICE").rename(tmp_path / "blob")
    (folder / "NOTICE").symlink_to(tmp_path / "blob")
    assert manifest.verify(folder) == []
