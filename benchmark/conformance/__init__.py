"""Whether a method keeps to the contract: ``genmed-bench check-method``, and the same checks for anyone's pytest.

Each check is a function from a `Trial` (a method and requests to try it on) to a `Check`. A check that cannot tell
anything after another failed is not made, so that a method with one fault fails one check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmark.conformance.checks import CHECKS, Check
from benchmark.conformance.trial import Trial, raised
from benchmark.contract import MethodFactory, Request, TrainingData

__all__ = ["CHECKS", "Check", "Checks", "Trial", "parametrize_method_checks"]


class Checks:
    """The checks of a trial, each made once, when first asked for."""

    def __init__(self, trial: Trial) -> None:
        """Nothing is tried yet."""
        self._trial = trial
        self._made: dict[str, Check] = {}

    def __getitem__(self, name: str) -> Check:
        """One check, after those it depends on."""
        if name not in self._made:
            check, needs = CHECKS[name]
            self._made[name] = self._make(name, check, needs)
        return self._made[name]

    def __iter__(self) -> Iterator[Check]:
        """All checks in order."""
        return (self[name] for name in CHECKS)

    def _make(self, name: str, check: Callable[[Trial], Check], needs: str | None) -> Check:
        blocked = needs is not None and (self[needs].passed is False or self[needs].detail.startswith("after "))
        if blocked:
            return Check(name, None, f"after {needs!r} failed this cannot be told")
        if name not in ("spec", "import") and self._trial.entry is not None and self._trial.entry.spec.sees_truth:
            return Check(name, None, "a control that sees the truth is not asked")
        try:
            return check(self._trial)
        except Exception as error:  # a stranger's code may raise anything, also in the second call
            return Check(name, False, raised(error))


def parametrize_method_checks(
    factory_or_name: str | MethodFactory,
    requests: Sequence[Request] | Callable[[], Sequence[Request]],
    training_data: TrainingData | None = None,
) -> Any:  # noqa: ANN401  (pytest's mark, which has no public type)
    """All checks as pytest cases, for the tests of a method's own package.

    ::

        @parametrize_method_checks("my-method", requests=my_requests)
        def test_contract(method_check):
            method_check()

    Args:
        factory_or_name: a factory, or a name or path as ``genmed-bench run --method`` takes it.
        requests: to try it on, or a function that makes them when the first case runs.
        training_data: for methods that learn.
    """
    import pytest

    made: list[Checks] = []

    def case(name: str) -> Callable[[], None]:
        def check() -> None:
            if not made:
                asked = requests() if callable(requests) else requests
                made.append(Checks(Trial(factory_or_name, asked, training_data)))
            found = made[0][name]
            if found.passed is None:
                pytest.skip(found.detail)
            if not found.passed:
                pytest.fail(f"{name}: {found.detail}", pytrace=False)

        return check

    return pytest.mark.parametrize("method_check", [pytest.param(case(name), id=name) for name in CHECKS])
