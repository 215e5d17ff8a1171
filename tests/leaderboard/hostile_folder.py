"""Hostile folders: links, pipes, sizes, names, and lists of files that lie."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

import numpy as np
from hostile import Hostile, World, both, change_document, change_record, seal, write


def _link(name: str, target: str):
    def spoil(folder: Path, _: World) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return spoil


def _linked_folder(folder: Path, world: World) -> Path:
    link = folder.with_name("elsewhere")
    folder.rename(link)
    folder.symlink_to(link)
    return folder


def _hard_link(folder: Path, _: World) -> None:
    os.link(folder / "run.json", folder.parent / "second name")


def _pipe(folder: Path, _: World) -> None:
    (folder / "timings.jsonl").unlink()
    os.mkfifo(folder / "timings.jsonl")


def _socket(folder: Path, _: World) -> None:
    (folder / "run.json").unlink()
    here = Path.cwd()
    os.chdir(folder)  # a socket's path must be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("run.json")
    finally:
        os.chdir(here)


def _folder_instead(folder: Path, _: World) -> None:
    (folder / "run.json").unlink()
    (folder / "run.json").mkdir()


def _sub_folder(folder: Path, _: World) -> None:
    (folder / "predictions").mkdir()
    (folder / "predictions" / "a.npz").write_bytes(b"")


def _archive(folder: Path, _: World) -> None:
    (folder / "predictions.parquet").unlink()
    np.savez(folder / "predictions.npz", e0_femur_left=np.zeros((64, 64, 64), "<f2"))


def _called_parquet(folder: Path, world: World) -> None:
    _archive(folder, world)
    (folder / "predictions.npz").rename(folder / "predictions.parquet")


def _sparse(name: str, size: int):
    def spoil(folder: Path, _: World) -> None:
        os.truncate(folder / name, size)

    return spoil


def _rename(name: str):
    def spoil(folder: Path, _: World) -> Path:
        return folder.rename(folder.with_name(name))

    return spoil


def _listing(edit):
    def spoil(folder: Path, _: World) -> Path:
        sealed = seal(folder)
        listing = json.loads((sealed / "files.json").read_bytes())
        edit(listing)
        (sealed / "files.json").write_text(json.dumps(listing, sort_keys=True, separators=(",", ":")))
        return sealed

    return spoil


def _swapped(folder: Path, world: World) -> None:
    shutil.copy(world.submissions["careful"] / "predictions.parquet", folder / "predictions.parquet")


def _indented(folder: Path, world: World) -> None:
    listing = json.loads((folder / "files.json").read_bytes())
    (folder / "files.json").write_text(json.dumps(listing, indent=1))


def _lists(path: str):
    return _listing(lambda listing: listing.update({path: {"sha256": "0" * 64, "bytes": 1}}))


OPEN = {"sealed": False}
CORPUS = [
    Hostile(
        "a link for the predictions",
        "folder-invalid",
        "a symbolic link",
        _link("predictions.parquet", "/etc/passwd"),
        **OPEN,
    ),
    Hostile(
        "a link to a device that never ends",
        "folder-invalid",
        "a symbolic link",
        _link("run.json", "/dev/zero"),
        **OPEN,
    ),
    Hostile("a link of a name of its own", "folder-invalid", "a symbolic link", _link("more", ".."), **OPEN),
    Hostile("the folder is a link", "folder-invalid", "no folder", _linked_folder),
    Hostile("a file with a second name", "folder-invalid", "2 names", _hard_link, **OPEN),
    Hostile("a pipe nobody writes to", "folder-invalid", "no plain file", _pipe, **OPEN),
    Hostile("a socket", "folder-invalid", "no plain file", _socket, **OPEN),
    Hostile("a folder called run.json", "folder-invalid", "no plain file", _folder_instead, **OPEN),
    Hostile("an extra file", "folder-invalid", "not part of a submission", write("setup.py", "import os"), **OPEN),
    Hostile(
        "a file called like an escape",
        "folder-invalid",
        "not part of a submission",
        write("\x1b[2J\nrm -rf", ""),
        **OPEN,
    ),
    Hostile("an extra folder", "folder-invalid", "not part of a submission", _sub_folder, **OPEN),
    Hostile("a hidden file", "folder-invalid", "not part of a submission", write(".DS_Store", "x"), **OPEN),
    Hostile(
        "a hidden folder",
        "folder-invalid",
        "not part of a submission",
        lambda folder, _: (folder / ".git").mkdir(),
        **OPEN,
    ),
    Hostile(
        "both forms of predictions", "folder-invalid", "not part of a submission", write("predictions.npz", b""), **OPEN
    ),
    Hostile("predictions in an archive of numpy", "folder-invalid", "'predictions.npz' is not part", _archive, **OPEN),
    Hostile("an archive of numpy called Parquet", "predictions-invalid", "no Parquet file", _called_parquet, "parsed"),
    Hostile("no rows", "folder-invalid", "is missing", lambda folder, _: (folder / "cases.jsonl").unlink(), **OPEN),
    Hostile(
        "no predictions",
        "folder-invalid",
        "is missing",
        lambda folder, _: (folder / "predictions.parquet").unlink(),
        **OPEN,
    ),
    Hostile("a terabyte of nothing", "file-too-large", "at most", _sparse("predictions.parquet", 2**40), **OPEN),
    Hostile("a gigabyte of rows", "file-too-large", "at most", _sparse("cases.jsonl", 2**30), **OPEN),
    Hostile("a long submission.json", "file-too-large", "at most", _sparse("submission.json", 2**19), **OPEN),
    Hostile("another hash in the name", "wrong-id", "is called", _rename("multiplane--fair--" + "0" * 12)),
    Hostile(
        "the name of another method",
        "wrong-id",
        "is called",
        lambda folder, _: folder.rename(folder.with_name(folder.name.replace("fair", "genmed"))),
    ),
    Hostile("a list with a path upwards", "files-differ", "leads out", _lists("../../etc/passwd")),
    Hostile("a list with an absolute path", "files-differ", "leads out", _lists("/etc/passwd")),
    Hostile("a list with a Windows path", "files-differ", "leads out", _lists("C:\\boot.ini")),
    Hostile("a list with a file that is not there", "files-differ", "do not agree", _lists("weights.bin")),
    Hostile(
        "a list without the rows", "files-differ", "do not agree", _listing(lambda listing: listing.pop("cases.jsonl"))
    ),
    Hostile(
        "a list with another size",
        "files-differ",
        "bytes, not",
        _listing(lambda listing: listing["run.json"].update(bytes=1)),
    ),
    Hostile(
        "a list with another hash",
        "files-differ",
        "the sha256 of",
        _listing(lambda listing: listing["run.json"].update(sha256="0" * 64)),
    ),
    Hostile("a list in another layout", "files-differ", "canonical form", _indented, **OPEN),
    Hostile("a list with a key twice", "json-invalid", "a key twice", write("files.json", '{"a": 1, "a": 2}'), **OPEN),
    Hostile("swapped predictions, the list left", "files-differ", "bytes, not", _swapped, **OPEN),
    Hostile("swapped predictions, all made to fit", "scores-differ", "", _swapped, stage="scored"),
    Hostile(
        "another revision of the data",
        "data-revision-differs",
        "",
        both(
            change_document(data__revision="1" * 64),
            change_record(configuration__data__revision="1" * 64),
        ),
    ),
    Hostile(
        "another manifest", "data-manifest-differs", "", change_document(data__manifest_sha256="2" * 64), stage="scored"
    ),
]
