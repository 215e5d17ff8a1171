"""The HTML file itself: templates, style and script joined into one document that needs no network.

Scripts and styles are inlined and pinned by hash in a Content-Security-Policy, so a browser runs nothing
else, whatever a run record contains, and is not allowed to fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

STYLES = ("report.css", "views.css")
ENTRY = "report.js"

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)


def render(template: str, context: Mapping[str, object]) -> str:
    """Render a template of this package; every value is escaped unless it is `Markup` made by this package."""
    environment = Environment(
        loader=PackageLoader("benchmark.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    style = "\n".join(_static(name) for name in STYLES)
    script = bundle(ENTRY)
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_pin(style)}'; script-src '{_pin(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return environment.get_template(template).render(
        # Both are files of this package, and neither may be touched: their hashes are in the policy.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        policy=policy,
        **context,
    )


def bundle(entry: str) -> str:
    """One module from an entry module and all it imports, each once and after what it needs.

    Only ``import { ... } from "./file.js";`` is understood, and modules share one scope afterwards; a name
    used twice is an error the browser test sees.
    """
    done: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in done:
            return
        source = _static(name)
        for needed in _IMPORT.findall(source):
            visit(needed)
        done[name] = _EXPORT.sub("", _IMPORT.sub("", source))

    visit(entry)
    return "\n".join(f"// {name}\n{source}" for name, source in done.items())


def _static(name: str) -> str:
    return files("benchmark.report").joinpath("static", name).read_text("utf-8")


def _pin(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
