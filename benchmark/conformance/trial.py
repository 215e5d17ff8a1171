"""A method on trial: fresh ones of it, what they are asked, and their answers made comparable."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np

from benchmark.contract import (
    AnyMethod,
    BatchMethod,
    Fittable,
    Method,
    MethodContext,
    MethodFactory,
    Observation,
    Prediction,
    Request,
    TrainingData,
)
from benchmark.methods import MethodEntry, find_method
from benchmark.observations import observation_hash
from benchmark.spaces import prediction_problem

Answer = Prediction | str
"""A prediction, or a reason code why there is none."""


@dataclass(frozen=True)
class Trial:
    """What is tried.

    Attributes:
        source: name or path of a method, or its factory.
        requests: at least one; two tell more about order.
        training_data: for methods that learn; None leaves learning out.
        device: what methods are built for.
    """

    source: str | MethodFactory
    requests: Sequence[Request]
    training_data: TrainingData | None = None
    device: str = "cpu"

    @cached_property
    def entry(self) -> MethodEntry | None:
        """The installed method, None of a factory."""
        return find_method(self.source) if isinstance(self.source, str) else None

    def build(self) -> AnyMethod:
        """A fresh method, not fitted."""
        learnt = None if self.training_data is None else self.training_data.revision
        context = MethodContext(self.device, outputs=self.requests[0].outputs, training=learnt)
        return self.entry.build(context) if self.entry is not None else cast(MethodFactory, self.source)(context)

    @cached_property
    def _fit_folder(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory()  # as long as the trial: a method may read its checkpoint there later

    @cached_property
    def _fitted(self) -> AnyMethod:
        method = self.build()
        if self.training_data is not None and self._learns(method):
            cast(Fittable, method).fit(self.training_data, Path(self._fit_folder.name))
        return method

    def _learns(self, method: AnyMethod) -> bool:
        on_run = self.entry is None or self.entry.spec.fit == "on-run"
        return on_run and isinstance(method, Fittable)

    def fresh(self) -> AnyMethod:
        """A method that has answered nothing, fitted if it learns on the run."""
        fitted = self.training_data is not None and self._learns(self._fitted)
        # A method may keep the data it learnt from; nobody has to be able to copy those.
        shared = {id(self.training_data): self.training_data}
        return copy.deepcopy(self._fitted, shared) if fitted else self.build()


def ask(method: AnyMethod, requests: Sequence[Request], global_seed: int | None = None) -> list[Answer]:
    """The method's answers, each to a copy of a request, with the global random state as the runner has it.

    Args:
        method: asked in this order.
        requests: what it is asked.
        global_seed: of the global random state instead of the request's.
    """
    if isinstance(method, BatchMethod):
        told: dict[str, Answer] = {}
        with tempfile.TemporaryDirectory() as folder:
            method.predict_all([copied(request) for request in requests], Path(folder), told.__setitem__)
        return [told.get(request.case_id, "missing") for request in requests]
    answers: list[Answer] = []
    for request in requests:
        seed_globally(request.seed if global_seed is None else global_seed)
        answers.append(cast(Method, method).predict(copied(request)))
    return answers


def seed_globally(seed: int) -> None:
    """Seed the global generators of random, numpy and torch."""
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  (the global state is what this is about)
    torch.manual_seed(seed)


def problem_in(answer: object, request: Request) -> str | None:
    """Why an answer cannot be scored; None when it can."""
    return answer if isinstance(answer, str) else prediction_problem(answer, request.outputs, request.grid)


def fingerprints(answers: Sequence[Answer]) -> list[str]:
    """A hash of the bytes of each answer, or the reason why there is none."""
    return [answer if isinstance(answer, str) else _fingerprint(answer) for answer in answers]


def _fingerprint(answer: Prediction) -> str:
    digest = hashlib.sha256()
    for name in sorted(answer.parts):
        array = np.asarray(answer.parts[name])
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode() + array.tobytes())
    return digest.hexdigest()


def copied(request: Request) -> Request:
    """A request whose arrays are the method's own, as the runner hands it over."""
    observations = tuple(
        dataclasses.replace(
            each, value=each.value.copy(), mask=each.mask.copy(), parameters=copy.deepcopy(each.parameters)
        )
        for each in request.observations
    )
    return dataclasses.replace(request, observations=observations, outputs=dict(request.outputs))


def request_state(request: Request) -> tuple[object, ...]:
    """Something that is equal as long as nobody wrote to a request."""
    return observation_hash(request.observations), tuple(request.outputs.items())


def emptied(observation: Observation) -> Observation:
    """The same observation of nothing."""
    nothing = np.zeros_like(observation.mask)
    return dataclasses.replace(observation, value=np.zeros_like(observation.value), mask=nothing)


def raised(error: Exception) -> str:
    """An exception on one line."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
