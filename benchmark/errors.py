"""Errors a person can act on: one sentence and an exit code each.

Exit codes of ``genmed-bench``: 0 all well; 1 a bug of ours (traceback); 2 bad usage, such as an unknown
name; 3 the data set is missing, damaged or of another schema; 4 the method, its spec or its weights do
not load; 5 a run folder holds another configuration, is damaged, in use, or cannot be compared; 6 the
disk refused a write (finished work is kept); 7 the run is complete but some predictions failed.
The leaderboard's commands add: 8 something cannot be submitted, or the Hub does not take it (the same command goes on);
9 a verification said something else than "reproduced", or a results folder may not be merged.
"""

from __future__ import annotations


class BenchError(Exception):
    """Base of errors that are reported as one message, without a traceback."""

    exit_code = 1


class UnknownNameError(BenchError, LookupError):
    """A method, task, metric or data set was asked for by a name nobody has."""

    exit_code = 2


class UsageError(BenchError):
    """An option, or a combination of options, that makes no sense."""

    exit_code = 2


class DataError(BenchError):
    """A data set is missing, damaged or of another schema version."""

    exit_code = 3


class MethodError(BenchError):
    """A method is declared wrongly, or it or its weights do not load."""

    exit_code = 4


class RunError(BenchError):
    """A run folder holds something else, is damaged, in use, or does not compare with another."""

    exit_code = 5


class WriteError(BenchError):
    """The disk refused a write; what was finished before is kept."""

    exit_code = 6


class FailedCasesError(BenchError):
    """The run is complete, but some predictions were missing or invalid (scored worst)."""

    exit_code = 7
