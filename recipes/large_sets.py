"""Time and memory of ``generation_scores`` at any size: ``python recipes/large_sets.py 10000 4.3e9``."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "perf"))

from shape_sets import one_class

from benchmark.metrics import generation_scores


def main() -> None:
    """Score synthetic chairs of 2048 points against others."""
    count, max_bytes = int(sys.argv[1]), int(float(sys.argv[2]))
    generated, reference = one_class(count, 0), one_class(count, 1)
    generation_scores(generated[:60], reference[:60], search="pruned")  # compiles
    before, start = _peak(), time.perf_counter()
    scores = generation_scores(generated, reference, max_bytes=max_bytes)
    print(f"{count} x {count}: {time.perf_counter() - start:.0f} s, {(_peak() - before) / 1e9:.2f} GB more than before")
    print(scores.as_dict(), scores.work)


def _peak() -> int:
    """Most bytes this process has held; Linux counts in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
