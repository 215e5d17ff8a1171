"""The command line, one function a verb."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmark.cli.reporting import check_names, errors_reported

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Complete medical shapes, score the completions, compare methods.\n\n"
    "Exit codes: 0 all well, 2 bad usage, 3 data, 4 method, 5 run folder, 6 disk, 7 some predictions failed.",
)

DataOption = Annotated[str, typer.Option(help="A data set by name (see: list datasets) or a folder.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Also write the figures as JSON.", dir_okay=False)]
RunsArgument = Annotated[list[Path], typer.Argument(help="Run folders.", show_default=False)]


@app.command()
def run(
    method: Annotated[str, typer.Option(help="Name of an installed method (see: list methods).", show_default=False)],
    task: Annotated[str, typer.Option(help="Name of a task (see: list tasks).", show_default=False)],
    data: DataOption = "mini",
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many cases.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the method's draws; observations do not depend on it.")] = 0,
    device: DeviceOption = "auto",
    out: Annotated[Path | None, typer.Option(help="Run folder [default: runs/TASK/METHOD].", file_okay=False)] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Weights to use instead of the shipped ones.")] = None,
    fit_dir: Annotated[Path | None, typer.Option(help="Work folder of methods fitted on the run.")] = None,
    json: JsonOption = None,
) -> None:
    """Run a method on a task and print its scores. The same command continues a run that was stopped."""
    with errors_reported():
        check_names(method, task)
        from benchmark.cli import running
        from benchmark.planning import Request

        running.run(
            Request(method, task, data, split, limit, seed, device, out, checkpoint, fit_dir),
            json,
        )


@app.command()
def compare(runs: RunsArgument, json: JsonOption = None) -> None:
    """Paired differences of the first run to every other, on the same cases, with 95 % intervals over subjects."""
    with errors_reported():
        from benchmark.cli import comparing

        comparing.compare(runs, json)


@app.command()
def report(
    runs: RunsArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="HTML file to write.")] = Path("report.html"),
    data: DataOption = "mini",
    case: Annotated[list[str] | None, typer.Option(help="Show this case; may be repeated.")] = None,
    limit_cases: Annotated[int, typer.Option(min=0, help="How many cases to show when none is named.")] = 7,
) -> None:
    """Write one self-contained HTML report of runs: tables, plots and shapes to turn."""
    with errors_reported():
        from benchmark.cli import reporting

        reporting.build(runs, data, output, case or None, limit_cases)


@app.command()
def fit(
    method: Annotated[str, typer.Option(help="Name of a method that can be trained.", show_default=False)],
    config: Annotated[str, typer.Option(help="One of the method's configurations.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Where to write the weights.", show_default=False)],
    data: DataOption = "mini",
    device: DeviceOption = "auto",
    resume: Annotated[bool, typer.Option(help="Go on with a training that was stopped.")] = True,
    task: Annotated[str | None, typer.Option(help="Learn only from what this task gives (few cases, say).")] = None,
    seed: Annotated[int, typer.Option(help="Which few cases, if the task has few.")] = 0,
) -> None:
    """Train a method on the training split. The same command continues a training that was stopped."""
    with errors_reported():
        check_names(method, task)
        from benchmark.cli import training

        training.fit(method, config, out, data, device, resume, task, seed)


@app.command("prepare")
def prepare_command(
    layout: Annotated[str, typer.Option(help="decathlon, folder, kits23, mmwhs, nnunet, openkbp, sts, ...")],
    root: Annotated[Path, typer.Argument(help="Folder of images with label maps.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder to write; give it to --data.", show_default=False)],
    shape: Annotated[tuple[int, int, int], typer.Option(help="Voxels of the task's grid.")] = (64, 64, 64),
    spacing: Annotated[
        tuple[float, float, float] | None, typer.Option(help="mm of its voxels [default: as the image needs]")
    ] = None,
    tolerance: Annotated[float, typer.Option(help="mm, of the normalised surface Dice.")] = 2.0,
    structure: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated.")] = None,
) -> None:
    """Prepare images with label maps in an official layout for segmentation tasks."""
    with errors_reported():
        from benchmark.cli import preparing

        preparing.prepare_layout(layout, root, out, shape, spacing, tolerance, structure or [])


@app.command("check-method")
def check_method(
    method: Annotated[str, typer.Argument(help="Name of an installed method, or a folder.", show_default=False)],
    task: Annotated[str, typer.Option(help="Name of the task it is tried on (see: list tasks).")] = "multiplane",
    data: DataOption = "mini",
    device: DeviceOption = "cpu",
) -> None:
    """Check that a method keeps to the contract: same bytes, any order, its own seed, survives empty observations."""
    with errors_reported():
        check_names(method, task)
        from benchmark.cli import checking

        checking.check_method(method, task, data, device)


ProfileOption = Annotated[
    Literal["field", "genmed"],
    typer.Option(help="Conventions: PointFlow's (2048 area-uniform points) or the published GenMed code's (x100)."),
]
DistanceOption = Annotated[Literal["chamfer", "emd"], typer.Option(help="Distance between two shapes.")]
PointsOption = Annotated[int | None, typer.Option(min=1, help="Points per shape (default: the profile's).")]
NormaliseOption = Annotated[
    Literal["none", "shape", "box"],
    typer.Option(help="Of every shape: not at all, to its own mean and spread, or to a box from -1 to 1."),
]
RecursiveOption = Annotated[bool, typer.Option("--recursive", "-r", help="Also read sub-folders.")]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Threads (default: all cores).")]
MaxBytesOption = Annotated[str, typer.Option(help="Memory of the search, such as 4GB or 512MiB.")]
GeneratedArgument = Annotated[Path, typer.Argument(help="Folder of generated shapes.", show_default=False)]
ReferenceArgument = Annotated[Path, typer.Argument(help="Folder of real shapes.", show_default=False)]


@app.command()
def metrics(
    generated: GeneratedArgument,
    reference: ReferenceArgument,
    profile: ProfileOption = "field",
    distance: DistanceOption = "chamfer",
    points: PointsOption = None,
    normalise: NormaliseOption = "none",
    intervals: Annotated[bool, typer.Option(help="95 % intervals by resampling both sets.")] = True,
    replicates: Annotated[int, typer.Option(min=2, help="Resamples for the intervals.")] = 1000,
    recursive: RecursiveOption = False,
    workers: WorkersOption = None,
    max_bytes: MaxBytesOption = "4GiB",
    seed: Annotated[int, typer.Option(help="Seed of sampled points and of intervals.")] = 0,
    json: JsonOption = None,
) -> None:
    """Score a folder of shapes against real ones: MMD, COV and 1-NNA, exactly.

    Reads meshes (.ply .obj .off .stl .glb), point clouds (.ply .xyz .pts .npy .npz) and SDF grids (.npy .npz).
    """
    with errors_reported():
        from benchmark.cli import measuring
        from benchmark.data.clouds import Sampling
        from benchmark.folders import Search

        sampling = Sampling(profile, points, normalise, seed)
        search = Search(distance, replicates if intervals else 0, workers, measuring.byte_count(max_bytes))
        measuring.metrics(generated, reference, sampling, search, recursive, json)


@app.command("metrics-shard")
def metrics_shard(
    generated: GeneratedArgument,
    reference: ReferenceArgument,
    share: Annotated[str, typer.Option(help="Which share: 1/4 to 4/4 for four machines.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write (.npz).", dir_okay=False)],
    profile: ProfileOption = "field",
    distance: DistanceOption = "chamfer",
    points: PointsOption = None,
    normalise: NormaliseOption = "none",
    recursive: RecursiveOption = False,
    workers: WorkersOption = None,
    max_bytes: MaxBytesOption = "4GiB",
    seed: Annotated[int, typer.Option(help="Seed of sampled points.")] = 0,
) -> None:
    """Do one share of what metrics does; metrics-merge puts the shares together, to the same bits."""
    with errors_reported():
        from benchmark.cli import measuring, sharding
        from benchmark.data.clouds import Sampling
        from benchmark.folders import Search

        sampling = Sampling(profile, points, normalise, seed)
        search = Search(distance, 0, workers, measuring.byte_count(max_bytes))
        sharding.shard(generated, reference, sampling, search, share, recursive, out)


@app.command("metrics-merge")
def metrics_merge(
    shards: Annotated[list[Path], typer.Argument(help="Files of metrics-shard, all of them.", show_default=False)],
    json: JsonOption = None,
) -> None:
    """Scores from all shares. They must be of the same shapes and conventions, each there once."""
    with errors_reported():
        from benchmark.cli import sharding

        sharding.merge(shards, json)


@app.command("list")
def list_command(
    what: Annotated[Literal["tasks", "methods", "metrics", "datasets"], typer.Argument(show_default=False)],
) -> None:
    """List tasks, installed methods, metrics with their signatures, or data sets."""
    with errors_reported():
        from benchmark.cli import listing

        listing.show(what)
