"""Loading: ours and the plain ``datasets.load_dataset``, streaming, and errors that say what to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

import medshape_text
from medshape_text.records import CONFIGS, HEAVY_COLUMNS, features


def test_plain_load_dataset_finds_every_configuration_and_split(mini_dir: Path) -> None:
    assert sorted(datasets.get_dataset_config_names(str(mini_dir))) == sorted(CONFIGS)
    light = set(features("shapes"))
    for config in CONFIGS:
        loaded = datasets.load_dataset(str(mini_dir), config)
        assert {split: len(rows) for split, rows in loaded.items()} == {"train": 168, "validation": 14, "test": 42}
        assert set(loaded["test"].column_names) == light | set(HEAVY_COLUMNS[config])
        assert loaded["test"].features == features(config)


def test_streaming_gives_the_same_rows(mini_dir: Path) -> None:
    for config in ("sdf64", "mesh"):
        stored = medshape_text.load(mini_dir, config, "validation")
        streamed = medshape_text.load(mini_dir, config, "validation", streaming=True)
        assert isinstance(streamed, datasets.IterableDataset)
        assert list(streamed) == list(stored)
    row = next(iter(datasets.load_dataset(str(mini_dir), "sdf64", split="test", streaming=True)))
    assert medshape_text.decode_sdf(row).shape == (64, 64, 64)


def test_plain_load_dataset_decodes_meshes(mini_dir: Path) -> None:
    row = datasets.load_dataset(str(mini_dir), "mesh", split="test")[0]
    assert row["mesh"].is_watertight
    assert len(row["mesh"].faces) == row["n_faces"]


@pytest.fixture
def tiny(mini_dir: Path, tmp_path: Path) -> Path:
    """A copy of the smallest part of the data set, to be spoilt."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for name in ("README.md", "manifest.json"):
        shutil.copy(mini_dir / name, folder / name)
    return folder


def test_another_schema_version_is_refused_with_what_to_do(tiny: Path) -> None:
    manifest = json.loads((tiny / "manifest.json").read_text()) | {"schema_version": "99"}
    (tiny / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(medshape_text.DatasetError, match=r"version '99'.*reads '1'.*medshape-build"):
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


def test_wrong_names_get_a_suggestion(mini_dir: Path) -> None:
    with pytest.raises(medshape_text.DatasetError, match="Did you mean 'sdf64'"):
        medshape_text.load(mini_dir, "sdf46")
    with pytest.raises(medshape_text.DatasetError, match="Did you mean 'test'"):
        medshape_text.load(mini_dir, split="tests")


def test_import_is_light() -> None:
    program = "import sys, medshape_text; print([m for m in ('torch', 'datasets', 'igl', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
