"""Shares of a search, merged, are the search; what does not belong together is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from golden_sets import golden_sets

from benchmark.metrics.generation import generation_scores
from benchmark.metrics.generation.shards import ShardError, load_shard, merge_shards, save_shard, score_shard

SETS = golden_sets()
GENERATED, REFERENCE = SETS["duplicates/generated"], SETS["duplicates/reference"]


def shards(count, generated=GENERATED, reference=REFERENCE, **options):
    return [score_shard(generated, reference, index, count, **options) for index in range(count)]


def assert_same(merged, whole):
    for field in dataclasses.fields(whole):
        if field.name != "work":
            np.testing.assert_array_equal(getattr(merged, field.name), getattr(whole, field.name), err_msg=field.name)


@pytest.mark.parametrize("count", [1, 2, 5, 40])
@pytest.mark.parametrize("search", ["pruned", "exhaustive"])
def test_merged_shards_equal_one_process(count, search, tmp_path):
    generated = [None, *GENERATED]
    for shard in reversed(shards(count, generated, search=search)):
        save_shard(shard, tmp_path / f"{shard.index}.npz")
    merged = merge_shards([load_shard(path) for path in tmp_path.iterdir()])
    assert_same(merged, generation_scores(generated, REFERENCE))


def test_shards_of_failures_only():
    merged = merge_shards(shards(2, [None, None]))
    assert_same(merged, generation_scores([None, None], REFERENCE))


def test_what_does_not_belong_together_is_refused():
    ours = shards(3)
    with pytest.raises(ShardError, match=r"expected shards 0 to 2, each once, got \[0, 2\]"):
        merge_shards([ours[0], ours[2]])
    with pytest.raises(ShardError, match=r"got \[0, 1, 1\]"):
        merge_shards([ours[0], ours[1], ours[1]])
    with pytest.raises(ShardError, match="different sets"):
        merge_shards([ours[0], ours[1], score_shard(GENERATED[:-1], REFERENCE, 2, 3)])
    with pytest.raises(ShardError, match="different sets, conventions or numbers"):
        merge_shards([*ours[:2], score_shard(GENERATED, REFERENCE, 2, 4)])
    with pytest.raises(ShardError, match="no shards"):
        merge_shards([])
    with pytest.raises(ValueError, match="shard 3 of 3"):
        score_shard(GENERATED, REFERENCE, 3, 3)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x80\x04N."])
def test_a_file_that_is_no_shard_is_named(content, tmp_path):
    path = tmp_path / "shard.npz"
    path.write_bytes(content)
    with pytest.raises(ShardError, match=r"shard\.npz"):
        load_shard(path)


def test_pickles_are_refused(tmp_path):
    path = tmp_path / "shard.npz"
    np.savez(path, facts=np.array([{"format": "genmed-bench-shard-1"}], dtype=object))
    with pytest.raises(ShardError, match="cannot be read"):
        load_shard(path)


def test_one_changed_coordinate_is_noticed():
    changed = REFERENCE.copy()
    changed[3, 7, 1] = np.nextafter(changed[3, 7, 1], np.float32(9))
    first, second = score_shard(GENERATED, REFERENCE, 0, 2), score_shard(GENERATED, changed, 1, 2)
    with pytest.raises(ShardError, match="different sets"):
        merge_shards([first, second])
