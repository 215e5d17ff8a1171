"""A task is one metadata record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """What a run of this task measures. A change to any of it is a new ``version``.

    Attributes:
        name: what people type.
        family: which methods can do it (see ``MethodSpec.task_families``).
        prompt: name of the observation (`benchmark.observations.PROMPTS`).
        profiles: metric bundles that are scored, in this order.
        headline: the metric runs are compared by.
        description: one line for people.
        source: where the definition comes from.
        version: of the definition; part of the configuration of a run.
    """

    name: str
    family: str
    prompt: str
    profiles: tuple[str, ...]
    headline: str
    description: str
    source: str
    version: int = 1
