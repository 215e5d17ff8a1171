"""The data-set card: YAML that ``datasets`` reads, and the page that people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medshape_text.pipeline import Source, StageCount
from medshape_text.records import CONFIGS, SPLITS

Rows = Sequence[Mapping[str, Any]]


def render(source: Source, rows: Rows, counts: Sequence[StageCount], splits: Sequence[str]) -> str:
    """README.md of a data set with the given light rows; ``splits`` are those that have rows."""
    sections = [
        _front_matter(rows, splits),
        source.card().strip(),
        "## Shapes\n\n" + _shape_table(rows),
        "## Sizes of the real shapes\n\nMean and standard deviation over subjects, measured on the meshes.\n\n"
        + _size_table(rows),
        "## Licences\n\n" + _licence_table(rows),
        "## What every stage kept\n\n" + _stage_table(counts),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(rows: Rows, splits: Sequence[str]) -> str:
    licences = sorted({str(row["licence"]).lower() for row in rows})
    lines = ["---", "license:", *(f"- {licence}" for licence in licences), "language:", "- en", "tags:"]
    lines += ["- medical", "- 3d", "- shape", "- signed-distance-function", f"size_categories:\n- {_size(len(rows))}"]
    lines.append("configs:")
    for config in CONFIGS:
        lines.append(f"- config_name: {config}")
        if config == "shapes":
            lines.append("  default: true")
        lines.append("  data_files:")
        for split in splits:
            lines += [f"  - split: {split}", f"    path: {config}/{split}-*.parquet"]
    return "\n".join([*lines, "---"])


def _size(count: int) -> str:
    return "n<1K" if count < 1000 else "1K<n<10K" if count < 10_000 else "10K<n<100K"


def _shape_table(rows: Rows) -> str:
    number = Counter((row["category"], row["origin"], row["split"]) for row in rows)
    kinds = sorted({(category, origin) for category, origin, _ in number})
    body = [
        [category, origin, *(str(number[category, origin, split]) for split in SPLITS)] for category, origin in kinds
    ]
    total = Counter(row["split"] for row in rows)
    body.append(["**all**", "", *(str(total[split]) for split in SPLITS)])
    return _table(["category", "origin", *SPLITS], body)


def _size_table(rows: Rows) -> str:
    body = []
    for category in sorted({row["category"] for row in rows}):
        real = [row for row in rows if row["category"] == category and row["volume_mm3"] is not None]
        if real:
            volume = [row["volume_mm3"] / 1000 for row in real]
            longest = [max(row["extent_mm"]) for row in real]
            body.append([category, str(len(real)), _spread(volume), _spread(longest)])
    return _table(["category", "shapes", "volume, cm3", "longest side, mm"], body)


def _spread(values: Sequence[float]) -> str:
    deviation = f" ± {np.std(values, ddof=1):.0f}" if len(values) > 1 else ""
    return f"{np.mean(values):.0f}{deviation}"


def _licence_table(rows: Rows) -> str:
    number = Counter((row["source"], row["licence"], row["origin"]) for row in rows)
    return _table(["source", "licence", "origin", "shapes"], [[*kind, str(n)] for kind, n in sorted(number.items())])


def _stage_table(counts: Sequence[StageCount]) -> str:
    body = []
    for count in counts:
        dropped = ", ".join(f"{reason}: {number}" for reason, number in count.dropped.items()) or "none"
        body.append([count.stage, str(count.n_in), str(count.n_out), dropped])
    return _table(["stage", "in", "out", "dropped"], body)


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
