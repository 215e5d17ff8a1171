"""Set metrics in shares: every process or machine searches for some shapes, and a strict merge scores them all."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.clouds.trees import Indices
from benchmark.metrics.generation.neighbours import Budget, Neighbours, Progress, Search, Work
from benchmark.metrics.generation.scores import (
    Distance,
    GenerationScores,
    Layout,
    assemble,
    layout_of,
    nothing_found,
    searcher,
)
from benchmark.metrics.generation.sets import Clouds, read_sets
from medshape_text.files import replacing

FORMAT = "genmed-bench-shard-1"


class ShardError(ValueError):
    """A shard is not readable, or shards do not belong together."""


@dataclass(frozen=True, eq=False)
class Shard:
    """The lists of every ``count``-th distinct cloud from ``index`` on, and what all shards must agree on.

    ``label`` is free text that says what the clouds are, such as how they were sampled.
    """

    index: int
    count: int
    digest: str
    label: str
    layout: Layout
    found: Neighbours


def score_shard(
    generated: Clouds, reference: Clouds, index: int, count: int, distance: Distance = "chamfer", *,
    label: str = "", search: Search = "auto", workers: int | None = None, max_bytes: int = 2**32,
    progress: Progress | None = None,
) -> Shard:  # fmt: skip
    """Share ``index`` of ``count`` (from 0) of :func:`generation_scores`; every shard reads both sets.

    Raises:
        ValueError: as :func:`generation_scores`, and for an index outside 0 .. count - 1.
    """
    if not 0 <= index < count:
        raise ValueError(f"shard {index} of {count}: shards count from 0 to {count - 1}")
    pair = read_sets(generated, reference)
    rows = np.arange(index, len(pair.trees), count)
    budget = Budget.of(workers, max_bytes, progress)
    if pair.generated.clouds and len(rows):
        found = searcher(distance)(pair, 1, True, search, budget, rows)
    else:
        found = nothing_found()
    return Shard(index, count, pair.digest, label, layout_of(pair, distance), found)


def merge_shards(shards: Sequence[Shard]) -> GenerationScores:
    """The scores of all shapes, equal to those of one process; only ``work`` tells how it was done.

    Raises:
        ShardError: if the shards are of different sets or conventions, or one is missing or there twice.
    """
    if not shards:
        raise ShardError("there are no shards to merge")
    first = shards[0]
    for shard in shards[1:]:
        if _common(shard) != _common(first):
            raise ShardError(
                f"shards {first.index} and {shard.index} were made of different sets, conventions or numbers of shards"
            )
    there = sorted(shard.index for shard in shards)
    if there != list(range(first.count)):
        raise ShardError(f"expected shards 0 to {first.count - 1}, each once, got {there}")
    lists = [shard.found for shard in shards]
    rows = np.concatenate([found.rows for found in lists])
    order = np.argsort(rows)
    if first.layout.distinct and not np.array_equal(rows[order], np.arange(len(rows))):
        raise ShardError("the shards do not cover every shape once")

    def join(name: str) -> NDArray[np.float64]:
        return np.asarray(np.concatenate([getattr(found, name) for found in lists])[order])

    work = Work(
        sum(found.work.pairs for found in lists), sum(found.work.finished for found in lists),
        sum(found.work.abandoned for found in lists), lists[0].work.spacing,
    )  # fmt: skip
    indices: tuple[Indices, Indices] = (join("cross_index").astype(np.int64), join("own_index").astype(np.int64))
    found = Neighbours(rows[order], join("cross"), indices[0], join("own"), indices[1], True, work)
    return assemble(first.layout, found)


def _common(shard: Shard) -> tuple[str, str, str, int]:
    return shard.digest, shard.label, shard.layout.signature, shard.count


def save_shard(shard: Shard, path: Path) -> None:
    """Write a shard as npz without pickle; the file appears whole or not at all."""
    facts = {
        "format": FORMAT, "index": shard.index, "count": shard.count, "digest": shard.digest, "label": shard.label,
        "distinct": shard.layout.distinct, "worst": shard.layout.worst, "signature": shard.layout.signature,
        "work": asdict(shard.found.work),
    }  # fmt: skip
    arrays = {name: getattr(shard.found, name) for name in _ARRAYS}
    with replacing(path) as stream:
        np.savez(
            stream, allow_pickle=False, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
            generated=shard.layout.generated, reference=shard.layout.reference, **arrays,
        )  # fmt: skip


def load_shard(path: Path) -> Shard:
    """Read a shard.

    Raises:
        ShardError: if the file is not one.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            facts = json.loads(stored["facts"].tobytes())
            if facts.get("format") != FORMAT:
                raise ShardError(f"{path} is no {FORMAT} file")
            layout = Layout(
                stored["generated"], stored["reference"], facts["distinct"], facts["worst"], facts["signature"]
            )
            rows, cross, cross_index, own, own_index = (stored[name] for name in _ARRAYS)
            found = Neighbours(rows, cross, cross_index, own, own_index, True, Work(**facts["work"]))
            return Shard(facts["index"], facts["count"], facts["digest"], facts["label"], layout, found)
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, ShardError):
            raise
        raise ShardError(f"{path} cannot be read as a shard: {error}") from error


_ARRAYS = ("rows", "cross", "cross_index", "own", "own_index")
