"""Scripts and styles of the site: joined at build time from here, the shared pages and the run report.

The 3D viewer is the run report's own. Its modules are joined into one classic script, because browsers do not load
modules from disk.
"""

from __future__ import annotations

import re
from importlib.resources import files

PACKAGES = ("leaderboard.site", "medshape_text.web", "benchmark.report")
STYLES = ("page.css", "report.css", "views.css", "site.css")
SCRIPTS = ("case.js", "compare.js", "board.js")
"""Entry points, one a page: of case pages, of the page that compares, of all others."""

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)


def static(name: str) -> str:
    """A file of the first package that has it.

    Raises:
        FileNotFoundError: if none has.
    """
    for package in PACKAGES:
        path = files(package).joinpath("static", name)
        if path.is_file():
            return path.read_text("utf-8")
    raise FileNotFoundError(f"none of {', '.join(PACKAGES)} has static/{name}")


def style() -> str:
    """The one style sheet."""
    return "\n".join(static(name) for name in STYLES)


def script(entry: str) -> str:
    """A script with all it imports, each module once and after what it needs, in a scope of its own.

    Only ``import { ... } from "./file.js";`` is understood.
    """
    done: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in done:
            return
        source = static(name)
        for needed in _IMPORT.findall(source):
            visit(needed)
        done[name] = _EXPORT.sub("", _IMPORT.sub("", source))

    visit(entry)
    body = "\n".join(f"// {name}\n{source}" for name, source in done.items())
    return f'"use strict";\n(() => {{\n{body}\n}})();\n'
