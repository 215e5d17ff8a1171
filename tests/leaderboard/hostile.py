"""A corpus of hostile submissions: each an honest one, spoilt in one way and named anew where its maker would do so.

``corpus()`` lists them with the reason code each has to get, and words that its detail has to say. A spoiler gets the
copy of an honest submission and changes it in place; unless it says otherwise, ``files.json`` and the name of the
folder are made to fit afterwards, so that the fault itself has to be found and not its traces.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fake_runs import make_data_set, make_run

from leaderboard.submission import Author, ModelCard
from leaderboard.submission.making import make_submission
from medshape_text.hashing import canonical_json

CARD = ModelCard((Author("Ada"),), training_sets=("none",), title="A method", licence="MIT")
PARSED, SCORED = "parsed", "scored"
"""How far a submission gets before it is refused: not at all (""), its predictions are parsed, it is scored."""


@dataclass(frozen=True)
class World:
    """What the corpus is made from: data, honest submissions on it, and a place to spoil copies in."""

    root: Path
    data: Path
    submissions: dict[str, Path]

    @property
    def honest(self) -> Path:
        """The submission that is spoilt."""
        return self.submissions["fair"]

    @property
    def others(self) -> list[Path]:
        """What copies are looked for in."""
        return [self.submissions[name] for name in ("careful", "rough")]


Spoil = Callable[[Path, World], "Path | None"]


@dataclass(frozen=True)
class Hostile:
    """One of the corpus: ``said`` is in the detail of its finding; ``spoil`` may return another folder to verify."""

    name: str
    code: str
    said: str
    spoil: Spoil
    stage: str = ""
    sealed: bool = True


def make_world(root: Path) -> World:
    """Data and three honest submissions (some seconds)."""
    root.mkdir(parents=True, exist_ok=True)
    data = make_data_set(root)
    names = ("fair", "careful", "rough")
    runs = {name: make_run(root / "runs" / name, data, name) for name in names}
    made = {name: make_submission(runs[name], root / "submissions", CARD, data) for name in names}
    return World(root, data, made)


def corpus() -> list[Hostile]:
    """All of them."""
    import hostile_folder
    import hostile_numbers
    import hostile_parquet
    import hostile_words

    parts = (hostile_folder, hostile_words, hostile_numbers, hostile_parquet)
    return [hostile for part in parts for hostile in part.CORPUS]


def plant(hostile: Hostile, world: World, place: Path) -> Path:
    """Make one of the corpus in ``place``; its folder."""
    folder = place / world.honest.name
    shutil.copytree(world.honest, folder)
    given = hostile.spoil(folder, world)
    if given is not None:
        return given
    return seal(folder) if hostile.sealed else folder


def seal(folder: Path) -> Path:
    """Make ``files.json`` and the name of the folder fit the content, as somebody who means it would."""
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.name != "files.json"
    }
    listing = canonical_json(files)
    (folder / "files.json").write_bytes(listing)
    task, method, _ = folder.name.split("--")
    try:
        document = json.loads((folder / "submission.json").read_bytes())
        told = document["task"], document["method"]["name"]
        if all(isinstance(name, str) and "/" not in name for name in told):
            task, method = told
    except Exception:  # noqa: S110 - a document that nobody can read keeps the name it had
        pass
    sealed = folder.with_name(f"{task}--{method}--{hashlib.sha256(listing).hexdigest()[:12]}")
    return folder.rename(sealed)


def change_document(**changes: object) -> Spoil:
    """Set fields of ``submission.json``; a name with __ goes down, a value of None takes a field out."""

    return _change_file("submission.json", changes)


def change_record(**changes: object) -> Spoil:
    """Set fields of ``run.json`` in the same way."""

    return _change_file("run.json", changes)


def both(*spoils: Spoil) -> Spoil:
    """One after another."""

    def spoil(folder: Path, world: World) -> None:
        for each in spoils:
            each(folder, world)

    return spoil


def write(name: str, content: bytes | str) -> Spoil:
    """Replace a file."""

    def spoil(folder: Path, _: World) -> None:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def replace(name: str, old: str, new: str) -> Spoil:
    """Replace the first occurrence of a text in a file."""

    def spoil(folder: Path, _: World) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_bytes(text.replace(old, new, 1).encode("utf-8", "surrogatepass"))

    return spoil


def lines(name: str, edit: Callable[[list[dict]], Sequence[dict]]) -> Spoil:
    """Edit the records of a JSON-lines file."""

    def spoil(folder: Path, _: World) -> None:
        records = [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        edited = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in edit(records))
        (folder / name).write_text(edited, encoding="utf-8")

    return spoil


def _change_file(name: str, changes: dict[str, object]) -> Spoil:
    def spoil(folder: Path, _: World) -> None:
        record = json.loads((folder / name).read_bytes())
        _change(record, changes)
        (folder / name).write_text(json.dumps(record), encoding="utf-8")

    return spoil


def _change(record: dict, changes: dict[str, object]) -> None:
    for path, value in changes.items():
        *way, last = path.split("__")
        inner = record
        for key in way:
            inner = inner[key]
        if value is None:
            inner.pop(last)
        else:
            inner[last] = value


def snapshot(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything there is below a folder: kind, size, time of change and link target of every entry."""
    return dict(_entries(folder, folder))


def _entries(folder: Path, root: Path) -> Iterator[tuple[str, tuple[object, ...]]]:
    for path in sorted(folder.iterdir()):
        facts = path.lstat()
        target = str(path.readlink()) if path.is_symlink() else ""
        yield str(path.relative_to(root)), (facts.st_mode, facts.st_size, facts.st_mtime_ns, facts.st_ino, target)
        if path.is_dir() and not path.is_symlink():
            yield from _entries(path, root)
