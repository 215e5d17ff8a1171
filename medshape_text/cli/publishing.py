"""``medshape-build publish``: a data set to the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medshape_text.cli.console import bars, one_line_errors
from medshape_text.console import make_console


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
