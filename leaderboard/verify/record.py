"""The verification as a file: the same findings give the same bytes."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path

from benchmark.errors import UsageError
from benchmark.methods import hash_sources
from benchmark.provenance import code_hash, hardware, installed, numerical_versions, toolkit_version
from benchmark.records.files import write_whole
from leaderboard.model import Verification
from leaderboard.submission.layout import VERIFICATIONS

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")
_OTHER_LIBRARIES = ("pyarrow", "numba", "PyYAML")


def write_verification(results: Path, verification: Verification) -> Path:
    """Write ``verification/<id>.json`` of a results folder, whole or not at all; an older one is replaced.

    Returns:
        The file.

    Raises:
        UsageError: if the id cannot be a file name, or the folder for verifications is a link.
        WriteError: when the disk refuses.
    """
    name = verification.submission
    if not _ID.fullmatch(name) or ".." in name:
        raise UsageError(f"{name!r} is no id of a submission")
    folder = results / VERIFICATIONS
    if folder.is_symlink():
        raise UsageError(f"{folder} is a link; verifications are written to a folder of their own")
    path = folder / f"{name}.json"
    write_whole(path, verification_bytes(verification))
    return path


def verification_bytes(verification: Verification) -> bytes:
    """A verification as JSON, keys sorted, without a time or anything else that another run would not repeat."""
    text = json.dumps(dataclasses.asdict(verification), ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1)
    return f"{text}\n".encode()


def toolkit() -> dict[str, object]:
    """What computed a verification: versions of everything that decides a number, and the machine."""
    machine = hardware("cpu")
    return {
        "version": toolkit_version(),
        "code_sha256": code_hash(),
        "verifier_sha256": hash_sources(Path(__file__).parent),
        "libraries": numerical_versions() | {name: installed(name) for name in _OTHER_LIBRARIES},
        "machine": {key: machine[key] for key in ("machine", "system", "processor")},
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
    }
