"""``medshape-build verify`` and ``medshape-build taxonomy``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from medshape_text.cli.console import complain, one_line_errors
from medshape_text.console import make_console


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
