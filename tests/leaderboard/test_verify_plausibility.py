"""Plausibility: tests of tests, on planted data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_ellipsoid

from benchmark.tasks.shape_completion.likeness import nearly_same
from leaderboard.findings import RefusedError, shown
from leaderboard.submission.strict_json import Limits, check_text, read_object
from leaderboard.verify.plausibility import FALSE_ALARMS, LEAP, Other, best_of_all, suspicions, too_good_findings


def other(name, method, control, errors):
    return Other(name, method, ("Ada",), control, {}, {}, lambda case: pytest.fail("not needed"), lambda: errors)


def by_subject(errors):
    return {f"s{i}": float(error) for i, error in enumerate(errors)}


def codes(method, control, errors, references):
    others = [
        other(f"o{i}", name, is_control, by_subject(values)) for i, (name, is_control, values) in enumerate(references)
    ]
    return {finding.code for finding in too_good_findings(method, control, by_subject(errors), others)}


def test_the_probability_of_being_best_is_that_of_dice():
    # Best of three for both of two subjects: (1/3)^2; for at least one of two: 1 - (2/3)^2.
    references = [{"a": 1.0, "b": 1.0}, {"a": 2.0, "b": 2.0}]
    assert best_of_all({"a": 0.5, "b": 0.5}, references) == (2, pytest.approx(1 / 9))
    assert best_of_all({"a": 0.5, "b": 1.5}, references) == (1, pytest.approx(5 / 9))
    assert best_of_all({"a": 1.0, "b": 1.0}, references)[0] == 0  # equal is not better


def test_honest_seeds_are_flagged_as_rarely_as_is_said():
    # One more draw of the same kind as four references, ten subjects of very different difficulty.
    rng = np.random.default_rng(5)
    draws, alarms = 20_000, 0
    hard = rng.uniform(0.01, 0.5, 10)
    for errors in hard * rng.gamma(5, 1 / 5, size=(draws, 5, 10)):
        chance = best_of_all(by_subject(errors[0]), [by_subject(e) for e in errors[1:]])[1]
        alarms += chance <= FALSE_ALARMS
    assert alarms / draws <= FALSE_ALARMS + 3 * math.sqrt(FALSE_ALARMS / draws)


def test_a_run_better_than_all_seeds_of_its_method_is_flagged():
    rng = np.random.default_rng(0)
    seeds = [("mine", False, rng.uniform(0.1, 0.12, 8)) for _ in range(4)]
    assert codes("mine", False, np.full(8, 0.09), seeds) == {"too-good-for-method"}
    assert codes("mine", False, rng.uniform(0.1, 0.12, 8), seeds) == set()
    assert codes("mine", True, np.full(8, 0.09), seeds) == set()  # a control


def test_a_leap_beyond_all_contenders_is_flagged_but_not_progress():
    field = [(f"m{i}", False, np.full(6, 0.1 + i / 100)) for i in range(4)]
    assert codes("mine", False, np.full(6, 0.1 / LEAP * 0.9), field) == {"too-good"}
    assert codes("mine", False, np.full(6, 0.05), field) == set()  # half the error
    assert codes("mine", False, np.full(6, 0.001), field[:2]) == set()  # nobody to speak of
    controls = [(name, True, errors) for name, _, errors in field]
    assert codes("mine", False, np.full(6, 0.001), controls) == set()


def test_nearly_the_same_is_more_than_the_same_mask():
    truth = make_ellipsoid((26, 18, 14))
    noise = np.random.default_rng(0).normal(size=truth.shape).astype(np.float32) / 32
    assert nearly_same(truth, truth)
    assert nearly_same(truth + 0.01 * noise, truth)
    assert nearly_same(truth + 0.1 * noise, truth)  # seen through by averaging
    assert not nearly_same(truth + np.float32(0.05 / 32), truth)
    # The published form of the mask: the same voxels, distances that only they give.
    from medshape_text.curate.sdf import sdf_from_mask

    same_mask = sdf_from_mask(truth < 0)
    assert np.array_equal(same_mask < 0, truth < 0)
    assert not nearly_same(same_mask, truth)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\u202eb", "direction"),
        ("a\u2066b", "direction"),
        ("a\u200bb", "invisible"),
        ("\ufeffa", "invisible"),
        ("a\U000e0041", "invisible"),
        ("a\x00", "control characters"),
        ("a\x1b[2J", "control characters"),
        ("\x85", "control characters"),
        ("\ud800", "half a character"),
        ("x" * 10_001, "10001 characters"),
    ],
)
def test_texts_nobody_could_see_as_they_are_are_refused(text, said):
    with pytest.raises(RefusedError) as caught:
        check_text(text, "x", Limits())
    assert caught.value.code == "text-refused"
    assert said in caught.value.detail
    assert caught.value.detail.isprintable()


@pytest.mark.parametrize("text", ["Zoë Ångström", "骨盤", "a < b", "x = y", "-3.5 %", "C++", "R&D", "on top", "5 > 4"])
def test_honest_texts_are_left_alone(text):
    check_text(text, "x", Limits())
    assert list(suspicions(text, "x")) == []


@pytest.mark.parametrize("text", ["<b>", "</x", "<!--", "&lt;", "&#x3c;", "JavaScript :x", "{{7*7}}", "a onload=x"])
def test_code_for_browsers_is_flagged(text):
    assert [finding.code for finding in suspicions({"a": [text]}, "x")] == ["text-markup"]


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|x", "\t=1", "-cmd|x", "%0A-1"])
def test_formulas_are_flagged(text):
    assert [finding.code for finding in suspicions([text], "x")] == ["text-formula"]


@given(st.text())
def test_whatever_is_shown_is_short_printable_ascii(text):
    told = shown(text)
    assert told.isascii()
    assert told.isprintable()
    assert len(told) <= 62


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_json_or_refused(data):
    try:
        value = read_object(data, "x", Limits())
    except RefusedError as refusal:
        value = {"refused": refusal.finding.code}
    assert isinstance(value, dict)
