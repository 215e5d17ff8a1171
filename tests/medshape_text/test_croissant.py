"""The Croissant description: what the specification asks for, what the files are, and what its own reader says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import small_set

from medshape_text import card, croissant
from medshape_text.records import CONFIGS, arrow_schema


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_set.write(tmp_path_factory.mktemp("croissant") / "small", small_set.rows(), rows_per_shard=4)


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "croissant.json").read_text())


def test_required_fields_of_the_specification(found: dict[str, Any]) -> None:
    """Croissant 1.0, "Dataset-level information", "Resources", "RecordSet" and "Field": what is required."""
    assert found["@context"]["@vocab"] == "https://schema.org/"
    assert found["@context"]["cr"] == "http://mlcommons.org/croissant/"
    assert found["@type"] == "sc:Dataset"
    assert found["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    for name in ("name", "description", "license", "url", "creator", "datePublished", "citeAs", "version"):
        assert found[name], name
    assert found["license"] == [
        "https://creativecommons.org/licenses/by/4.0/", "https://www.mozilla.org/MPL/2.0/",
    ]  # fmt: skip
    assert found["description"] == "Balls of several sizes."
    assert "Hearts" in found["citeAs"]
    identities = []
    for resource in found["distribution"]:
        identities.append(resource["@id"])
        assert resource["name"]
        assert resource["encodingFormat"]
        needed = ("contentUrl", "sha256") if resource["@type"] == "cr:FileObject" else ("includes",)
        assert all(resource[name] for name in needed)

    def fields(items: list[dict[str, Any]]) -> None:
        for item in items:
            identities.append(item["@id"])
            assert item["@type"] == "cr:Field"
            assert item["name"]
            assert ("dataType" in item) != ("subField" in item)
            fields(item.get("subField", []))

    for records in found["recordSet"]:
        identities.append(records["@id"])
        assert records["@type"] == "cr:RecordSet"
        fields(records["field"])
    assert len(identities) == len(set(identities))


def test_the_summary_is_a_paragraph_and_each_source_with_rows_is_cited_once(folder: Path, tmp_path: Path) -> None:
    about = card.About("x", "# x\n\n- a list\n\nOne sentence,\non two lines.\n\nMore.",
                       {"bones": "Doe 2020", "hearts": "Doe 2020", "livers": "Roe 2021"})  # fmt: skip
    croissant.write(tmp_path, about, small_set.table(small_set.rows(), "shapes"))
    written = json.loads((tmp_path / "croissant.json").read_text())
    assert written["description"] == "One sentence, on two lines."
    assert written["citeAs"] == f"genmed-bench maintainers, x, {about.url}; Doe 2020"


def test_files_and_columns_are_those_there_are(found: dict[str, Any], folder: Path) -> None:
    files = {item["contentUrl"]: item["sha256"] for item in found["distribution"] if item["@type"] == "cr:FileObject"}
    assert files == {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for config in CONFIGS
        for path in (folder / config).glob("*.parquet")
    }
    columns = {
        records["@id"]: [field["source"]["extract"]["column"] for field in records["field"]]
        for records in found["recordSet"]
    }
    assert columns == {config: arrow_schema(config).names for config in CONFIGS}


def test_the_reference_reader_finds_no_fault_and_reads_the_rows(folder: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    dataset = mlcroissant.Dataset(str(folder / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    written = {row["id"]: row for row in small_set.rows()}
    for config, column in (("sdf64", "sdf"), ("surface", "points")):
        read = {row[f"{config}/id"].decode(): row[f"{config}/{column}"] for row in dataset.records(config)}
        assert read == {identity: row[column] for identity, row in written.items()}
