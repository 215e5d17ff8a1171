"""A data set as a page to look at: what was kept and why not, counts, pictures, duplicates, leaks, times."""

from medshape_text.report.write import write_report

__all__ = ["write_report"]
