"""From a run and a model card to a submission."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmark.contract import MethodSpec
from benchmark.errors import BenchError
from benchmark.methods import find_method
from benchmark.records.files import exclusive
from benchmark.records.reader import Run
from benchmark.records.writer import CASES, OBSERVATIONS, RECORD, TIMINGS
from leaderboard.asked import data_name
from leaderboard.findings import RefusedError
from leaderboard.submission.card import CONTROLS, ModelCard, check_card, without_nothing
from leaderboard.submission.checking import Checked, check_run
from leaderboard.submission.layout import (
    DOCUMENT,
    LIST,
    PREDICTIONS,
    SCHEMA_VERSION,
    SubmissionError,
    check_document,
    list_files,
)
from leaderboard.submission.predictions import write_predictions
from leaderboard.submission.strict_json import Limits, read_object
from leaderboard.submission.writing import partial, place
from medshape_text.hashing import canonical_json

_HARDWARE = ("machine", "system", "processor", "cores", "memory_gib", "device", "accelerator")


def make_submission(run_folder: Path, to: Path, card: ModelCard, data: Path) -> Path:
    """Check a run and write it as a submission ``to/<id>``, whole or not at all.

    The same run and card give the same bytes and so the same id; a submission that is already there is left alone.

    Args:
        run_folder: of a finished run.
        to: folder of submissions.
        card: what only the submitter can say.
        data: the data set it ran on.

    Returns:
        The submission's folder.

    Raises:
        SubmissionError: in one sentence; `SubmissionError.code` says of which kind.
    """
    check_card(card)
    with _held(run_folder):
        checked = check_run(run_folder, data)
        return pack(checked, to, describe(checked.run, card, "run", data))


def pack(checked: Checked, to: Path, document: Mapping[str, Any]) -> Path:
    """Write a checked run and its document as a submission in ``to``; its folder.

    Raises:
        SubmissionError: if the document breaks the schema, a prediction is damaged, or the disk refuses.
    """
    check_document(document)
    text = (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode("utf-8", "surrogatepass")
    try:
        read_object(text, DOCUMENT, Limits())  # as whoever verifies it will
    except RefusedError as refusal:
        raise SubmissionError("schema", refusal.detail) from refusal
    with partial(to) as folder:
        for name in (RECORD, CASES, TIMINGS, OBSERVATIONS):
            (folder / name).write_bytes((checked.run.path / name).read_bytes())
        (folder / DOCUMENT).write_bytes(text)
        write_predictions(folder / PREDICTIONS, checked.asked.outputs, checked.predictions())
        (folder / LIST).write_bytes(canonical_json(list_files(folder)))
        return place(folder, to)


def describe(run: Run, card: ModelCard, made_by: str, data: Path) -> dict[str, Any]:
    """What ``submission.json`` says: what the run measured, what the method's spec and the submitter declare.

    Nothing that is not known is in it.

    Raises:
        SubmissionError: code ``card`` where the submitter has to say more, or says other than the run.
    """
    configuration = run.configuration
    method = configuration["method"]
    if card.method is not None and card.method != method["name"]:
        raise SubmissionError("card", f"the card is about {card.method!r}, the run is of {method['name']!r}")
    spec = _spec(method)
    hardware = {key: value for key, value in run.provenance.get("hardware", {}).items() if key in _HARDWARE}
    seed = configuration.get("seed")
    stated = configuration["data"]
    document = {
        "schema_version": SCHEMA_VERSION,
        "made_by": made_by,
        "task": run.task,
        "method": {
            "name": method["name"],
            "title": _said("title", card.title, spec.title if spec else None),
            "control": card.control or bool(spec and (spec.sees_truth or spec.name in CONTROLS)),
            "sees_truth": spec.sees_truth if spec else None,
            "spec_sha256": method.get("spec_sha256"),
            "code_sha256": method.get("code_sha256"),
        },
        "authors": [asdict(author) for author in card.authors],
        "licence": _said("licence", card.licence, spec.licence if spec else None),
        "code": asdict(card.code) if card.code else "none",
        "weights": _weights(card, method.get("weights_sha256")),
        "training_sets": _training_sets(card, spec),
        "samples_per_case": method.get("samples"),
        "hardware": hardware or None,
        "seeds": [seed] if seed is not None else list(card.seeds) or None,
        "signatures": configuration["signatures"],
        "data": {
            "name": data_name(data),
            "revision": stated["revision"],
            "manifest_sha256": stated.get("manifest_sha256"),
            "split": stated["split"],
        },
        "paper": card.paper,
        "notes": card.notes,
    }
    found: dict[str, Any] = without_nothing(document)
    return found


def check_says_all(card: ModelCard) -> None:
    """Make sure that a card says all that the spec of a method would, and which method it is.

    Raises:
        SubmissionError: code ``card``, or those of `check_card`.
    """
    check_card(card)
    if card.method is None:
        raise SubmissionError("card", "the model card has to name the method that made the predictions")
    _said("title", card.title, None)
    _said("licence", card.licence, None)
    _training_sets(card, None)


def _spec(method: Mapping[str, Any]) -> MethodSpec | None:
    """The spec of the method that ran, if it is the one that is installed."""
    try:
        entry = find_method(str(method["name"]))
    except BenchError:
        return None
    return entry.spec if entry.spec_hash == method.get("spec_sha256") else None


def _said(field: str, by_card: str | None, by_spec: str | None) -> str:
    if said := by_card or by_spec:
        return said
    raise SubmissionError("card", f"nobody says the {field} of the method: the model card has to, its spec is not here")


def _weights(card: ModelCard, used: str | None) -> str | list[dict[str, str | None]]:
    """The weights that are declared, with those that were used among them."""
    declared = [asdict(one) for one in card.weights]
    if used is not None and not declared:
        return [{"sha256": used}]
    if used is not None and used not in {one["sha256"] for one in declared}:
        raise SubmissionError("card", f"the run used weights of sha256 {used}, the model card lists others")
    return declared or "none"


def _training_sets(card: ModelCard, spec: MethodSpec | None) -> list[str]:
    if card.training_sets:
        return list(card.training_sets)
    if spec is None:
        raise SubmissionError("card", "the model card has to say training_sets (none, if it was not trained)")
    if spec.training_data == "none":
        return ["none"]
    ours = spec.training_data.partition(",")[0] == "mini/train"
    return ["genmed-bench/mini:train" if ours else f"other:{spec.training_data}"]


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep a run from going on while it is read; one that lies where we may not write cannot."""
    try:
        with exclusive(folder) if folder.is_dir() and os.access(folder, os.W_OK) else nullcontext():
            yield
    except SubmissionError:
        raise
    except BenchError as error:
        raise SubmissionError("run", str(error)) from error
