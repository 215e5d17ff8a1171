"""``genmed-bench run``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from benchmark.cli.reporting import Steps, progress_bars, write_json
from benchmark.cli.tables import run_figures, run_tables
from benchmark.errors import FailedCasesError
from benchmark.metrics.base import OK
from benchmark.planning import Request, prepare
from benchmark.records import Run
from benchmark.runner import Outcome, execute
from medshape_text.console import make_console


def run(request: Request, json_path: Path | None) -> None:
    """Run, print the tables, and complain last about predictions that failed."""
    with progress_bars() as bars:
        steps = Steps(bars)
        plan = prepare(request, steps)
        total = len(plan.case_ids)
        title = f"{plan.configuration['method']['name']} on {request.task}"
        position = {case: number for number, case in enumerate(plan.case_ids, start=1)}
        steps(title, 0, total)

        def show(outcome: Outcome) -> None:
            steps(title, position[outcome.case], total)

        finished = execute(plan, show)
        steps(title, total, total)
    console = make_console()
    for table in run_tables(finished):
        console.print(table)
    console.print(f"run folder: {finished.path}", soft_wrap=True, highlight=False)
    write_json(json_path, run_figures(finished))
    _complain(finished)


def _complain(run: Run) -> None:
    reasons = Counter(timing["status"] for timing in run.timings.values() if timing["status"] != OK)
    if reasons:
        what = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
        log = f"; tracebacks in {run.path / 'errors.log'}" if (run.path / "errors.log").exists() else ""
        raise FailedCasesError(
            f"{sum(reasons.values())} of {len(run.case_ids)} predictions failed ({what}) and score the worst value{log}"
        )
