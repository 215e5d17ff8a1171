"""Writing and loading: the same bytes however rows come in, ours and the plain loader, errors that say what to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_set

import medshape_text
from medshape_text import manifest, shards
from medshape_text.records import CONFIGS, HEAVY_COLUMNS, arrow_schema, features

COUNTS = {"train": 6, "validation": 2, "test": 2, "zero_shot": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with all four splits."""
    return small_set.write(tmp_path_factory.mktemp("data") / "small", small_set.rows(), rows_per_shard=4)


def test_plain_load_dataset_finds_every_configuration_and_split(folder: Path) -> None:
    assert sorted(datasets.get_dataset_config_names(str(folder))) == sorted(CONFIGS)
    light = set(features("shapes"))
    for config in CONFIGS:
        loaded = datasets.load_dataset(str(folder), config)
        assert {split: len(rows) for split, rows in loaded.items()} == COUNTS
        assert set(loaded["test"].column_names) == light | set(HEAVY_COLUMNS[config])
        assert loaded["test"].features == features(config)


def test_rows_come_back_as_they_were_written(folder: Path) -> None:
    written = {row["id"]: row for row in small_set.rows()}
    for config in CONFIGS:
        for split, count in COUNTS.items():
            rows = list(medshape_text.load(folder, config, split))
            assert len(rows) == count
            for row in rows:
                assert row == {name: written[row["id"]][name] for name in arrow_schema(config).names}
    row = medshape_text.load(folder, "sdf64", "test")[0]
    radius = 0.5 + 0.05 * int(row["id"].rsplit("-", 1)[1])
    assert np.abs(medshape_text.decode_sdf(row) - small_set.ball(radius)).max() * 32 < 0.0101


def test_only_splits_with_rows_are_listed(tmp_path: Path) -> None:
    rows = [row for row in small_set.rows() if row["split"] in ("train", "test")]
    folder = small_set.write(tmp_path / "two", rows)
    assert sorted(datasets.get_dataset_split_names(str(folder), "sdf64")) == ["test", "train"]
    with pytest.raises(medshape_text.DatasetError, match="unknown split 'validation'; there are train, test"):
        medshape_text.load(folder, split="validation")


def test_streaming_gives_the_same_rows(folder: Path) -> None:
    for config in ("sdf64", "mesh"):
        stored = medshape_text.load(folder, config, "train")
        streamed = medshape_text.load(folder, config, "train", streaming=True)
        assert isinstance(streamed, datasets.IterableDataset)
        assert list(streamed) == list(stored)
    row = next(iter(datasets.load_dataset(str(folder), "sdf64", split="zero_shot", streaming=True)))
    assert medshape_text.decode_sdf(row).shape == (64, 64, 64)


def test_some_columns(folder: Path) -> None:
    for streaming in (False, True):
        rows = medshape_text.load(folder, "sdf64", "test", streaming=streaming, columns=["id", "sdf"])
        assert [sorted(row) for row in rows] == [["id", "sdf"]] * 2
    with pytest.raises(medshape_text.DatasetError, match="Did you mean 'category'"):
        medshape_text.load(folder, "sdf64", columns=["categry"])


def test_meshes_with_and_without_the_mesh_feature(folder: Path) -> None:
    written = {row["id"]: row["mesh"] for row in small_set.rows()}
    row = datasets.load_dataset(str(folder), "mesh", split="test")[0]
    assert row["mesh"].is_watertight
    assert len(row["mesh"].faces) == row["n_faces"]
    path = next((folder / "mesh").glob("test-*"))
    for read in (
        pq.read_table(path).to_pylist(),
        pd.read_parquet(path).to_dict("records"),
    ):  # they know no such feature
        assert [row["mesh"] for row in read] == [written[row["id"]] for row in read]
    plain = features("mesh") | {"mesh": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}}
    older = datasets.load_dataset(str(folder), "mesh", split="test", features=datasets.Features(plain))
    assert [row["mesh"] for row in older] == [written[row["id"]] for row in older]


def test_a_version_without_the_mesh_feature_writes_a_plain_struct(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(datasets, "Mesh")
    row = small_set.row("a", "bones", "test")
    shards.write_config(tmp_path, "mesh", {"test": 1}, [small_set.table([row], "mesh")])
    path = tmp_path / "mesh" / "test-00000-of-00001.parquet"
    assert b'"Mesh"' not in pq.read_schema(path).metadata[b"huggingface"]
    assert pq.read_table(path).to_pylist()[0]["mesh"] == row["mesh"]


def test_a_data_set_that_was_rebuilt_is_not_read_from_a_stale_copy(tmp_path: Path) -> None:
    for first in ("bones", "hearts"):
        folder = tmp_path / "set"
        shutil.rmtree(folder, ignore_errors=True)
        small_set.write(folder, small_set.rows((first,)))
        for rows in (datasets.load_dataset(str(folder), "sdf64", split="test"), medshape_text.load(folder)):
            assert [row["id"] for row in rows] == [f"{first}-2"]


@pytest.mark.parametrize("config", CONFIGS)
def test_the_same_bytes_however_rows_come_in(config: str, tmp_path: Path) -> None:
    rows = small_set.rows(("bones", "hearts"), 7)
    totals = Counter(row["split"] for row in rows)

    def write(name: str, sizes: list[int]) -> dict[str, bytes]:
        whole, tables, start = small_set.table(rows, config), [], 0
        for size in sizes:
            tables.append(whole.slice(start, size))
            start += size
        assert start == len(rows)
        (tmp_path / name).mkdir()
        written = shards.write_config(tmp_path / name, config, totals, iter(tables), 3)
        return {shard.path: (tmp_path / name / shard.path).read_bytes() for shard in written}

    expected = write("whole", [14])
    assert write("single", [1] * 14) == expected
    assert write("parts", [5, 0, 4, 5]) == expected
    assert sorted(name for name in expected if "train" in name) == [
        f"{config}/train-{number:05d}-of-00003.parquet" for number in range(3)
    ]


def test_shards_and_row_groups_keep_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_GROUP", dict.fromkeys(CONFIGS, 2))
    rows = [small_set.row(f"{number:02d}", "bones", "train") for number in range(12)]
    found = shards.write_config(tmp_path, "shapes", {"train": 12, "test": 0}, [small_set.table(rows, "shapes")], 5)
    assert [(shard.path, shard.rows) for shard in found] == [
        (f"shapes/train-{number:05d}-of-00003.parquet", size) for number, size in enumerate((5, 5, 2))
    ]
    files = [pq.ParquetFile(tmp_path / shard.path) for shard in found]
    assert [[file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)] for file in files] == [
        [2, 2, 1], [2, 2, 1], [2],
    ]  # fmt: skip
    assert [row["id"] for file in files for row in file.read(["id"]).to_pylist()] == [f"{n:02d}" for n in range(12)]


