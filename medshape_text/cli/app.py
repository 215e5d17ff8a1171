"""The program and its commands."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from medshape_text.cli.building import build
from medshape_text.cli.checking import taxonomy, verify
from medshape_text.cli.publishing import publish
from medshape_text.cli.showing import report


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
