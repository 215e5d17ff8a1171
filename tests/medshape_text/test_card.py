"""The card counts what the rows hold, its YAML is what the Hub reads, and its figures are the same bytes each time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import small_set
import yaml

from medshape_text import DatasetError, card

ABOUT = card.About("small", "# small\n\nBalls.", {"hearts": "Doe et al., *Hearts*, 2020."},
                   {"pairs": 3, "by kind": {"mirrored": 1, "re-meshed": 2}}, {"subjects in two splits": 0})  # fmt: skip


@dataclass(frozen=True)
class Count:
    stage: str
    n_in: int
    n_out: int
    dropped: dict[str, int]


COUNTS = (Count("read", 30, 26, {"html": 3, "truncated": 1}), Count("inspect", 26, 26, {}))


def section(page: str, title: str) -> list[list[str]]:
    """Cells of the table in a section."""
    text = page.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1]] for line in lines]


@pytest.fixture(scope="module")
def page() -> str:
    rows = small_set.rows(("bones", "hearts", "teeth", "livers"))
    return card.render(ABOUT, small_set.table(rows, "shapes"), COUNTS)


def test_front_matter_is_what_the_hub_reads(page: str) -> None:
    front = yaml.safe_load(page.split("---\n")[1])
    assert front["license"] == ["cc-by-4.0", "cc-by-nc-nd-4.0", "mpl-2.0", "other"]
    assert front["pretty_name"] == "small"
    assert front["size_categories"] == ["n<1K"]
    assert [config["config_name"] for config in front["configs"]] == ["shapes", "sdf64", "surface", "mesh"]
    for config in front["configs"]:
        assert [part["split"] for part in config["data_files"]] == ["train", "validation", "test", "zero_shot"]
        assert {part["path"] for part in config["data_files"]} == {
            f"{config['config_name']}/{part['split']}-*.parquet" for part in config["data_files"]
        }


def test_counts_by_category_origin_and_split(page: str) -> None:
    table = section(page, "Shapes")
    assert table[0] == ["category", "origin", "train", "validation", "test", "zero_shot"]
    assert ["heart", "real_subject", "3", "1", "1", "1"] in table
    assert table[-1] == ["**all**", "", "12", "4", "4", "4"]


def test_sizes_licences_quality_and_funnel(page: str) -> None:
    sizes = {row[0]: row[1:] for row in section(page, "Sizes of the real shapes")}
    assert sizes["bone"] == ["6", "3 ± 9.35e-05", "30 ± 0"]
    licences = {row[0]: row for row in section(page, "Licences")}
    assert licences["hearts"][1] == "[CC-BY-4.0](https://creativecommons.org/licenses/by/4.0/)"
    assert licences["hearts"][3:] == ["6", "name the source", "yes"]
    assert licences["livers"][1] == "not stated"
    assert licences["livers"][-1].startswith("no: ")
    assert licences["teeth"][-1].startswith("no: ")
    quality = section(page, "Quality")
    assert ["flat-cap", "4"] in quality
    assert ["merged-vertices", "24", "168"] in quality
    assert section(page, "Captions")[-1] == ["measured", "24"]
    assert section(page, "What every stage kept")[2:] == [
        ["read", "30", "26", "html: 3, truncated: 1"], ["inspect", "26", "26", "none"],
    ]  # fmt: skip
    assert ["duplicates", "by kind", "mirrored: 1, re-meshed: 2"] in section(page, "Duplicates and leaks")
    assert "**hearts.** Doe et al., *Hearts*, 2020." in page


def test_without_physical_sizes_there_is_no_table_of_them(tmp_path: Path) -> None:
    rows = [row | {"volume_mm3": None, "extent_mm": None} for row in small_set.rows(("bones",))]
    table = small_set.table(rows, "shapes")
    assert "Sizes of the real shapes" not in card.render(ABOUT, table, [])
    card.write(tmp_path, ABOUT, table, [])
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["categories.svg"]


def test_sizes_are_of_real_shapes_and_their_median_is_one(tmp_path: Path) -> None:
    rows = [row | {"volume_mm3": volume} for row, volume in
            zip(small_set.rows(("bones",), 4), (1e3, 1e5, 1e4, 1e5), strict=True)]  # fmt: skip
    rows[2]["origin"], rows[3]["origin"] = "mirrored", "template"
    table = small_set.table(rows, "shapes")
    assert section(card.render(ABOUT, table, []), "Sizes of the real shapes")[2][:2] == ["bone", "2"]
    card.write(tmp_path, ABOUT, table, [])
    drawn = ET.parse(tmp_path / "figures" / "volumes.svg").getroot()  # noqa: S314 (our own file)
    lines = [line for line in drawn.iter("{http://www.w3.org/2000/svg}line") if line.get("stroke-width")]
    (circle,) = drawn.iter("{http://www.w3.org/2000/svg}circle")
    left, right = float(lines[0].get("x1", "")), float(lines[0].get("x2", ""))
    # 1 and 100 cm³: the median is 50.5, on a logarithmic axis 0.8516 of the way
    assert (float(circle.get("cx", "")) - left) / (right - left) == pytest.approx(0.8516, abs=1e-3)


def test_a_card_has_a_title_and_says_how_to_cite_the_data_set(page: str) -> None:
    assert "**This data set.** genmed-bench maintainers, *small*, version 1.0.0, 2026, https://arxiv.org" in page
    assert page.count("# small\n") == 1
    table = small_set.table(small_set.rows(), "shapes")
    assert "---\n\n# small\n\nBalls." in card.render(replace(ABOUT, text="Balls."), table, [])


def test_figures_are_pictures_that_are_shown_and_never_change(tmp_path: Path) -> None:
    table = small_set.table(small_set.rows(), "shapes")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        card.write(tmp_path / name, ABOUT, table.take(list(range(len(table)))), COUNTS)
    text = (tmp_path / "one" / "README.md").read_text()
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert sorted(shown) == ["figures/categories.svg", "figures/volumes.svg"]
    for name in (*shown, "README.md", "card.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    bars = ET.parse(tmp_path / "one" / shown[0]).getroot()  # noqa: S314 (our own file)
    words = [element.text for element in bars.iter("{http://www.w3.org/2000/svg}text")]
    assert {"bone", "heart", "6", "real_subject"} <= set(words)


def test_names_cannot_break_out_of_tables_or_figures(tmp_path: Path) -> None:
    evil = "a|b\\|c<script>\n# c"
    rows = [row | {"category": evil, "licence": evil, "flags": [evil]} for row in small_set.rows(("bones",), 2)]
    table = small_set.table(rows, "shapes")
    page = card.render(replace(ABOUT, name='"\n- x'), table, [])
    assert "<script>" not in page
    assert "\n# c" not in page
    assert yaml.safe_load(page.split("---\n")[1])["pretty_name"] == '"\n- x'
    assert all(len(row) == 3 for row in section(page, "Shapes"))
    card.write(tmp_path, ABOUT, table, [])
    for path in (tmp_path / "figures").iterdir():
        ET.parse(path)  # noqa: S314 (our own file)


def test_what_the_card_was_made_of_is_kept(tmp_path: Path) -> None:
    table = small_set.table(small_set.rows(), "shapes")
    card.write(tmp_path, ABOUT, table, COUNTS)
    assert card.read_about(tmp_path) == ABOUT
    (tmp_path / "card.json").write_text('{"nobody": 1}')
    with pytest.raises(DatasetError, match="damaged"):
        card.read_about(tmp_path)


def test_the_version_follows_the_rows() -> None:
    def version(rows: list[dict[str, object]]) -> str:
        return yaml.safe_load(card.render(ABOUT, small_set.table(rows, "shapes"), []).split("---\n")[1])["configs"][0][
            "version"
        ]

    rows = small_set.rows()
    assert version(rows) == version(small_set.rows())
    assert re.fullmatch(r"0\.0\.\d+", version(rows))
    assert version(rows) != version([rows[0] | {"content_hash": "x"}, *rows[1:]])
