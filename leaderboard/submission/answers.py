"""Predictions of a method that ran elsewhere: a folder with a file a case, named after it, of one array a part."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from benchmark.contract import Array, Prediction, Space
from benchmark.external.answers import Refused, largest_file, parse_npy, unpack_npz
from benchmark.spaces import prediction_problem
from leaderboard.asked import Asked
from leaderboard.submission.layout import SubmissionError, listed, printable
from medshape_text.hashing import canonical_json, sha256

_SUFFIXES = (".npz", ".npy")
_REFUSED = {
    "too_large": "it has more bytes than an array of the task's Space can take",
    "unreadable": "it is torn, or no file of this kind that is read",
    "wrong_type": "it holds Python objects, which are never loaded, or something else than numbers",
}
_UNUSABLE = {"wrong_type", "wrong_shape", "missing_part", "unknown_part"}
"""Problems of a file; others are those of an answer, which is scored worst."""


@dataclass(frozen=True)
class Answers:
    """Files by case id, all of one folder; `digests` has the SHA-256 of each, ``missing`` the cases without one."""

    folder: Path
    asked: Asked
    files: Mapping[str, Path]
    digests: Mapping[str, str]
    missing: Sequence[str]

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of case -> SHA-256 of its file."""
        return sha256(canonical_json(dict(self.digests)))

    def prediction(self, case: str) -> Prediction:
        """The answer to a case; its values are not yet checked.

        Raises:
            SubmissionError: code ``prediction`` if it is none, or not the file that was found first.
        """
        data = _bytes(self.files[case], self.asked, case)
        if sha256(data) != self.digests[case]:
            said = f"{self.files[case]} changed while it was read; run the same command again"
            raise SubmissionError("prediction", said)
        return _prediction(self.files[case], data, self.asked, case)


def find_answers(folder: Path, asked: Asked, *, allow_missing: bool = False) -> Answers:
    """Look which cases a folder has predictions of: ``<case id>.npz``, percent-encoded where it has to be.

    It holds an array a part, under its name. Where one part is asked for it may be the only array whatever it is
    called, and the file a ``.npy``. Every file is read once, so that one that cannot be used is found before anything
    is scored.

    Raises:
        SubmissionError: codes ``predictions`` (files that belong to no case, or are of no use) and
            ``missing-cases``, each naming all in one message.
    """
    if not folder.is_dir():
        raise SubmissionError("predictions", f"there is no folder {folder}")
    cases = asked.cases
    known = set(cases)
    files: dict[str, Path] = {}
    foreign = []
    for path in sorted(folder.iterdir()):
        case = unquote(path.stem)
        plain = path.suffix in _suffixes(asked.outputs) and stat.S_ISREG(path.lstat().st_mode)
        if plain and case in known and case not in files:
            files[case] = path
        elif not path.name.startswith("."):
            foreign.append(path.name)
    missing = [case for case in cases if case not in files]
    if foreign or (missing and not allow_missing):
        raise _wrong(folder, _suffixes(asked.outputs), foreign, [] if allow_missing else missing)
    if not files:
        raise SubmissionError("missing-cases", f"{folder} has no prediction of any case (such as {_name(cases[0])})")
    digests, useless = {}, []
    for case in cases:
        if case in files:
            data = _bytes(files[case], asked, case)
            digests[case] = sha256(data)
            try:
                _prediction(files[case], data, asked, case)
            except SubmissionError as error:
                useless.append(f"{printable(files[case].name, 80)} ({error})")
    if useless:
        shown = "; ".join(useless[:5]) + ("" if len(useless) <= 5 else f"; ... ({len(useless)} in all)")
        raise SubmissionError("predictions", f"these files of {folder} cannot be used: {shown}")
    return Answers(folder, asked, files, digests, missing)


def _suffixes(outputs: Mapping[str, Space]) -> Sequence[str]:
    return _SUFFIXES if len(outputs) == 1 else _SUFFIXES[:1]


def _wrong(folder: Path, suffixes: Sequence[str], foreign: list[str], missing: list[str]) -> SubmissionError:
    told = []
    if foreign:
        told.append(f"{len(foreign)} that belong to no case, or are not {' or '.join(suffixes)}: {listed(foreign)}")
    if missing:
        told.append(f"{len(missing)} missing: {listed([_name(case) for case in missing])}")
    advice = " With --allow-missing, missing cases get the worst scores." if missing and not foreign else ""
    code = "predictions" if foreign else "missing-cases"
    return SubmissionError(code, f"{folder} does not fit the cases of the task: {'; '.join(told)}.{advice}")


def _name(case: str) -> str:
    return f"{quote(case, safe=' ')}.npz"


def _limits(asked: Asked, case: str) -> dict[str, int]:
    """Part -> the most bytes that its array takes in a file."""
    return {name: largest_file(space, asked.grids[case]) for name, space in asked.outputs.items()}


def _bytes(path: Path, asked: Asked, case: str) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(sum(_limits(asked, case).values()) + 1)
    except OSError as error:
        raise SubmissionError("prediction", f"cannot read {path}: {error.strerror or error}") from error


def _prediction(path: Path, data: bytes, asked: Asked, case: str) -> Prediction:
    limits = _limits(asked, case)
    most = sum(limits.values())
    try:
        if len(data) > most:
            raise Refused("too_large")
        if path.suffix == ".npy":
            found = dict.fromkeys(limits, parse_npy(data, most))
        elif len(limits) == 1:  # the only part may have any name
            found = unpack_npz(data, None, most)
            found = dict(zip(limits, found.values(), strict=True)) if len(found) == 1 else found
        else:
            found = unpack_npz(data, limits)
    except Refused as refused:
        raise SubmissionError("prediction", _REFUSED.get(str(refused), str(refused).replace("_", " "))) from refused
    parts = {name: _typed(array, asked.outputs.get(name)) for name, array in found.items()}
    prediction = Prediction(parts)
    if (problem := prediction_problem(prediction, asked.outputs, asked.grids[case])) in _UNUSABLE:
        has = ", ".join(f"{array.dtype} {array.shape} for {printable(name, 40)}" for name, array in parts.items())
        raise SubmissionError("prediction", f"{str(problem).replace('_', ' ')}: it has {has or 'nothing'}")
    return prediction


def _typed(array: Array, space: Space | None) -> Array:
    """Floating point as methods return it; whole numbers as they are, because a narrower type would wrap them."""
    if space is None or array.dtype.kind != "f" or np.dtype(space.dtype).kind != "f":
        return array
    with np.errstate(over="ignore"):  # what becomes infinite is told by whoever checks it
        return array.astype(space.dtype)
