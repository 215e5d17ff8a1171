"""How far two sets of run folders agree: predictions voxel by voxel, rows by their values.

``python recipes/compare_runs.py OLD NEW``: both hold run folders of the same names, made by two versions of the toolkit
with the same arguments.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np


def rows(run: Path) -> dict[tuple[str, str, str], float | None]:
    """(case, category, signature) -> value."""
    lines = (run / "cases.jsonl").read_text().splitlines()
    found = map(json.loads, lines)
    return {(row.get("case", row.get("group")), row["category"], str(row["signature"])): row["value"] for row in found}


def predictions(run: Path) -> dict[str, np.ndarray]:
    """File and part -> array."""
    found = {}
    for path in sorted((run / "predictions").iterdir()):
        with np.load(path, allow_pickle=False) as arrays:
            found |= {f"{path.name}/{name}": arrays[name] for name in arrays.files}
    return found


def main() -> None:
    """Print a line per run folder."""
    old, new = (Path(argument) for argument in sys.argv[1:3])
    for run in sorted(path.parent for path in new.glob("*/cases.jsonl")):
        before, after = predictions(old / run.name), predictions(run)
        told, tell = rows(old / run.name), rows(run)
        pairs = list(zip(before.values(), after.values(), strict=True))
        equal = sum(np.array_equal(one, other) for one, other in pairs)
        largest = max(float(np.abs(one.astype(float) - other.astype(float)).max()) for one, other in pairs)
        dice = [tell[key] - told[key] for key in tell if key[2].startswith("dice") and told.get(key) is not None]
        print(
            f"{run.name:28s} predictions equal {equal}/{len(pairs)}, largest difference {largest:.2g}; "
            f"rows {'equal' if told == tell else 'differ'}, mean Dice change {np.mean(dice):+.7f}"
        )


if __name__ == "__main__":
    main()
