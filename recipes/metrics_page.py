"""Write docs/metrics.md from the docstrings of ``benchmark.metrics`` and the hand-written ``metrics_page.md``."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import benchmark.metrics
from benchmark.folders import CONVENTIONS
from benchmark.metrics.generation.scores import SIGNATURES
from benchmark.tasks.shape_completion.profiles import PROFILES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "metrics.md"
SOURCE = Path(__file__).with_suffix(".md")
_SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Source")
_TITLES = {"Args": "Arguments", "Attributes": "Fields", "Raises": "Refuses"}
_WIDTH = 110


def render() -> str:
    """The whole page."""
    page = SOURCE.read_text(encoding="utf-8")
    for name, lines in {"profiles": _profiles(), "sets": _sets(), "functions": _functions()}.items():
        page = page.replace(f"<!-- {name} -->", "\n".join(lines).strip())
    return re.sub(r"\n{3,}", "\n\n", page).rstrip() + "\n"


def _profiles() -> Iterator[str]:
    yield "## Profiles: named bundles for single shapes\n"
    yield "`P` is `benchmark.tasks.shape_completion.profiles`: `P.profile(name).score(sdf, case)`;"
    yield "`P.sampling_floor(case, name)` is the score of a shape against itself sampled afresh."
    yield "Missing, empty, NaN or crashed predictions get the worst value and are counted.\n"
    for name, bundle in PROFILES.items():
        yield f"### Profile `{name}`\n"
        yield from _markdown(_doc(_module(bundle)))
        yield "\n| metric | what | better | signature |\n|---|---|---|---|"
        for metric in bundle.metrics:
            better = "higher" if metric.higher_is_better else "lower"
            yield f"| `{metric.name}` | {metric.description} | {better} | `{_cell(metric.signature)}` |"
        yield ""


def _sets() -> Iterator[str]:
    yield "## Sets: what `genmed-bench metrics` prints\n"
    yield "| profile | metric | what | times | ideal |\n|---|---|---|---|---|"
    for name, metrics in CONVENTIONS.items():
        for metric in metrics:
            yield f"| `{name}` | `{metric.name}` | {metric.meaning} | {metric.scale:g} | {metric.ideal} |"
    yield "\nSignatures of the distances and ties; the command puts points, sampling, normalisation and seed before"
    yield "them.\n"
    for distance, signature in SIGNATURES.items():
        yield f"- `{distance}`: `{signature}`"
    yield ""


def _functions() -> Iterator[str]:
    yield "## Functions and records\n"
    yield "All of `benchmark.metrics`, by the module they are defined in.\n"
    public = {name: getattr(benchmark.metrics, name) for name in sorted(benchmark.metrics.__all__)}
    described = {name: value for name, value in public.items() if inspect.isfunction(value) or inspect.isclass(value)}
    for module in dict.fromkeys(_module(value) for value in described.values()):
        yield f"\n### {module.__name__}\n"
        yield from _markdown(_doc(module))
        for name, value in described.items():
            if _module(value) is module:
                yield from _described(name, value)


def _described(name: str, value: Any) -> Iterator[str]:  # noqa: ANN401 - a function or a class
    yield f"\n#### `{name}`\n"
    if inspect.isfunction(value) or is_dataclass(value):
        yield f"```python\n{_call(name, value)}\n```\n"
    yield from _markdown(_doc(value))
    if not inspect.isclass(value):
        return
    for member, held in vars(value).items():
        function = getattr(held, "fget", None) or getattr(held, "__func__", held)
        if member.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
            continue
        call = member if isinstance(held, property) else _call(member, function, method=True)
        yield f"\n**`.{call}`**\n"
        yield from _markdown(_doc(function))


def _call(name: str, value: Any, method: bool = False) -> str:  # noqa: ANN401
    """Name and parameters as the source has them, on one line if they fit."""
    parts, starred = [], False
    parameters = list(inspect.signature(value).parameters.values())[1 if method and _takes_self(value) else 0 :]
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        text = parameter.name
        if parameter.annotation is not parameter.empty:
            text += f": {inspect.formatannotation(parameter.annotation).strip(chr(39))}"
        if parameter.default is not parameter.empty:
            text += f" = {parameter.default!r}"
        parts.append(text)
    line = f"{name}({', '.join(parts)})"
    if len(line) <= _WIDTH or method:
        return line
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _takes_self(function: Any) -> bool:  # noqa: ANN401
    return next(iter(inspect.signature(function).parameters), "") in {"self", "cls"}


def _markdown(docstring: str) -> Iterator[str]:
    """A docstring of Google style: sections as lists, doctests as code."""
    blocks = re.split(rf"^({'|'.join(_SECTIONS)}):\n", docstring, flags=re.MULTILINE)
    text, example = _without_example(blocks[0])
    yield _plain(text)
    for section, block in zip(blocks[1::2], blocks[2::2], strict=True):
        body, later = _without_example(block)
        example = example or later
        yield f"\n**{_TITLES.get(section, section)}**\n"
        yield from _items(inspect.cleandoc("\n" + body), named=section not in {"Returns", "Source"})
    if example:
        yield f"\n```python\n{example}\n```"


def _without_example(block: str) -> tuple[str, str]:
    at = re.search(r"^\s*>>> ", block, flags=re.MULTILINE)
    if at is None:
        return block, ""
    rest = inspect.cleandoc("\n" + block[at.start() :]).strip()
    code, _, after = rest.partition("\n\n")
    return f"{block[: at.start()]}\n{after}", code


def _items(body: str, named: bool) -> Iterator[str]:
    if not named:
        yield _plain(body)
        return
    for item in re.split(r"\n(?=\S)", body.strip()):
        name, separator, text = item.partition(":")
        joined = " ".join(f"{text if separator else name}".split())
        yield f"- `{name}`: {_plain(joined)}" if separator else f"- {_plain(joined)}"


def _plain(text: str) -> str:
    """The little reStructuredText that docstrings use, as Markdown."""
    text = re.sub(r":(?:func|class|meth|mod):`([^`]+)`", r"`\1`", text)
    return text.replace("``", "`").strip()


def _doc(value: Any) -> str:  # noqa: ANN401
    return inspect.cleandoc(value.__doc__ or "")


def _module(value: Any) -> ModuleType:  # noqa: ANN401
    return sys.modules[value.__module__]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