def test_columns_are_stored_as_declared(folder: Path) -> None:
    """Cells compressed by us are not compressed again, text has a dictionary, and large bytes no statistics."""
    for config in CONFIGS:
        group = pq.ParquetFile(next((folder / config).glob("train-*"))).metadata.row_group(0)
        columns = {group.column(place).path_in_schema: group.column(place) for place in range(group.num_columns)}
        for name, column in columns.items():
            heavy = name.split(".")[0] in HEAVY_COLUMNS[config]
            assert column.compression == ("UNCOMPRESSED" if name in ("sdf", "points", "normals") else "ZSTD"), name
            assert column.is_stats_set == (not heavy), name
            dictionary = not heavy and column.physical_type != "BOOLEAN"
            assert ("RLE_DICTIONARY" in column.encodings) == dictionary, name


@pytest.mark.parametrize(
    ("totals", "message"),
    [({"train": 2}, "2 were announced"), ({"test": 1, "train": 3}, "1 were announced"), ({"test": 3}, "to be empty")],
)
def test_rows_that_do_not_add_up_are_noticed(tmp_path: Path, totals: dict[str, int], message: str) -> None:
    rows = [small_set.row(f"{number}", "bones", "train") for number in range(3)]
    with pytest.raises(ValueError, match=message):
        shards.write_config(tmp_path, "shapes", totals, [small_set.table(rows, "shapes")])


def test_one_row_group_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """3,000 rows of 100 kB, made as they are asked for, never take more than a few row groups."""
    heavy = small_set.row("a", "bones", "train") | {"sdf": bytes(100_000)}
    one = small_set.table([heavy], "sdf64")
    most = 0

    def rows() -> Any:
        nonlocal most
        for _ in range(3000):
            most = max(most, pa.total_allocated_bytes())
            yield pa.Table.from_batches([one.to_batches()[0]])

    before = pa.total_allocated_bytes()
    shards.write_config(tmp_path, "sdf64", {"train": 3000}, rows())
    assert most - before < 40 * 2**20


@pytest.fixture
def tiny(folder: Path, tmp_path: Path) -> Path:
    """A copy of the smallest part of the data set, to be spoilt."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("README.md", "manifest.json"):
        shutil.copy(folder / name, copy / name)
    return copy


def test_another_schema_version_is_refused_with_what_to_do(tiny: Path) -> None:
    found = json.loads((tiny / "manifest.json").read_text()) | {"schema_version": "99"}
    (tiny / "manifest.json").write_text(json.dumps(found))
    reads = manifest.SCHEMA_VERSION
    with pytest.raises(medshape_text.DatasetError, match=rf"version '99'.*reads '{reads}'.*medshape-build"):
        medshape_text.load(tiny)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "mini"}', "\x00"])
def test_a_damaged_manifest_is_refused(tiny: Path, text: str) -> None:
    (tiny / "manifest.json").write_text(text)
    with pytest.raises(medshape_text.DatasetError, match="damaged"):
        medshape_text.load(tiny)


def test_missing_things_are_named(tiny: Path, tmp_path: Path) -> None:
    (tiny / "manifest.json").unlink()
    with pytest.raises(medshape_text.DatasetError, match="not a finished data set"):
        medshape_text.load(tiny)
    for missing in (tmp_path / "absent", str(tmp_path / "absent"), "./absent", "absent"):
        with pytest.raises(medshape_text.DatasetError, match="there is no folder"):
            medshape_text.load(missing)


def test_wrong_names_get_a_suggestion(folder: Path) -> None:
    with pytest.raises(medshape_text.DatasetError, match="Did you mean 'sdf64'"):
        medshape_text.load(folder, "sdf46")
    with pytest.raises(medshape_text.DatasetError, match="Did you mean 'test'"):
        medshape_text.load(folder, split="tests")
    with pytest.raises(medshape_text.DatasetError, match="Did you mean 'zero_shot'"):
        medshape_text.load("org/name", split="zeroshot")


def test_import_is_light() -> None:
    heavy = ("torch", "datasets", "igl", "scipy", "numba", "huggingface_hub")
    program = f"import sys, medshape_text; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
