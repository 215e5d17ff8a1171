"""Who is trained on and who is tested on: a declared rule over persons, never over files.

A shape goes where its person goes, unless a user or its category decides, and never beside its own copy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from medshape_text.curate.dedup.groups import Groups
from medshape_text.curate.dedup.records import DuplicatePair
from medshape_text.stage import Drop

VERSION = "2"
"""Raised whenever the same rule would send anybody elsewhere."""
MINI_RULE = "genmed-bench/mini/split/v1"
MINI_TEST, MINI_VALIDATION = 6, 2
ZERO_SHOT = ("eyeball_left", "eyeball_right")
"""Categories that are never trained on unless a rule says otherwise."""
_STRICTEST = ("zero_shot", "test", "validation", "train")


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


@dataclass(frozen=True)
class Member:
    """A shape as the split sees it.

    ``declared`` is the split its user wants, else empty. ``split_safe`` is False where it is not known whose shape it
    is, ``synthetic`` True where it is nobody's.
    """

    id: str
    subject: str
    category: str
    declared: str = ""
    split_safe: bool = True
    synthetic: bool = False


@dataclass(frozen=True)
class Placement:
    """Where everything goes.

    ``splits`` by id, of shapes that stay; ``drops`` by id, of shapes that may go nowhere. ``wanted`` by id is the split
    of every shape before any was dropped, also of duplicates. ``persons`` is who each subject is.
    """

    splits: dict[str, str] = field(default_factory=dict)
    drops: dict[str, Drop] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)
    persons: dict[str, str] = field(default_factory=dict)


def place(
    members: Sequence[Member], pairs: Sequence[DuplicatePair], rule: SplitRule, gone: Collection[str] = ()
) -> Placement:
    """Give every shape its split.

    In this order: the declared split; ``zero_shot`` for the categories the rule names; ``train`` for shapes of nobody
    or of nobody known; the strictest split that is declared for other shapes of the same person; the rule.
    Subjects that share a shape, turned or mirrored, are one person: the first of their names that the rule declares,
    else the first. Synthetic shapes and those of unknown provenance link nobody.

    Args:
        members: all shapes, duplicates included, since they tell who is who.
        pairs: of ids of members.
        rule: for persons.
        gone: ids that were dropped as duplicates; they get no split.

    Returns:
        Drops have the reasons ``unsafe-duplicate`` (a shape of unknown provenance whose subject shares a shape with a
        known one) and ``leaks-into-split`` (its near-equal stays in a stricter split).

    Raises:
        ValueError: if a declared split is none.
    """
    wrong = sorted({member.declared for member in members} - {"", *_STRICTEST})
    if wrong:
        raise ValueError(f"there is no split {wrong[0]!r}; it has to be one of {', '.join(sorted(_STRICTEST))}")
    by_id = {member.id: member for member in members}
    persons = _persons(members, pairs, by_id, rule)
    wanted = _wanted(members, persons, rule)
    drops: dict[str, Drop] = {}
    exposed = _exposed(pairs, by_id)
    for member in members:
        if member.id not in gone and member.subject in exposed and not member.split_safe:
            drops[member.id] = Drop("unsafe-duplicate", f"nobody knows whose it is, and {exposed[member.subject]}")
    for pair in sorted(pairs, key=lambda pair: (pair.first, pair.second)):
        ends = sorted((pair.first, pair.second), key=lambda shape_id: _STRICTEST.index(wanted[shape_id]))
        if any(end in gone or end in drops for end in ends) or wanted[ends[0]] == wanted[ends[1]]:
            continue
        drops[ends[1]] = Drop(
            "leaks-into-split",
            f"{pair.kind} pair with {ends[0]} of the split {wanted[ends[0]]}; wanted {wanted[ends[1]]}",
        )
    splits = {shape_id: split for shape_id, split in wanted.items() if shape_id not in gone and shape_id not in drops}
    return Placement(splits, drops, wanted, persons)


def _persons(
    members: Sequence[Member], pairs: Sequence[DuplicatePair], by_id: dict[str, Member], rule: SplitRule
) -> dict[str, str]:
    groups = Groups({member.subject for member in members})
    for pair in pairs:
        ends = by_id[pair.first], by_id[pair.second]
        if all(end.split_safe and not end.synthetic for end in ends):
            groups.join(ends[0].subject, ends[1].subject)
    persons: dict[str, str] = {}
    for names in groups.sets():
        key = min(names, key=lambda name: (not rule.is_declared(name), name))
        persons |= dict.fromkeys(names, key)
    return persons


def _wanted(members: Sequence[Member], persons: dict[str, str], rule: SplitRule) -> dict[str, str]:
    assigned = rule.assign(sorted(set(persons.values())))
    strictest: dict[str, str] = {}
    for member in members:
        if member.declared in ("test", "validation", "train"):
            person = persons[member.subject]
            strictest[person] = min(strictest.get(person, "train"), member.declared, key=_STRICTEST.index)
    wanted = {}
    for member in members:
        person = persons[member.subject]
        if member.declared:
            wanted[member.id] = member.declared
        elif member.category in rule.zero_shot:
            wanted[member.id] = "zero_shot"
        elif member.synthetic or not member.split_safe:
            wanted[member.id] = "train"
        else:
            wanted[member.id] = strictest.get(person, assigned[person])
    return wanted


def _exposed(pairs: Sequence[DuplicatePair], by_id: dict[str, Member]) -> dict[str, str]:
    """Subjects of unknown provenance that share a shape with known ones, and the first such pair in words."""
    found: dict[str, str] = {}
    for pair in sorted(pairs, key=lambda pair: (pair.first, pair.second)):
        for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
            if not by_id[one].split_safe and by_id[other].split_safe:
                found.setdefault(by_id[one].subject, f"{one} of the same subject and {other} are a {pair.kind} pair")
    return found
