"""The run record: a folder with provenance, one row per case and metric, and the predictions."""

from benchmark.records.predictions import read_prediction, write_prediction
from benchmark.records.reader import Run, load_run
from benchmark.records.rows import Row
from benchmark.records.writer import RunWriter

__all__ = [
    "Row",
    "Run",
    "RunWriter",
    "load_run",
    "read_prediction",
    "write_prediction",
]
