"""The whole command line: what the benchmark has, and one function for every verb of the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.app import DataOption
from benchmark.cli.app import app as benchmark_app
from benchmark.cli.reporting import errors_reported

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Run methods on medical shapes and images, score and compare them, submit and rank them.\n\n"
    "Exit codes: 0 all well, 2 bad usage, 3 data, 4 method, 5 run folder, 6 disk, 7 some predictions failed, "
    "8 submission, 9 verified and not reproduced, or not to be merged.",
)
board = typer.Typer(no_args_is_help=True, help="The leaderboard: build it, look at it, check a results folder.")

DataSetsOption = Annotated[
    list[str],
    typer.Option("--data", help="Name or folder of a data set, and again for more: each submission has one of them."),
]
ResultsArgument = Annotated[Path, typer.Argument(help="A results folder.", show_default=False)]


@app.command()
def submit(
    card: Annotated[Path, typer.Option("--model-card", help="TOML: authors, licence, weights, training sets, …")],
    run: Annotated[Path | None, typer.Argument(help="A finished run folder.", show_default=False)] = None,
    to: Annotated[
        str, typer.Option(help="A results folder, or hf://datasets/ORG/NAME: opens a pull request there.")
    ] = "results",
    from_folder: Annotated[
        Path | None, typer.Option(help="Instead of a run: a folder of predictions made elsewhere.", show_default=False)
    ] = None,
    task: Annotated[str | None, typer.Option(help="With --from-folder: the task.", show_default=False)] = None,
    split: Annotated[str, typer.Option(help="With --from-folder: the split.")] = "test",
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="With --from-folder: cases without a file are scored worst.")
    ] = False,
    data: DataOption = "mini",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent to the Hub, and send nothing.")] = (
        False
    ),
) -> None:
    """Pack a run, or predictions made elsewhere, as a submission. Stopped, the same command goes on."""
    with errors_reported():
        from leaderboard.cli import commands

        commands.submit(run, card, to, data, commands.Elsewhere(from_folder, task, split, allow_missing), dry_run)


@app.command()
def verify(
    submissions: Annotated[
        list[Path], typer.Argument(help="Folders of submissions.", show_default=False, metavar="submission…")
    ],
    data: DataSetsOption = ["mini"],  # noqa: B006 - typer copies it
    write: Annotated[bool, typer.Option("--write", help="Keep the record in the results folder it lies in.")] = False,
) -> None:
    """Compute every score again from the predictions and the pinned truth; say reproduced, differs or cannot."""
    with errors_reported():
        from leaderboard.cli import commands

        commands.verify(submissions, data, write)


@board.command()
def build(
    results: ResultsArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the site.")] = Path("site"),
    data: DataSetsOption = ["mini"],  # noqa: B006 - typer copies it
    cases: Annotated[int, typer.Option(min=0, help="Cases to turn in 3D, of each category.")] = 1,
) -> None:
    """Build the static site of a results folder: it opens from disk, and as a static Space."""
    with errors_reported():
        from leaderboard.cli import commands

        commands.build(results, output, data, cases)


@board.command()
def serve(
    site: Annotated[Path, typer.Argument(help="A site that was built.", show_default=False)],
    port: Annotated[int, typer.Option(help="On this machine only.")] = 8000,
) -> None:
    """Show a site at http://127.0.0.1:PORT until stopped."""
    with errors_reported():
        from leaderboard.cli import commands

        commands.serve(site, port)


@board.command()
def check(
    results: ResultsArgument,
    base: Annotated[Path | None, typer.Option(help="The folder as it was before.", show_default=False)] = None,
    data: DataSetsOption = ["mini"],  # noqa: B006 - typer copies it
) -> None:
    """For CI of a results repository: schema, no changed old rows, no duplicates, everything computed again."""
    with errors_reported():
        from leaderboard.cli import commands

        commands.check(results, base, data)


@board.command("eval-results")
def eval_results(
    results: ResultsArgument,
    method: Annotated[str, typer.Option(help="Name of the method.", show_default=False)],
    dataset: Annotated[str, typer.Option(help="ORG/NAME of the benchmark's data set.", show_default=False)],
) -> None:
    """Print a method's headline results in the form of the Hub's .eval_results files."""
    with errors_reported():
        from leaderboard.cli import commands

        commands.eval_results(results, method, dataset)


app.add_typer(benchmark_app)
app.add_typer(board, name="leaderboard")
