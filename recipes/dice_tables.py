"""The README's Markdown tables of mean Dice from finished runs: ``dice_tables.py RUNS`` with RUNS/<task>/<method>."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmark.records.reader import load_run
from benchmark.statistics.summary import Summary, summarise
from benchmark.tasks import find_family

TASKS = tuple(task.name for task in find_family("shape-completion").tasks)


def main(folder: Path) -> None:
    """Print one table of class-macro means with intervals, and one per category."""
    found = {
        (path.name, path.parent.name): _dice(path)
        for path in sorted(folder.glob("*/*"))
        if (path / "run.json").exists() and path.parent.name in TASKS
    }
    methods = list(dict.fromkeys(method for method, _ in found))
    print(_line(["method", *TASKS]) + "\n" + _line(["---"] * (1 + len(TASKS))))
    for method in methods:
        print(_line([method, *(_cell(found.get((method, task))) for task in TASKS)]))
    categories = list(next(iter(found.values())).categories)
    print("\n" + _line(["method", "task", "mean", *categories]) + "\n" + _line(["---"] * (3 + len(categories))))
    for (method, task), dice in found.items():
        means = [dice.macro.value, *(dice.categories[category] for category in categories)]
        print(_line([method, task, *(f"{value:.3f}" for value in means)]))


def _dice(run: Path) -> Summary:
    return next(summary for summary in summarise(load_run(run).rows) if summary.metric == "dice")


def _cell(dice: Summary | None) -> str:
    if dice is None:
        return "–"
    low, high = (f"{bound:.3f}".removeprefix("0") for bound in (dice.macro.low, dice.macro.high))
    return f"{dice.macro.value:.3f} [{low}, {high}]"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
