"""Templates filled in: every value escaped, every page under the same strict policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from leaderboard.site.names import key, safe_link
from medshape_text.web import plain

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
