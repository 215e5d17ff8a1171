"""Which shapes are shown, and their pictures; bars as inline SVG.

The policy of the page forbids style attributes, so the widths of bars are drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pyarrow.parquet as pq
from markupsafe import Markup

from medshape_text.codec import CellError, decode_sdf
from medshape_text.report.rows import Columns, parquet_files, readable
from medshape_text.seeds import generator_for
from medshape_text.thumbnail import CORNER, thumbnail

REMOVED = "removed.parquet"
"""``id`` and ``sdf`` of shapes that were dropped as duplicates, so that both of a pair can be shown."""
PER_CATEGORY = 4
MOST = 640
"""Pictures of categories on the page, some 3 kB each; with more categories each of them shows fewer."""
SIZE = 96

Progress = Callable[[str, int, int], None]
Pictures = dict[str, Markup | None]
"""Data URL by id; None for a shape whose SDF is damaged."""


def choose(columns: Columns) -> dict[str, list[str]]:
    """Ids of a few shapes of every category, drawn by its name and in the order of the data set.

    If there are more categories than pictures, the last ones in the alphabet have none.
    """
    of: dict[str, list[str]] = defaultdict(list)
    for shape_id, category in zip(columns["id"], columns["category"], strict=True):
        of[category].append(shape_id)
    each = max(1, min(PER_CATEGORY, MOST // len(of)))
    chosen = {}
    for category in sorted(of)[:MOST]:
        offered = of[category]
        drawn = generator_for(category, "report-pictures").permutation(len(offered))[:each]
        chosen[category] = [offered[index] for index in sorted(drawn.tolist())]
    return chosen


def draw(folder: Path, wanted: Collection[str], progress: Progress) -> Pictures:
    """Pictures of the wanted shapes that are in ``sdf64`` or were removed; one row group is in memory at a time.

    Raises:
        DatasetError: if a file cannot be read.
    """
    left = set(wanted)
    pictures: Pictures = {}
    progress("drawing pictures", 0, len(left))
    removed = folder / REMOVED
    for path in [*parquet_files(folder, "sdf64"), *([removed] if removed.is_file() else [])]:
        if not left:
            break
        with readable(path), pq.ParquetFile(path) as file:
            ids = file.read(columns=["id"]).column("id").to_pylist()
            start = 0
            for group in range(file.metadata.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                hits = [place for place in range(start, start + rows) if ids[place] in left]
                if hits:
                    cells = file.read_row_group(group, columns=["sdf"]).column("sdf")
                    for place in hits:
                        pictures[ids[place]] = _picture(cells[place - start].as_py())
                        left.discard(ids[place])
                    progress("drawing pictures", len(pictures), len(pictures) + len(left))
                start += rows
    return pictures


def _picture(cell: object) -> Markup | None:
    try:
        url = thumbnail(decode_sdf({"sdf": cell}), SIZE, CORNER)
    except CellError:
        return None
    return Markup(url)  # noqa: S704 - base64 that `thumbnail` made


def bar(values: Sequence[float], whole: float, kinds: Sequence[str]) -> Markup:
    """Values beside each other as parts of ``whole``; ``kinds`` are our own classes that colour them."""
    parts, at = [], 0.0
    for value, kind in zip(values, kinds, strict=True):
        width = 100 * value / whole if whole > 0 else 0.0
        if width > 0:
            parts.append(f'<rect class="{kind}" x="{at:.2f}" y="0" width="{width:.2f}" height="1"/>')
        at += width
    text = f'<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'
    return Markup(text)  # noqa: S704 - numbers and our own class names


def split_kinds(count: int) -> list[str]:
    """Classes of the first ``count`` splits."""
    return [f"s{min(index, 4)}" for index in range(count)]
