"""``medshape-build``: the program and its commands; `build`, the largest, has a file of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from medshape_text.cli.building import build
from medshape_text.cli.console import bars, beside, complain, one_line_errors
from medshape_text.console import make_console


def report(
    folder: Annotated[Path, typer.Argument(help="A data set.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File to write [default: DIR.report.html].", show_default=False)
    ] = None,
) -> None:
    """Write one HTML page: what was kept and why not, counts, pictures, duplicates, leaks, times."""
    console = make_console(stderr=True)
    from medshape_text import manifest
    from medshape_text.report import write_report

    target = out or beside(folder, ".report.html")
    with one_line_errors(console, manifest.DatasetError), bars(console) as show:
        write_report(folder, target, progress=show)
    typer.echo(target.absolute().as_uri())


def verify(
    folder: Annotated[Path, typer.Argument(help="A data set.", show_default=False)],
) -> None:
    """Hash every file of a data set again and compare with its manifest; the exit code is 1 if any differs."""
    console = make_console(stderr=True)
    from medshape_text import manifest

    with one_line_errors(console, manifest.DatasetError):
        wrong = manifest.verify(folder)
        extra = manifest.unlisted(folder)
        found = manifest.read(folder)
    for name in wrong:
        complain(console, f"{name} is missing or differs from the manifest")
    for name in extra:
        complain(console, f"{name} is not in the manifest")
    if wrong or extra:
        raise typer.Exit(1)
    typer.echo(f"revision {found['revision']}: {len(found['files'])} files as the manifest says")


def taxonomy(
    check: Annotated[Path, typer.Option(help="Names: CSV with a column file_name, or one a line.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which categories a list of file names maps to; names nobody knows are listed, never guessed.

    The exit code is 1 if a name cannot be read, a structure is unknown, or a published class mixes structures.
    """
    console = make_console(stderr=True)
    from medshape_text.taxonomy_check import NamesError, check_names, read_names

    with one_line_errors(console, NamesError):
        coverage = check_names(read_names(check))
    typer.echo(json.dumps(coverage.as_dict(), indent=1) if as_json else coverage.text())
    if not coverage.complete:
        raise typer.Exit(1)


def publish(
    folder: Annotated[Path, typer.Argument(help="A data set.", show_default=False)],
    repo: Annotated[str, typer.Option(help="ORG/NAME on the Hub.", show_default=False)],
    private: Annotated[bool, typer.Option("--private", help="Create the repository as a private one.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be uploaded, and ask nobody.")] = False,
) -> None:
    """Upload what may be redistributed; the rest goes along as a recipe. Stopped, the same command continues.

    The token is that of huggingface_hub (``hf auth login`` or HF_TOKEN).
    """
    console = make_console(stderr=True)
    from medshape_text.manifest import DatasetError
    from medshape_text.publish import HubError, PublishError
    from medshape_text.publish import publish as publish_data_set

    with one_line_errors(console, PublishError, HubError, DatasetError), bars(console) as show:
        done = publish_data_set(folder, repo, dry_run=dry_run, private=private, progress=show)
    megabytes = sum(done.files.values()) / 1e6
    typer.echo(f"{done.rows} shapes, {len(done.files)} files, {megabytes:.1f} MB, revision {done.revision}")
    for licence, number in sorted(done.excluded.items()):
        typer.echo(f"left out, as a recipe: {number}, licence: {licence}")
    if dry_run:
        for name, size in done.files.items():
            typer.echo(f"{size:12d} {name}")
        typer.echo(f"nothing was sent; the files lie in {done.folder}")
    else:
        typer.echo(f"{done.url} at {done.commit}: {done.sent} files sent, {done.removed} removed")


class _BuildByDefault(TyperGroup):
    """``medshape-build --source mini …`` is short for ``medshape-build build --source mini …``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's context
        if not args or args[0] not in self.commands:
            args = ["build", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    add_completion=False, cls=_BuildByDefault, context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,  # a token may be among them
)  # fmt: skip
app.command(epilog="Other commands: report, verify, publish, taxonomy (medshape-build COMMAND --help).")(build)
app.command()(report)
app.command()(verify)
app.command()(publish)
app.command()(taxonomy)


@app.callback()
def _group() -> None:
    """Make, check, show and publish the text-shape data set."""
