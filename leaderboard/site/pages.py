"""Templates filled in, every value escaped, under one strict policy; and the scripts and styles they need.

These are joined at build time from here, the shared pages and the run report, whose 3D viewer is used. Browsers do not
load modules from disk, so a script and all it imports become one classic script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from leaderboard.site.files import key, safe_link
from medshape_text.web import plain

PACKAGES = ("leaderboard.site", "medshape_text.web", "benchmark.report")
STYLES = ("page.css", "report.css", "views.css", "slices.css", "site.css")
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


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types genmed-board"
)
LONGEST = 2000
"""Characters of any one text on a page."""
_SEPARATOR = re.compile(r"([_/.-])(?=\w)")


@dataclass(frozen=True)
class Pages:
    """Renders pages; ``common`` is known to all of them."""

    common: Mapping[str, object] = field(default_factory=dict)

    def render(self, template: str, depth: int, context: Mapping[str, object]) -> bytes:
        """A page that lies ``depth`` folders below the front page."""
        text = self._environment.get_template(template).render(
            root="../" * depth, policy=POLICY, **self.common, **context
        )
        return text.encode("utf-8")

    @cached_property
    def _environment(self) -> Environment:
        # The camera's buttons are those of the run report, like the viewer itself.
        loader = ChoiceLoader([PackageLoader("leaderboard.site"), PackageLoader("benchmark.report")])
        environment = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
            finalize=_visible,
        )  # fmt: skip
        environment.filters["words"] = lambda name: str(name).replace("_", " ").replace("-", " ")
        environment.filters["breakable"] = _breakable
        environment.filters["key"] = key
        environment.filters["safe_link"] = safe_link
        return environment


def _visible(value: object) -> object:
    return plain(value, LONGEST) if isinstance(value, str) and not isinstance(value, Markup) else value


def _breakable(name: str) -> Markup:
    """A name as markup that may be broken after its separators."""
    return Markup(_SEPARATOR.sub(r"\1<wbr>", str(escape(plain(name, LONGEST)))))  # noqa: S704 - escaped before
