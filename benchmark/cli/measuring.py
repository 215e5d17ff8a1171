"""``genmed-bench metrics``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from benchmark.cli.reporting import Steps, progress_bars, write_json
from benchmark.cli.tables import number
from benchmark.data.clouds import Sampling
from benchmark.errors import FailedCasesError, UsageError
from benchmark.folders import LoadedFolder, Measurement, Search, measure
from medshape_text.console import make_console

_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?", re.IGNORECASE)


def metrics(
    generated: Path, reference: Path, sampling: Sampling, search: Search, recursive: bool, json_path: Path | None
) -> None:
    """Print the scores, write them as JSON if asked to, and complain last about shapes that failed."""
    with progress_bars(only_live=True) as bars:
        result = measure(generated, reference, sampling, search, recursive, Steps(bars))
    console = make_console()
    console.print(_table(result))
    for line in _facts(result):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    write_json(json_path, figures(result))
    if result.generated.failed:
        failed, total = len(result.generated.failed), len(result.generated.clouds)
        raise FailedCasesError(
            f"{failed} of {total} generated shapes failed ({_counted(result.generated.reasons)}) and count as worst"
        )


def byte_count(text: str) -> int:
    """A number of bytes.

    Raises:
        UsageError: for anything that is none.

    >>> byte_count("4GB"), byte_count("1.5 GiB"), byte_count("300000")
    (4000000000, 1610612736, 300000)
    """
    match = _BYTES.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no amount of memory; write 4GB, 512MiB or a number of bytes")
    amount, prefix, binary = match.groups()
    power = " kmgt".index((prefix or " ").lower())
    return int(float(amount) * (1024 if binary else 1000) ** power)


def figures(result: Measurement) -> dict[str, Any]:
    """Everything as plain JSON values."""
    scores = result.scores
    return {
        "profile": result.sampling.convention,
        "distance": result.search.distance,
        "points": result.sampling.count,
        "normalise": result.sampling.normalise,
        "seed": result.sampling.seed,
        "signature": result.signature,
        "metrics": [
            {
                "metric": line.metric.name,
                "value": line.value,
                "interval": line.interval,
                "scale": line.metric.scale,
                "meaning": line.metric.meaning,
                "ideal": line.metric.ideal,
                "signature": line.signature,
            }
            for line in result.metrics
        ],
        "scores": {
            **scores.as_dict(),
            "1nna_generated": scores.nna_generated,
            "1nna_reference": scores.nna_reference,
            "worst": scores.worst,
        },
        "intervals": result.intervals,
        "interval_level": None if result.intervals is None else 0.95,
        "interval_signature": result.interval_signature,
        "generated": _side(result.generated),
        "reference": _side(result.reference),
        "nearest": {
            "generated": _nearest(
                result.generated, result.reference.folder.names, scores.nearest_reference, scores.reference_distance,
                scores.own_generated,
            ),
            "reference": _nearest(
                result.reference, result.generated.folder.names, scores.nearest_generated, scores.generated_distance,
                scores.own_reference,
            ),
        },
        "work": {
            name: None if value is None else float(value) if name == "spacing" else int(value)
            for name, value in dataclasses.asdict(scores.work).items()
        },
        "notes": result.notes,
    }  # fmt: skip


def _table(result: Measurement) -> Table:
    title = (
        f"{result.generated.folder.path} against {result.reference.folder.path}, profile {result.sampling.convention}"
    )
    table = Table(title=escape(title), box=SIMPLE_HEAD)
    table.add_column("metric", no_wrap=True)
    for column in ("value", "95 % interval", "ideal"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("what it is")
    for line in result.metrics:
        span = "n/a" if line.interval is None else f"{number(line.interval[0])} .. {number(line.interval[1])}"
        table.add_row(line.metric.name, number(line.value), span, line.metric.ideal, line.metric.meaning)
    return table


def _facts(result: Measurement) -> list[str]:
    work, failed = result.scores.work, result.generated.failed
    share = f" ({100 * work.finished / work.pairs:.3g} %)" if work.pairs else ""
    lines = [
        f"generated: {len(result.generated.clouds)} ({_counted(result.generated.kinds)}), {len(failed)} failed",
        *(f"  {name}: {what}" for name, (_, what) in list(failed.items())[:20]),
        *([f"  and {len(failed) - 20} more, see --json"] if len(failed) > 20 else []),
        f"references: {len(result.reference.clouds)} ({_counted(result.reference.kinds)})",
        f"pairs: {work.finished} of {work.pairs} computed{share}, {work.abandoned} in part; the rest cannot matter",
        f"signature: {result.signature}",
    ]
    if result.interval_signature is not None:
        lines.append(f"intervals: {result.interval_signature}")
    return lines + [f"note: {note}" for note in result.notes]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _side(side: LoadedFolder) -> dict[str, Any]:
    return {
        "folder": str(side.folder.path),
        "count": len(side.clouds),
        "kinds": side.kinds,
        "failed": {name: what for name, (_, what) in side.failed.items()},
        "padded": list(side.padded),
        "unknown": list(side.folder.unknown),
    }


def _nearest(
    side: LoadedFolder, others: Sequence[str], nearest: NDArray[Any], distance: NDArray[Any], own: NDArray[Any]
) -> list[dict[str, Any]]:
    """For every shape of a set its nearest of the other, by file name, and what 1-NNA makes of it."""
    return [
        {
            "file": name,
            "nearest": others[place] if place >= 0 else None,
            "distance": float(far),
            "own_set_is_nearer": bool(mine),
        }
        for name, place, far, mine in zip(side.folder.names, nearest, distance, own, strict=True)
    ]
