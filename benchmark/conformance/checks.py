"""The checks: functions from a trial to what came out of it."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from benchmark.conformance.trial import (
    Trial,
    ask,
    copied,
    emptied,
    fingerprints,
    problem_in,
    raised,
    request_state,
    seed_globally,
)
from benchmark.contract import BatchMethod, Fittable, Method, TrainingData
from benchmark.errors import BenchError
from benchmark.methods import find_method

IMPORT_SECONDS = 3.0
"""Processor time that importing a method may take beside torch and the contract."""
FIT_SECONDS_TO_KILL = 10.0
"""A method that fits in less is also killed while it does."""


@dataclass(frozen=True)
class Check:
    """What came out of a check. ``passed`` is None where it was not made; ``detail`` is one line."""

    name: str
    passed: bool | None
    detail: str


def spec_is_valid(trial: Trial) -> Check:
    """Its metadata can be read without importing it."""
    name = "spec"
    if not isinstance(trial.source, str):
        return Check(name, None, "a factory has none")
    try:
        entry = find_method(trial.source)
    except BenchError as error:
        return Check(name, False, str(error))
    return Check(name, True, f"{entry.spec.title}; {', '.join(entry.spec.task_families)}; fit {entry.spec.fit}")


def imports_are_cheap(trial: Trial) -> Check:
    """Its module imports in a few seconds of processor time, so that commands answer at once."""
    name = "import"
    if trial.entry is None:
        return Check(name, None, "a factory is imported already")
    if trial.entry.external:
        return Check(name, True, "nothing is imported")
    program = (
        "import sys, json, time\nsys.path[:] = json.loads(sys.argv[1])\nimport torch, benchmark.contract\n"
        "before, started = len(sys.modules), time.process_time()\n__import__(sys.argv[2])\n"
        "print(json.dumps([time.process_time() - started, len(sys.modules) - before]))"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program, json.dumps(sys.path), trial.entry.entry_point.module],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        return Check(name, False, (done.stderr.strip().splitlines() or ["it ends the process"])[-1])
    seconds, modules = json.loads(done.stdout.splitlines()[-1])
    told = f"{seconds:.1f} s of processor time and {modules} modules beside torch, at most {IMPORT_SECONDS:g} s"
    return Check(name, seconds <= IMPORT_SECONDS, told)


def output_is_in_its_space(trial: Trial) -> Check:
    """It answers every request with the parts asked for, each in its Space."""
    name = "output"
    started = time.perf_counter()
    try:
        answers = ask(trial.fresh(), trial.requests)
    except Exception as error:  # a stranger's code may raise anything
        return Check(name, False, raised(error))
    seconds = time.perf_counter() - started
    for request, answer in zip(trial.requests, answers, strict=True):
        if (problem := problem_in(answer, request)) is not None:
            return Check(name, False, f"{request.case_id}: {problem}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = f"{seconds / len(answers):.2f} s a case, this process held {peak:.0f} MiB at most"
    return Check(name, True, f"{len(answers)} answers; {told}")


def same_request_same_bytes(trial: Trial) -> Check:
    """Two fresh methods give the same bytes."""
    name = "same bytes"
    first, second = (fingerprints(ask(trial.fresh(), trial.requests[:1])) for _ in range(2))
    return Check(name, first == second, "asked twice" if first == second else "the same request gave other bytes")


def order_does_not_matter(trial: Trial) -> Check:
    """An answer depends on its request only, not on what was asked before it."""
    name = "order"
    forwards, backwards = list(trial.requests), [*reversed(trial.requests)]
    one = dict(zip((r.case_id for r in forwards), fingerprints(ask(trial.fresh(), forwards)), strict=True))
    method = trial.fresh()
    for asked in (backwards, backwards[-1:]):  # the last once more
        for request, found in zip(asked, fingerprints(ask(method, asked)), strict=True):
            if found != one[request.case_id]:
                return Check(name, False, f"{request.case_id}: another answer after other requests")
    return Check(name, True, f"{len(forwards)} requests, forwards, backwards and once more")


def seed_is_used(trial: Trial) -> Check:
    """Another seed gives another answer, or the method is deterministic and says it takes one sample."""
    name = "seed"
    request = trial.requests[0]
    other = dataclasses.replace(request, seed=(request.seed + 1) % 2**63)
    # The global state stays the same: only what is drawn from the request's seed may differ.
    first, second = (fingerprints(ask(trial.fresh(), [r], request.seed)) for r in (request, other))
    if first != second:
        return Check(name, True, "another seed gives another answer")
    samples = 1 if trial.entry is None else trial.entry.spec.samples
    if samples > 1:
        return Check(name, False, f"the spec declares {samples} samples, and the seed changes nothing")
    return Check(name, True, "deterministic: the seed changes nothing")


def global_state_does_not_matter(trial: Trial) -> Check:
    """It does not draw from the global generators of random, numpy or torch."""
    name = "global random state"
    first, second = (fingerprints(ask(trial.fresh(), trial.requests[:1], seed)) for seed in (1, 2))
    same = first == second
    return Check(name, same, "makes no difference" if same else "the answer changes with it: draw from request.seed")


def observation_is_left_alone(trial: Trial) -> Check:
    """It does not write to the arrays of a request."""
    name = "observation untouched"
    request = copied(trial.requests[0])
    before = request_state(request)
    method = trial.fresh()
    if isinstance(method, BatchMethod):
        with tempfile.TemporaryDirectory() as folder:
            method.predict_all([request], Path(folder), lambda *_: None)
    else:
        seed_globally(request.seed)
        cast(Method, method).predict(request)
    same = request_state(request) == before
    return Check(name, same, "as it was" if same else "predict changes the request: copy what you change")


def empty_observation_is_survived(trial: Trial) -> Check:
    """Where nothing was observed it still answers (or the case is lost)."""
    name = "empty observation"
    request = trial.requests[0]
    asked = dataclasses.replace(request, observations=tuple(map(emptied, request.observations)))
    try:
        (answer,) = ask(trial.fresh(), [asked])
    except Exception as error:  # a stranger's code may raise anything
        return Check(name, False, raised(error))
    problem = problem_in(answer, asked)
    return Check(name, problem is None, problem or "answered")


def fit_resumes(trial: Trial) -> Check:
    """Fitted again in the same folder, or after having been killed there, it answers the same."""
    name = "fit resumes"
    data = trial.training_data
    if data is None or not isinstance(trial.build(), Fittable):
        return Check(name, None, "no training data to try" if data is None else "it does not learn")
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        first = _fitted_answer(trial, data, Path(folder, "one"))
        seconds = time.perf_counter() - started
        if _fitted_answer(trial, data, Path(folder, "one")) != first:
            return Check(name, False, "fitted again in the same folder it gives other answers")
        if seconds > FIT_SECONDS_TO_KILL or trial.device != "cpu":
            return Check(name, True, f"again in the same folder; {seconds:.1f} s, not killed on the way")
        _killed_fit(trial, data, Path(folder, "two"), seconds / 2)
        if _fitted_answer(trial, data, Path(folder, "two")) != first:
            return Check(name, False, "killed while it learnt and fitted again it gives other answers")
    return Check(name, True, f"again in the same folder, and after a kill; {seconds:.1f} s")


CHECKS: dict[str, tuple[Callable[[Trial], Check], str | None]] = {
    "spec": (spec_is_valid, None),
    "import": (imports_are_cheap, "spec"),
    "output": (output_is_in_its_space, "import"),
    "same bytes": (same_request_same_bytes, "output"),
    "order": (order_does_not_matter, "same bytes"),
    "seed": (seed_is_used, "same bytes"),
    "global random state": (global_state_does_not_matter, "same bytes"),
    "observation untouched": (observation_is_left_alone, "output"),
    "empty observation": (empty_observation_is_survived, "output"),
    "fit resumes": (fit_resumes, "same bytes"),
}
"""Name -> check, and the check without which it is not made."""


def _fitted_answer(trial: Trial, data: TrainingData, workdir: Path) -> list[str]:
    method = trial.build()
    workdir.mkdir(parents=True, exist_ok=True)
    cast(Fittable, method).fit(data, workdir)
    return fingerprints(ask(method, trial.requests[:1]))


def _killed_fit(trial: Trial, data: TrainingData, workdir: Path, after: float) -> None:
    """Fit in another process and kill it on the way."""
    child = os.fork()
    if child == 0:
        try:
            _fitted_answer(trial, data, workdir)
        finally:
            os._exit(0)  # nothing of ours may run twice
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
