"""Metrics by signature: looked up in the tables of the installed families, which are read once."""

from __future__ import annotations

import pytest

from benchmark import tasks
from benchmark.metrics.base import Metric, Signature
from benchmark.tasks import families, find_metric, metric_order


def test_every_metric_is_found_in_the_order_of_the_tables():
    declared = [metric for family in families().values() for metric in family.metrics()]
    signatures = list(dict.fromkeys(str(metric.signature) for metric in declared))
    assert [find_metric(signature).signature for signature in signatures] == signatures
    assert sorted(signatures[2:] + signatures[:2], key=metric_order) == signatures


def test_metrics_nobody_has_come_last_by_name_and_are_what_their_signature_says():
    known = next(iter(families().values())).metrics()[-1].signature
    strangers = ["ms-ssim|synthesis|window:11|v1", "zeta|p|v1"]
    assert sorted([*reversed(strangers), known], key=metric_order) == [known, *strangers]
    metric = find_metric(strangers[0])
    assert (metric.name, metric.profile, metric.higher_is_better) == ("ms-ssim", "synthesis", None)


def test_entry_points_are_read_once(monkeypatch):
    class Family:
        name = "other"

        def metrics(self, task=None):
            return [Metric("ms-ssim", Signature("ms-ssim|synthesis|v1"), title="MS-SSIM")]

    asked = []
    monkeypatch.setattr(tasks, "families", lambda: asked.append(1) or {"other": Family()})
    tasks._metric_table.cache_clear()
    try:
        for _ in range(3):
            assert find_metric("ms-ssim|synthesis|v1").title == "MS-SSIM"
            assert metric_order("ms-ssim|synthesis|v1")[0] == 0
        assert len(asked) == 1
    finally:
        tasks._metric_table.cache_clear()


@pytest.fixture(autouse=True)
def _fresh():
    tasks._metric_table.cache_clear()
