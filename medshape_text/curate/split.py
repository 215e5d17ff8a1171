"""Who is trained on and who is tested on: a declared rule over persons, never over files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

VERSION = "3"
"""Raised whenever the same rule would send anybody elsewhere (:mod:`medshape_text.curate.placement` does)."""
MINI_RULE = "genmed-bench/mini/split/v1"
MINI_TEST, MINI_VALIDATION = 6, 2
ZERO_SHOT = ("eyeball_left", "eyeball_right")
"""Categories that are never trained on unless a rule says otherwise."""


class SplitRule(Protocol):
    """Which split a person goes to, whoever else there is."""

    @property
    def zero_shot(self) -> tuple[str, ...]:
        """Categories whose shapes are held out, whosever they are."""
        ...

    def assign(self, persons: Iterable[str]) -> dict[str, str]:
        """Split of every person: ``train``, ``validation`` or ``test``."""
        ...

    def is_declared(self, subject: str) -> bool:
        """Whether the rule names this subject, so that a person with several names goes by this one."""
        ...

    def declaration(self) -> dict[str, Any]:
        """What the manifest says about the rule."""
        ...


def split_subjects(subjects: Sequence[str], *, rule: str, test: int, validation: int) -> dict[str, str]:
    """Split of every subject: in the order of ``sha256("<rule>:<subject>")`` first test, then validation, then train.

    Raises:
        ValueError: if a subject is named twice or none would be left for training.
    """
    if len(set(subjects)) != len(subjects):
        raise ValueError("a subject is named twice")
    if len(subjects) <= test + validation:
        raise ValueError(
            f"{len(subjects)} subjects leave none for training beside {test} test + {validation} validation"
        )
    order = sorted(subjects, key=lambda subject: _digest(rule, subject))
    names = ["test"] * test + ["validation"] * validation + ["train"] * (len(order) - test - validation)
    return dict(zip(order, names, strict=True))


@dataclass(frozen=True)
class CountSplit:
    """A fixed number of the declared ``subjects`` for test and for validation; everybody else is trained on.

    Others are synthetic, or sources with one instance of each structure: what they show of a category nobody can be
    tested on without having seen it.
    """

    subjects: tuple[str, ...]
    rule: str = MINI_RULE
    test: int = MINI_TEST
    validation: int = MINI_VALIDATION
    zero_shot: tuple[str, ...] = ZERO_SHOT

    def assign(self, persons: Iterable[str]) -> dict[str, str]:
        """The declared subjects' splits do not depend on which of them have shapes."""
        declared = split_subjects(self.subjects, rule=self.rule, test=self.test, validation=self.validation)
        return {person: declared.get(person, "train") for person in persons}

    def is_declared(self, subject: str) -> bool:
        """Whether it is in the list."""
        return subject in self.subjects

    def declaration(self) -> dict[str, Any]:
        """The rule and its parameters."""
        return {"kind": "count", **_listed(asdict(self))}


@dataclass(frozen=True)
class HashSplit:
    """Each person by itself: ``sha256("<rule>:<person>")`` read as a number in [0, 1), test below ``test``, and so on.

    A person's split stays when others come or go, so a data set can grow; the shares are met on average.

    Raises:
        ValueError: if the shares are negative or leave nothing for training.
    """

    rule: str
    test: float = 0.1
    validation: float = 0.1
    zero_shot: tuple[str, ...] = ZERO_SHOT

    def __post_init__(self) -> None:
        """Check the shares."""
        if min(self.test, self.validation) < 0 or self.test + self.validation >= 1:
            raise ValueError(f"shares of {self.test} for test and {self.validation} for validation leave no training")

    def assign(self, persons: Iterable[str]) -> dict[str, str]:
        """Independent for every person."""
        return {person: self._split(person) for person in persons}

    def _split(self, person: str) -> str:
        draw = int(_digest(self.rule, person)[:13], 16) / 16**13
        if draw < self.test:
            return "test"
        return "validation" if draw < self.test + self.validation else "train"

    def is_declared(self, subject: str) -> bool:
        """Nobody is."""
        return False

    def declaration(self) -> dict[str, Any]:
        """The rule and its parameters."""
        return {"kind": "hash", **_listed(asdict(self))}


def _digest(rule: str, subject: str) -> str:
    return hashlib.sha256(f"{rule}:{subject}".encode()).hexdigest()


def _listed(values: dict[str, Any]) -> dict[str, Any]:
    """The same with lists for tuples, as JSON has them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
