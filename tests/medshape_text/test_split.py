"""The declared split: pinned to the subject, so that a changed rule cannot pass unnoticed."""

from __future__ import annotations

import numpy as np
import pytest

from medshape_text.curate.split import assign_split, split_subjects
from medshape_text.records import Shape
from medshape_text.sources.mini import SUBJECTS, mini_splits
from medshape_text.stage import Drop

TEST = {"llp26_01", "llp26_06", "llp26_19", "llp26_21", "llp26_22", "llp26_25"}
VALIDATION = {"llp26_10", "llp26_20"}


def test_mini_split_is_the_published_one() -> None:
    splits = mini_splits()
    assert {subject for subject, name in splits.items() if name == "test"} == TEST
    assert {subject for subject, name in splits.items() if name == "validation"} == VALIDATION
    assert {subject for subject, name in splits.items() if name == "train"} == set(SUBJECTS) - TEST - VALIDATION
    assert len(splits) == 26


def test_order_of_the_list_does_not_matter() -> None:
    rule = {"rule": "r", "test": 2, "validation": 1}
    subjects = [f"s{index}" for index in range(9)]
    assert split_subjects(subjects, **rule) == split_subjects(subjects[::-1], **rule)


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        split_subjects(["a", "a", "b"], rule="r", test=1, validation=0)
    with pytest.raises(ValueError, match="none for training"):
        split_subjects(["a", "b"], rule="r", test=1, validation=1)


def test_undeclared_subject_is_dropped() -> None:
    shape = Shape("x", "stranger", "femur_left", "left", "bone", "real_subject", "s", "l", "t", True,
                  np.zeros((0, 3)), np.zeros((0, 3), int))  # fmt: skip
    declared = {"rule": "r", "test": 1, "validation": 1, "subjects": ["a", "b", "c"], "train_only": ["nobody"]}
    result = assign_split(shape, **declared)
    assert isinstance(result, Drop)
    assert result.reason == "unknown-subject"
