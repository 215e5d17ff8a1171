"""Averages and intervals, always derived from the rows of a run."""

from benchmark.statistics.bootstrap import Estimate, Table, class_macro, cluster_bootstrap
from benchmark.statistics.comparison import Comparison, compare
from benchmark.statistics.resampling import DRAWS
from benchmark.statistics.summary import Summary, summarise

__all__ = [
    "DRAWS",
    "Comparison",
    "Estimate",
    "Summary",
    "Table",
    "class_macro",
    "cluster_bootstrap",
    "compare",
    "summarise",
]
