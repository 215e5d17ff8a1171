"""Averages by hand; intervals against a slow bootstrap written independently, and their coverage."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.errors import RunError
from benchmark.records import Row, Run
from benchmark.statistics import Table, class_macro, cluster_bootstrap, compare, summarise
from benchmark.statistics.resampling import cells_of, resampled_macros
from medshape_text.seeds import generator_for


def row(case, subject, category, value, status="ok", metric="dice", signature="dice|v1", origin="real_subject"):
    return Row(case, subject, category, origin, metric, signature, value, status)


def make_run(values, method="m", **changes):
    rows = tuple(row(f"c{i}", f"s{i % 4}", "ab"[i % 2], value) for i, value in enumerate(values))
    configuration = {"method": {"name": method}, "task": {"name": "t"}, "data": {"revision": "r"}} | changes
    provenance = {"configuration": configuration, "cases": [each.case for each in rows]}
    return Run(method, provenance, rows, {}, {each.case: {"sha256": each.case} for each in rows})


def random_table(seed, subjects=6, cases=30):
    rng = np.random.default_rng(seed)
    subject = rng.integers(subjects, size=cases)
    effect = rng.normal(size=subjects)
    return Table(
        list(effect[subject] + 0.3 * rng.normal(size=cases)),
        [f"c{c}" for c in rng.integers(4, size=cases)],
        [f"s{s}" for s in subject],
    )


def test_class_macro_by_hand():
    table = Table([1, 0, 0.5, 0.2], ["a", "a", "a", "b"], ["x", "y", "z", "x"])
    assert class_macro(table) == pytest.approx((0.5 + 0.2) / 2)
    assert cluster_bootstrap(table).value == class_macro(table)


def test_interval_equals_a_slow_independent_bootstrap():
    table = random_table(0)
    values, categories, subjects = map(np.array, (table.values, table.categories, table.subjects))
    rng = np.random.default_rng(99)
    draws = []
    for _ in range(4000):
        picked = rng.choice(np.unique(subjects), size=len(np.unique(subjects)))
        index = np.concatenate([np.flatnonzero(subjects == subject) for subject in picked])
        draws.append(np.mean([values[index][categories[index] == c].mean() for c in np.unique(categories[index])]))
    low, high = np.percentile(draws, [2.5, 97.5])
    estimate = cluster_bootstrap(table)
    width = high - low
    assert estimate.low == pytest.approx(low, abs=0.06 * width)
    assert estimate.high == pytest.approx(high, abs=0.06 * width)


def test_subjects_are_resampled_not_cases():
    # Ten copies of each of four subjects' values: resampling cases would shrink the interval by sqrt(10).
    few = Table([0.1, 0.4, 0.6, 0.9], ["a"] * 4, list("wxyz"))
    many = Table([v for v in few.values for _ in range(10)], ["a"] * 40, [s for s in few.subjects for _ in range(10)])
    one, ten = cluster_bootstrap(few), cluster_bootstrap(many)
    assert (ten.value, ten.low, ten.high) == pytest.approx((one.value, one.low, one.high))


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(200):
        effect = rng.normal(size=40)
        values = effect.repeat(3) + 0.5 * rng.normal(size=120)
        table = Table(list(values), ["a", "b", "c"] * 40, [f"s{s}" for s in np.arange(40).repeat(3)])
        estimate = cluster_bootstrap(table, draws=500)
        hits += estimate.low <= 0 <= estimate.high
    assert 0.88 <= hits / 200 <= 0.99


def test_interval_is_seeded_and_has_no_meaning_for_one_subject():
    table = random_table(1, subjects=40, cases=200)
    assert cluster_bootstrap(table) == cluster_bootstrap(table)
    assert cluster_bootstrap(table, seed=1) != cluster_bootstrap(table)
    alone = cluster_bootstrap(Table([0.5, 0.7], ["a", "b"], ["x", "x"]))
    assert (alone.value, alone.low, alone.high) == (pytest.approx(0.6), None, None)


def test_no_values_and_ragged_tables_are_refused():
    with pytest.raises(ValueError, match="no values"):
        class_macro(Table([], [], []))
    with pytest.raises(ValueError, match="length"):
        class_macro(Table([1.0], ["a", "b"], ["x"]))


def test_summary_counts_failures_and_keeps_their_worst_value():
    rows = [
        row("1", "x", "a", 1.0), row("2", "y", "a", 0.0, "crashed"), row("3", "x", "b", 0.5),
        row("1", "x", "a", 9.0, metric="uhd", signature="uhd|v1"),
        row("2", "y", "a", None, "nothing_observed", metric="uhd", signature="uhd|v1"),
    ]  # fmt: skip
    dice, uhd = summarise(rows)
    assert (dice.macro.value, dice.micro, dice.scored, dice.expected) == (0.5, 0.5, 2, 3)
    assert dice.categories == {"a": 0.5, "b": 0.5}
    assert (uhd.macro.value, uhd.scored, uhd.expected) == (9.0, 1, 1)


def test_signatures_and_origins_are_never_mixed():
    rows = [
        row("1", "x", "a", 10.0, metric="cd", signature="cd|unit:mm"),
        row("2", "y", "a", 0.1, metric="cd", signature="cd|unit:box", origin="synthetic_ssm"),
    ]
    assert [summary.micro for summary in summarise(rows)] == [10.0, 0.1]
    mixed = summarise([row("1", "x", "a", 1.0), row("2", "y", "a", 0.0, origin="synthetic_ssm")])[0]
    assert mixed.origins == {"real_subject": 1.0, "synthetic_ssm": 0.0}


def test_comparison_is_paired():
    rng = np.random.default_rng(0)
    hard = rng.uniform(0.2, 0.9, size=16)  # cases differ a lot, methods little: only pairing can tell
    better, worse = make_run(hard + 0.01 + 0.001 * rng.normal(size=16), "better"), make_run(hard, "worse")
    (result,) = compare(better, worse)
    assert result.difference.value == pytest.approx(0.01, abs=0.002)
    assert result.separated
    assert 0 < result.difference.low < result.difference.high < 0.02
    (opposite,) = compare(worse, better)
    assert opposite.difference.value == pytest.approx(-result.difference.value)
    assert not compare(worse, worse)[0].separated


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        (make_run([0.1] * 8, data={"revision": "s"}), "data is"),
        (make_run([0.1] * 8, task={"name": "u"}), "task is"),
        (make_run([0.1] * 7), "different cases"),
    ],
)
def test_runs_that_do_not_compare_are_refused(other, complaint):
    with pytest.raises(RunError, match=complaint):
        compare(make_run([0.1] * 8), other)


def test_other_observations_signatures_or_holes_are_refused():
    run = make_run([0.1] * 8)
    damaged = make_run([0.1] * 8)
    damaged.observations["c3"]["sha256"] = "other"
    with pytest.raises(RunError, match="c3 was observed differently"):
        compare(run, damaged)
    renamed = Run("p", run.provenance, tuple(row(r.case, r.subject, r.category, r.value, signature="dice|v2")
                                             for r in run.rows), {}, run.observations)  # fmt: skip
    with pytest.raises(RunError, match="signatures differ"):
        compare(run, renamed)
    with pytest.raises(RunError, match="not complete: 7 of 8"):
        compare(run, Run("p", run.provenance, run.rows[:7], {}, run.observations))


@pytest.mark.parametrize(("subjects", "per_subject"), [(5, 8), (40, 1)])
def test_many_methods_at_once_are_what_each_is_alone_and_what_a_loop_over_the_draws_gives(subjects, per_subject):
    # Full subjects and sparse ones: the sums are taken in one order or the other.
    rng = np.random.default_rng(subjects)
    names = np.repeat([f"s{s}" for s in range(subjects)], per_subject)
    categories = np.array([f"c{c}" for _ in range(subjects) for c in rng.permutation(8)[:per_subject]])
    values = rng.normal(size=(12, len(names)))
    together = resampled_macros(cells_of(values, list(categories), list(names)), draws=50, seed=3)
    people = np.unique(names)
    weights = generator_for("statistics", "cluster-bootstrap", 3).multinomial(
        subjects, np.full(subjects, 1 / subjects), size=50
    )
    for draw, weight in enumerate(weights):
        copies = np.concatenate(
            [np.flatnonzero(names == p) for p, w in zip(people, weight, strict=True) for _ in range(w)]
        )
        drawn = categories[copies]
        means = [values[:, copies[drawn == category]].mean(axis=1) for category in np.unique(drawn)]
        np.testing.assert_allclose(together[draw], np.mean(means, axis=0), rtol=0, atol=1e-13)
    for line, method in zip(values, together.T, strict=True):
        alone = resampled_macros(cells_of(line[None], list(categories), list(names)), draws=50, seed=3)
        np.testing.assert_allclose(alone[:, 0], method, rtol=0, atol=1e-13)
