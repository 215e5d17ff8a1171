"""The steps that need all shapes at once: duplicates, splits, leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medshape_text.codec import decode_surface
from medshape_text.curate.dedup import DuplicatePair, Entry, Samples, find_duplicates, resolve_duplicates
from medshape_text.curate.leaks import LeakReport, leak_report
from medshape_text.curate.placement import Member, place
from medshape_text.one_thread import one_thread
from medshape_text.pipeline import DEDUPLICATE, SPLIT, Dropped, Source
from medshape_text.records import SIGNATURE, UNKNOWN_SUBJECT
from medshape_text.work import Batch, Store

_BATCHES_KEPT = 64


@dataclass(frozen=True)
class Collected:
    """What became of the shapes that came through every stage.

    ``splits`` by id, of the shapes that stay; ``flags`` by id are added to those a shape has; ``pairs`` are all
    duplicates found, ``drops`` the shapes that go because of them.
    """

    splits: dict[str, str]
    flags: dict[str, tuple[str, ...]]
    drops: list[Dropped]
    pairs: list[DuplicatePair]
    leaks: LeakReport


def collect(source: Source, light: pa.Table, store: Store, planned: Sequence[Batch]) -> Collected:
    """Find duplicates among the shapes in ``light``, give every other one its split, and look for leaks.

    Args:
        source: whose split rule and declared splits hold.
        light: the light columns and signatures of all finished shapes, in the order of the source.
        store: where their geometry is.
        planned: the batches in the store.
    """
    entries, members = _entries(source, light), _members(source, light)
    with one_thread():
        pairs = find_duplicates(entries, _points(store, planned))
    resolution = resolve_duplicates(entries, pairs)
    placement = place(members, pairs, source.split_rule, resolution.drops)
    drops = [Dropped(shape_id, DEDUPLICATE, drop.reason, drop.detail) for shape_id, drop in resolution.drops.items()]
    drops += [Dropped(shape_id, SPLIT, drop.reason, drop.detail) for shape_id, drop in placement.drops.items()]
    leaks = leak_report(members, pairs, placement, source.split_rule.zero_shot)
    return Collected(placement.splits, resolution.flags, drops, pairs, leaks)


def _entries(source: Source, light: pa.Table) -> list[Entry]:
    names = (
        "id",
        "subject",
        "category",
        "source",
        "input_sha256",
        "content_hash",
        "redistributable",
        "scale",
        "n_faces",
    )
    vectors = light.column(SIGNATURE).combine_chunks().values.to_numpy().reshape(len(light), -1)
    return [
        Entry(
            signature=vector,
            split=source.declared_splits.get(row["id"], ""),
            split_safe=UNKNOWN_SUBJECT not in flags,
            **row,
        )
        for row, flags, vector in zip(
            light.select(names).to_pylist(), light.column("flags").to_pylist(), vectors, strict=True
        )
    ]


def _members(source: Source, light: pa.Table) -> list[Member]:
    return [
        Member(
            row["id"],
            row["subject"],
            row["category"],
            source.declared_splits.get(row["id"], ""),
            UNKNOWN_SUBJECT not in row["flags"],
            row["origin"].startswith("synthetic"),
        )
        for row in light.select(["id", "subject", "category", "flags", "origin"]).to_pylist()
    ]


def _points(store: Store, planned: Sequence[Batch]) -> Samples:
    """Surface samples of a shape, read from its batch; the batches read last are kept."""
    batch_of = {shape_id: batch.key for batch in planned for shape_id in batch.ids}

    @lru_cache(maxsize=_BATCHES_KEPT)
    def read(key: str) -> dict[str, dict[str, bytes]]:
        return {row["id"]: row for row in store.read(key, ["id", "points", "normals"]).to_pylist()}

    def points(shape_id: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return decode_surface(read(batch_of[shape_id])[shape_id])

    return points
