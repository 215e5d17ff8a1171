"""One self-contained HTML report of one or more runs: tables, a plot, and cases that can be turned in 3D."""

from benchmark.report.build import build_report

__all__ = ["build_report"]
