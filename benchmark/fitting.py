"""Fitting the methods that are cheap enough to be fitted on the training split before a run."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmark.contract import Fittable, TrainingData
from benchmark.data.catalogue import cache_folder
from benchmark.errors import BenchError, MethodError
from benchmark.methods import MethodEntry
from benchmark.records.files import exclusive


def fit_key(entry: MethodEntry, revision: str) -> str:
    """What a fit depends on, as a hash: the data, the spec and the code of the method."""
    return hashlib.sha256(f"{revision}\0{entry.spec_hash}\0{entry.code_hash}".encode()).hexdigest()


def default_workdir(entry: MethodEntry, revision: str) -> Path:
    """Where a fit is kept between runs, in the cache; other data or code get another folder."""
    return cache_folder() / "fits" / f"{entry.spec.name}-{fit_key(entry, revision)[:16]}"


def fit_on_run(method: object, entry: MethodEntry, training: TrainingData | None, workdir: Path | None = None) -> None:
    """Fit a method whose spec says ``fit = "on-run"``; others are left alone.

    The method is asked every time and may take what it finds in its work folder. One process at a time.

    Raises:
        MethodError: if the method has no ``fit``, or it fails.
        BenchError: as the method's own ``fit`` raises it.
        RunError: if another process is fitting it right now.
    """
    if entry.spec.fit != "on-run" or training is None:
        return
    if not isinstance(method, Fittable):
        raise MethodError(f'method {entry.spec.name!r} says fit = "on-run" but has no fit(training_data, workdir)')
    folder = workdir or default_workdir(entry, training.revision)
    with exclusive(folder):
        try:
            method.fit(training, folder)
        except BenchError:  # one clear message already, and an exit code of its own
            raise
        except Exception as error:  # a stranger's code may raise anything
            raise MethodError(f"method {entry.spec.name!r} could not be fitted: {error!r}") from error
