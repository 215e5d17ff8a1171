"""The model card: what only the submitter can say about a method."""

from __future__ import annotations

import copy
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from leaderboard.submission.layout import SubmissionError, check_against, check_licence, printable, schema

MAX_CARD_BYTES = 1 << 16

CONTROLS = frozenset({"oracle", "mean-shape", "nearest", "random"})
"""Methods that say what a score is worth: the truth itself, and what can be had without completing anything; a card may
say it of any other. Interpolation is none of them: people use it, and where it wins the table has to say so."""


@dataclass(frozen=True)
class Author:
    """Somebody; ``link`` is https (an ORCID, a home page)."""

    name: str
    affiliation: str | None = None
    link: str | None = None


@dataclass(frozen=True)
class Code:
    """Where the method's code is; ``commit`` is a full git hash."""

    url: str
    commit: str


@dataclass(frozen=True)
class Weights:
    """A file of weights."""

    sha256: str
    url: str | None = None


@dataclass(frozen=True)
class ModelCard:
    """What only the submitter can say. None, and nothing given, leave it to what the run and the method's spec say.

    Attributes:
        authors: at least one.
        method: name of a method that ran elsewhere; a run knows its own.
        title: one line about the method.
        licence: SPDX expression.
        code: None if it is not published.
        weights: where they can be had.
        training_sets: of `leaderboard.submission.layout.training_sets`, or ``other:<text>``; ("none",) for nothing.
        samples_per_case: sample budget of a method that ran elsewhere.
        seeds: of a method that ran elsewhere.
        control: whether it is a floor or a ceiling rather than a contender.
        paper: https.
        notes: anything else, on one line.
    """

    authors: tuple[Author, ...]
    method: str | None = None
    title: str | None = None
    licence: str | None = None
    code: Code | None = None
    weights: tuple[Weights, ...] = ()
    training_sets: tuple[str, ...] = ()
    samples_per_case: int | None = None
    seeds: tuple[int, ...] = ()
    control: bool = False
    paper: str | None = None
    notes: str | None = None


@cache
def card_schema() -> dict[str, Any]:
    """The JSON Schema of a card, from that of ``submission.json``."""
    whole = copy.deepcopy(dict(schema()))
    said = whole["properties"]
    method = said["method"]["properties"]
    kept = ("authors", "licence", "code", "weights", "training_sets", "samples_per_case", "seeds", "paper", "notes")
    properties = {name: said[name] for name in kept} | {
        "method": method["name"],
        "title": method["title"],
        "control": method["control"],
    }
    return {
        "$schema": whole["$schema"], "type": "object", "properties": properties, "required": ["authors"],
        "additionalProperties": False, "$defs": whole["$defs"],
    }  # fmt: skip


def read_card(path: Path) -> ModelCard:
    """A card from a TOML file; its fields are those of `ModelCard`.

    Raises:
        SubmissionError: codes ``card`` if it cannot be read, ``schema`` if it says something else.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_CARD_BYTES + 1)
    except OSError as error:
        raise SubmissionError("card", f"cannot read the model card {path}: {error.strerror or error}") from error
    if len(data) > MAX_CARD_BYTES:
        raise SubmissionError("card", f"{path.name} has more than {MAX_CARD_BYTES} bytes")
    try:
        said = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise SubmissionError("card", f"{path.name} is no TOML: {printable(str(error))}") from error
    check_against(card_schema(), said, path.name)
    card = _card_of(said)
    if card.licence is not None:
        check_licence(card.licence, path.name)
    return card


def check_card(card: ModelCard) -> None:
    """Check a card that was made in Python.

    Raises:
        SubmissionError: naming the field.
    """
    told = without_nothing(asdict(card))
    told = {name: value for name, value in told.items() if value != []}
    check_against(card_schema(), told, "model card")
    if card.licence is not None:
        check_licence(card.licence, "model card")


def without_nothing(value: Any) -> Any:  # noqa: ANN401
    """A JSON value without the fields that are None; tuples become lists."""
    if isinstance(value, dict):
        return {key: without_nothing(item) for key, item in value.items() if item is not None}
    return [without_nothing(item) for item in value] if isinstance(value, list | tuple) else value


def _card_of(said: dict[str, Any]) -> ModelCard:
    fields = dict(said)
    fields["authors"] = tuple(Author(**author) for author in said["authors"])
    code, weights = said.get("code", "none"), said.get("weights", "none")
    fields["code"] = None if code == "none" else Code(**code)
    fields["weights"] = () if weights == "none" else tuple(Weights(**one) for one in weights)
    for name in ("training_sets", "seeds"):
        fields[name] = tuple(said.get(name, ()))
    return ModelCard(**fields)
