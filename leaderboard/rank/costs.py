"""What an answer cost, as the submitter measured it on the submitter's machine. Nobody is ranked by it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def seconds_per_case(timings: Sequence[Mapping[str, Any]]) -> float | None:
    """Mean seconds of prediction a case; None where nothing was measured."""
    seconds = list(_numbers(timing.get("seconds") for timing in timings))
    return sum(seconds) / len(seconds) if seconds else None


def peak_mib(timings: Sequence[Mapping[str, Any]]) -> float | None:
    """The largest memory in MiB: of the device where it was measured, else of the process."""
    for name in ("peak_device_mib", "peak_rss_mib"):
        peaks = list(_numbers(timing.get(name) for timing in timings))
        if peaks:
            return max(peaks)
    return None


def hardware_text(document: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """The machine in one line: accelerator, processor, cores."""
    said = document.get("hardware") or record.get("hardware")
    if not isinstance(said, Mapping):
        return ""
    cores = said.get("cores")
    parts = [said.get("accelerator"), said.get("processor"), _cores(cores) if isinstance(cores, int) else None]
    return ", ".join(str(part)[:100] for part in parts if part)


def _cores(count: int) -> str:
    return "1 core" if count == 1 else f"{count} cores"


def _numbers(values: Iterable[object]) -> Iterable[float]:
    for value in values:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
            yield float(value)
