"""``submission.yaml`` and ``files.json`` as a stranger wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from leaderboard.submission import plain_yaml
from leaderboard.submission.document import FILE as SUBMISSION
from leaderboard.submission.document import SCHEMA_VERSION, check_document
from leaderboard.submission.errors import SubmissionError
from leaderboard.submission.layout import LIST as FILES
from leaderboard.verify.codes import CODES
from leaderboard.verify.folder import SubmittedFiles
from leaderboard.verify.limits import Limits
from leaderboard.verify.refusal import RefusedError, shown
from leaderboard.verify.strict_json import check_values, read_object
from medshape_text.hashing import canonical_json, sha256

_LINKS = {"url", "link", "paper"}
_RANKED_SPLITS = ("test", "zero_shot")
_HASH = re.compile(r"[0-9a-f]{64}")


def read_files_list(files: SubmittedFiles, limits: Limits) -> str:
    """Check ``files.json`` against what was read.

    Returns:
        The hash that the id of the submission ends with.

    Raises:
        RefusedError: if it is not the list of the other files, with their sizes and hashes.
    """
    listed = read_object(files.texts[FILES], FILES, limits)
    for path in listed:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path:
            raise RefusedError("files-path", f"{FILES} lists {shown(path)}, which leads out of the folder")
    there = files.hashes.keys() - {FILES}
    if listed.keys() != there:
        odd = sorted(listed.keys() ^ there)
        raise RefusedError("files-list", f"{FILES} and the folder do not agree about {shown(odd[0])}")
    for path in sorted(listed):
        entry = listed[path]
        if not isinstance(entry, dict) or entry.keys() != {"sha256", "bytes"} or type(entry["bytes"]) is not int:
            raise RefusedError("files-list", f"{FILES} does not say sha256 and bytes of {path}")
        if entry["bytes"] != files.sizes[path]:
            raise RefusedError("files-size", f"{path} has {files.sizes[path]} bytes, not {shown(entry['bytes'])}")
        if entry["sha256"] != files.hashes[path]:
            raise RefusedError("files-hash", f"the sha256 of {path} is {files.hashes[path]}, not as {FILES} says")
    if canonical_json(listed) != files.texts[FILES]:  # else one content would have several ids
        raise RefusedError("files-list", f"{FILES} is not in its canonical form")
    return sha256(files.texts[FILES])


def read_submission(files: SubmittedFiles, limits: Limits) -> dict[str, Any]:
    """``submission.yaml``, valid by its schema.

    Raises:
        RefusedError: with the most telling code: the schema is only asked about what has no code of its own.
    """
    data = files.texts[SUBMISSION]
    try:
        document = plain_yaml.load(data, SUBMISSION)
    except SubmissionError as error:
        code = _unsafe_kind(data) if error.code == "yaml-unsafe" else error.code
        raise RefusedError(code if code in CODES else "yaml-invalid", str(error)) from None
    check_values(document, SUBMISSION, limits)
    if document.get("schema_version") != SCHEMA_VERSION:
        version = shown(document.get("schema_version"))
        raise RefusedError(
            "schema-version", f"{SUBMISSION} is of schema version {version}, this reads {SCHEMA_VERSION}"
        )
    for name, link in _links(document):
        if not isinstance(link, str) or not link.startswith("https://"):
            raise RefusedError("link-not-https", f"{SUBMISSION}: {name} is {shown(link)}")
    split = _inner(document, "data").get("split")
    if isinstance(split, str) and split not in _RANKED_SPLITS:
        raise RefusedError("split-not-ranked", f"the cases are of the split {shown(split)}")
    seeds = document.get("seeds")
    if isinstance(seeds, list) and any(seed in seeds[:place] for place, seed in enumerate(seeds)):
        raise RefusedError("seeds-not-distinct", f"{SUBMISSION}: declared are {shown(seeds)}")
    try:
        check_document(document, SUBMISSION)
    except SubmissionError as error:
        raise RefusedError(error.code if error.code in CODES else "schema", str(error)[:500]) from None
    return document


def is_hash(value: object) -> bool:
    """Whether a value is a hexadecimal sha256."""
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _unsafe_kind(data: bytes) -> str:
    """Which of the refused things of YAML comes first."""
    for event in yaml.parse(data.decode("utf-8"), Loader=yaml.SafeLoader):
        if kind := plain_yaml.unsafe_kind(event):
            return f"yaml-{kind}"
    return "yaml-unsafe"


def _links(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _LINKS:
                yield f"{name}{key}", item
            else:
                yield from _links(item, f"{name}{key}." if str(key).isidentifier() else name)
    elif isinstance(value, list):
        for item in value:
            yield from _links(item, name)


def _inner(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}
