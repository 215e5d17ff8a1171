"""``genmed-bench metrics-shard`` and ``metrics-merge``: one measurement on several machines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmark.cli.reporting import Steps, progress_bars, write_json
from benchmark.cli.tables import number
from benchmark.data.clouds import Sampling
from benchmark.errors import DataError, UsageError
from benchmark.folders import CONVENTIONS, Search, load_folders, set_signature
from medshape_text.console import make_console

_SHARE = re.compile(r"(\d{1,6})/(\d{1,6})")


def shard(
    generated: Path, reference: Path, sampling: Sampling, search: Search, share: str, recursive: bool, out: Path
) -> None:
    """Search for the shapes of one share and write what was found."""
    from benchmark.metrics.generation.scores import SIGNATURES
    from benchmark.metrics.generation.shards import save_shard, score_shard

    index, count = parse_share(share)
    with progress_bars(only_live=True) as bars:
        candidates, references = load_folders(generated, reference, sampling, recursive, Steps(bars))
    try:
        found = score_shard(
            candidates.clouds, references.clouds, index, count, search.distance,
            label=set_signature(sampling, SIGNATURES[search.distance]), workers=search.workers,
            max_bytes=search.max_bytes,
        )  # fmt: skip
    except ValueError as error:
        raise UsageError(str(error)) from error
    save_shard(found, out)
    make_console().print(f"{out}: {len(found.found.rows)} shapes of share {share}", soft_wrap=True, highlight=False)


def merge(shards: Sequence[Path], json_path: Path | None) -> None:
    """Print the scores of all shares together."""
    from benchmark.metrics.generation.shards import ShardError, load_shard, merge_shards

    try:
        loaded = [load_shard(path) for path in shards]
        scores = merge_shards(loaded)
    except ShardError as error:
        raise DataError(str(error)) from error
    values = scores.as_dict()
    console = make_console()
    convention = [*loaded[0].label.split("|"), ""][1]
    if convention not in CONVENTIONS:
        raise DataError(f"{shards[0]} was not written by metrics-shard: it does not say how shapes were sampled")
    for metric in CONVENTIONS[convention]:
        console.print(f"{metric.name:8s} {number(values[metric.name] * metric.scale):>10s}  {metric.meaning}")
    console.print(f"failed: {scores.failed} of {len(scores.reference_distance)} generated", highlight=False)
    console.print(f"signature: {loaded[0].label}", soft_wrap=True, highlight=False, markup=False)
    write_json(json_path, {"scores": values, "failed": scores.failed, "signature": loaded[0].label})


def parse_share(text: str) -> tuple[int, int]:
    """``"1/4"``, the first of four, as (0, 4).

    Raises:
        UsageError: for anything else.

    >>> parse_share("3/4")
    (2, 4)
    """
    match = _SHARE.fullmatch(text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"{text!r} is no share; write 1/4 to 4/4 for four machines")
    return int(match[1]) - 1, int(match[2])
