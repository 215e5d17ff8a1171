"""The HTML file itself: templates, style and script joined into one document that needs no network.

Scripts and styles are inlined and pinned by hash in a Content-Security-Policy, so a browser runs nothing
else, whatever a data set or a run record contains, and is not allowed to fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from medshape_text.web.plain import plain

SHARED = "medshape_text.web"

_SEPARATOR = re.compile(r"([_/.])(?=\w)")
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A kind of page: a package with the folders ``templates`` and ``static``.

    ``styles`` are joined in their order; ``script`` is the module that starts the page. Files of ``static``
    are looked for in the package first, then in this one. Invisible characters of texts are spelled out, and
    texts of more than ``longest`` characters are cut.
    """

    package: str
    styles: Sequence[str]
    script: str
    longest: int | None = None

    def render(self, template: str, context: Mapping[str, object]) -> str:
        """Fill in a template; every value is escaped unless it is `Markup` made by the package itself."""
        environment = Environment(
            loader=PackageLoader(self.package), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True, finalize=self._visible,
        )  # fmt: skip
        environment.filters["words"] = lambda name: str(name).replace("_", " ")
        environment.filters["breakable"] = self._breakable
        style = "\n".join(self._static(name) for name in self.styles)
        script = self.bundle()
        policy = (
            f"default-src 'none'; img-src data:; style-src '{_pin(style)}'; script-src '{_pin(script)}'; "
            "base-uri 'none'; form-action 'none'"
        )
        return environment.get_template(template).render(
            # Both are files of the package, and neither may be touched: their hashes are in the policy.
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            policy=policy,
            **context,
        )

    def bundle(self) -> str:
        """One module from the script and all it imports, each once and after what it needs.

        Only ``import { ... } from "./file.js";`` is understood, and modules share one scope afterwards; a name
        used twice is an error a browser test sees.
        """
        done: dict[str, str] = {}

        def visit(name: str) -> None:
            if name in done:
                return
            source = self._static(name)
            for needed in _IMPORT.findall(source):
                visit(needed)
            done[name] = _EXPORT.sub("", _IMPORT.sub("", source))

        visit(self.script)
        return "\n".join(f"// {name}\n{source}" for name, source in done.items())

    def _visible(self, value: object) -> object:
        """What a template prints for a value."""
        return plain(value, self.longest) if isinstance(value, str) and not isinstance(value, Markup) else value

    def _breakable(self, name: str) -> Markup:
        """A name as markup that may be broken after its separators."""
        return Markup(_SEPARATOR.sub(r"\1<wbr>", str(escape(plain(name, self.longest)))))  # noqa: S704 - escaped before

    def _static(self, name: str) -> str:
        for package in (self.package, SHARED):
            path = files(package).joinpath("static", name)
            if path.is_file():
                return path.read_text("utf-8")
        raise FileNotFoundError(f"neither {self.package} nor {SHARED} has static/{name}")


def _pin(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
