"""Reading distance fields: ours against one compressed numpy file per shape, at random; streaming; bytes per shape.

The shapes are bumpy blobs with creases, whose cells are about as long as those of real bones. Every way of reading
gives decoded (64, 64, 64) float32 arrays; files lie in the page cache.
"""

from __future__ import annotations

import time
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_set

from medshape_text import codec, decode_sdf, records, shards
from medshape_text.frame import voxel_centres

SHAPES, DIFFERENT = 1000, 40
TABLE = f"{SHAPES:,} random SDFs"


def blob(seed: int) -> np.ndarray:
    """Truncated distance to a union of bumpy ellipsoids, first-order exact."""
    rng = np.random.default_rng(seed)
    grid = voxel_centres().reshape(64, 64, 64, 3).astype(np.float32)
    found = np.full((64, 64, 64), np.inf, dtype=np.float32)
    for _ in range(4):
        radii = rng.uniform(0.15, 0.55, 3).astype(np.float32)
        offset = grid - rng.uniform(-0.3, 0.3, 3).astype(np.float32)
        scaled = np.linalg.norm(offset / radii, axis=-1)
        slope = np.linalg.norm(offset / radii**2, axis=-1) + 1e-6
        bumps = 0.02 * np.sin(grid @ rng.uniform(-25, 25, 3).astype(np.float32))
        found = np.minimum(found, scaled * (scaled - 1) / slope + bumps)
    return found.clip(-0.2, 0.2)


@pytest.fixture(scope="module")
def fields() -> list[np.ndarray]:
    return [blob(seed) for seed in range(DIFFERENT)]


@pytest.fixture(scope="module")
def folder(fields, tmp_path_factory) -> Path:
    """The configuration sdf64 as it is published, and the same fields one by one."""
    out = tmp_path_factory.mktemp("storage") / "set"
    (out / "npz").mkdir(parents=True)
    cells = [codec.encode_sdf(field) for field in fields]
    row = small_set.row("a", "bones", "train")

    def tables():
        schema = records.arrow_schema("sdf64")
        for start in range(0, SHAPES, 50):
            rows = [row | {"id": f"{n:06d}", "sdf": cells[n % DIFFERENT]} for n in range(start, start + 50)]
            yield pa.Table.from_pylist([{name: r[name] for name in schema.names} for r in rows], schema=schema)

    shards.write_config(out, "sdf64", {"train": SHAPES}, tables())
    data = "  data_files:\n  - split: train\n    path: sdf64/train-*.parquet"
    (out / "README.md").write_text(f"---\nconfigs:\n- config_name: sdf64\n{data}\n---\n")
    for number in range(SHAPES):
        np.savez_compressed(out / "npz" / f"{number}.npz", sdf=fields[number % DIFFERENT])
    return out


@pytest.fixture(scope="module")
def order() -> list[int]:
    return np.random.default_rng(0).permutation(SHAPES).tolist()


def best(read, rounds: int = 3) -> float:
    read()  # compiles, and fills the page cache
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        assert read() == SHAPES
        seconds.append(time.perf_counter() - began)
    return min(seconds)


@pytest.fixture(scope="module")
def loaded(folder, tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))
    return datasets.load_dataset(str(folder), "sdf64", split="train", cache_dir=cache)


def test_random_access(folder, loaded, fields, order, note_time):
    def numpy_files():
        count = 0
        for number in order:
            with np.load(folder / "npz" / f"{number}.npz") as file:
                count += file["sdf"].shape == (64, 64, 64)
        return count

    only = loaded.select_columns(["sdf"])
    file = pq.ParquetFile(next((folder / "sdf64").iterdir()), memory_map=True)

    def row_groups():
        size = shards.ROWS_PER_GROUP["sdf64"]
        return sum(
            decode_sdf({"sdf": file.read_row_group(n // size, ["sdf"]).column(0)[n % size].as_py()}).ndim == 3
            for n in order
        )

    note_time(TABLE, "ours", best(lambda: sum(decode_sdf(only[n]).ndim == 3 for n in order)), "datasets, column sdf")
    note_time(TABLE, "ours, whole rows", best(lambda: sum(decode_sdf(loaded[n]).ndim == 3 for n in order)), "datasets")
    note_time(TABLE, "ours, Parquet row groups", best(row_groups), "no copy in Arrow form")
    note_time(TABLE, "one .npz per shape", best(numpy_files), "np.savez_compressed, float32")
    for number in (0, 17, SHAPES - 1):
        assert np.abs(decode_sdf(only[number]) - fields[number % DIFFERENT]).max() * 32 <= 0.0101


def test_streaming(folder, note_time):
    streamed = datasets.load_dataset(str(folder), "sdf64", split="train", streaming=True)
    seconds = best(lambda: sum(decode_sdf(row).ndim == 3 for row in streamed))
    note_time("streaming and decoding", "ours", seconds, f"{SHAPES / seconds:,.0f} shapes/s on one core")


def test_bytes(folder, note_time):
    ours = sum(path.stat().st_size for path in (folder / "sdf64").iterdir()) / SHAPES
    theirs = sum(path.stat().st_size for path in (folder / "npz").iterdir()) / SHAPES
    note_time("kB per shape (as ms)", "ours", ours / 1e6, "configuration sdf64 with its light columns")
    note_time("kB per shape (as ms)", "one .npz per shape", theirs / 1e6)
    assert ours < 40_000
