"""The parts that make the report: choice of cases, plot, column texts."""

import pandas as pd

from benchmark.metrics.base import Metric, Signature
from benchmark.report.plot import Lane, category_plot
from benchmark.report.selection import select_cases


def frame(values):
    return pd.DataFrame([{"case": f"{category}{i}", "category": category, "value": value}
                         for category, row in values.items() for i, value in enumerate(row)])  # fmt: skip


def test_median_cases_first_then_worst_then_best():
    rows = frame({"a": [0.1, 0.5, 0.9], "b": [0.8, 0.2, 0.4]})
    assert select_cases(rows, 2, higher_is_better=True) == ["a1", "b2"]
    assert select_cases(rows, 4, higher_is_better=True) == ["a0", "a1", "b1", "b2"]
    assert sorted(select_cases(rows, 99, higher_is_better=True)) == sorted(rows["case"])


def test_too_many_categories_are_spread_from_hard_to_easy():
    rows = frame({name: [value] for name, value in zip("abcde", (0.9, 0.1, 0.5, 0.3, 0.7), strict=True)})
    assert select_cases(rows, 3, higher_is_better=True) == ["a0", "b0", "c0"]
    assert select_cases(rows, 1, higher_is_better=True) == ["b0"]


def test_a_case_without_a_value_counts_as_the_worst():
    assert select_cases(frame({"a": [0.1, None, 0.9]}), 3, higher_is_better=True)[0] in {"a0", "a1", "a2"}


def test_plot_places_dots_in_order_and_escapes_names():
    lanes = [Lane("<b>", "m", (0.2, 0.8), 0.5, 0.3, 0.7), Lane("c", "m", (0.9,), 0.9)]
    svg = category_plot(lanes, ["m"], "Dice")
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg
    places = [float(part.split('"')[0]) for part in svg.split('class="dot" cx="')[1:]]
    assert places[0] < places[1] < places[2]
    assert svg.count('class="whisker"') == 1


def test_numbers_have_the_digits_that_say_something():
    dice = Metric("dice", Signature("dice|overlap|v1"), title="Dice", digits=".3f")
    length = Metric("cd", Signature("cd|dense|unit:mm|v1"), title="CD")
    assert [dice.text(0.98765), length.text(1.23456), length.text(1234.5), length.text(None)] == [
        "0.988", "1.23", "1234", "–",
    ]  # fmt: skip
    assert length.column == "CD, mm"
