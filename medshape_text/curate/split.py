"""Who is trained on and who is tested on: a declared rule over subjects, never over files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from medshape_text.records import Shape
from medshape_text.stage import Drop, Stage

MINI_RULE = "genmed-bench/mini/split/v1"
MINI_TEST, MINI_VALIDATION = 6, 2


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
    order = sorted(subjects, key=lambda subject: hashlib.sha256(f"{rule}:{subject}".encode()).hexdigest())
    names = ["test"] * test + ["validation"] * validation + ["train"] * (len(order) - test - validation)
    return dict(zip(order, names, strict=True))


def assign_split(
    shape: Shape, *, rule: str, test: int, validation: int, subjects: Sequence[str], train_only: Sequence[str]
) -> Shape | Drop:
    """Fill in the split of the shape's subject; a subject that was not declared gives a drop, ``unknown-subject``."""
    if shape.subject in train_only:
        return replace(shape, split="train")
    split = split_subjects(subjects, rule=rule, test=test, validation=validation).get(shape.subject)
    if split is None:
        return Drop("unknown-subject", f"subject {shape.subject} was not declared to the split rule")
    return replace(shape, split=split)


def split_stage(subjects: Sequence[str], train_only: Sequence[str] = ()) -> Stage:
    """The stage for a declared list of subjects; shapes of ``train_only`` are synthetic and never tested on."""
    parameters = {
        "rule": MINI_RULE,
        "test": MINI_TEST,
        "validation": MINI_VALIDATION,
        "subjects": list(subjects),
        "train_only": list(train_only),
    }
    return Stage("split", "1", assign_split, parameters)
