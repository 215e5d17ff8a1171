"""A stage of the pipeline: a pure function shape -> shape or drop, with a declared version and parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from medshape_text.records import Shape


@dataclass(frozen=True)
class Drop:
    """A stage's refusal: a short machine-readable ``reason`` code and a sentence of ``detail``."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Stage:
    """One step. Raise ``version`` whenever ``apply`` gives other results; finished work is found again by it.

    ``apply(shape, **parameters)`` must depend on nothing else; ``parameters`` are JSON-serialisable.
    """

    name: str
    version: str
    apply: Callable[..., Shape | Drop]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, shape: Shape) -> Shape | Drop:
        """Apply the step to one shape."""
        return self.apply(shape, **self.parameters)

    def declaration(self) -> dict[str, Any]:
        """What the manifest says about the step."""
        return {"name": self.name, "version": self.version, "parameters": dict(self.parameters)}
