"""The figures of the card, drawn here as SVG: the same bytes everywhere, readable in light and dark pages."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from html import escape

import pyarrow as pa

from medshape_text.card import tables
from medshape_text.records import ORIGINS

CATEGORIES, VOLUMES = "categories.svg", "volumes.svg"
_COLOURS = dict(zip(ORIGINS, ("#2a6f97", "#c98b1d", "#8f5ea2", "#7fb069", "#b5c99a"), strict=True))
_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 760, 210, 70, 16, 34


def draw(light: pa.Table) -> dict[str, str]:
    """SVG by file name; volumes only where a row has a physical size."""
    pictures = {CATEGORIES: _categories(light)}
    measured = tables.real(light)
    if len(measured):
        pictures[VOLUMES] = _volumes(measured)
    return pictures


def _categories(light: pa.Table) -> str:
    number = tables.count(light, "category", "origin")
    names = sorted({category for category, _ in number})
    total = {name: sum(n for (category, _), n in number.items() if category == name) for name in names}
    scale = (_WIDTH - _LEFT - _RIGHT) / max(total.values(), default=1)
    body = []
    used = [origin for origin in ORIGINS if any(kind == origin for _, kind in number)]
    for row, name in enumerate(names):
        y, x = _TOP + row * _ROW, float(_LEFT)
        body.append(_text(_LEFT - 6, y + 11, name, "end"))
        for origin in used:
            width = number.get((name, origin), 0) * scale
            if width:
                body.append(
                    f'<rect x="{x:.1f}" y="{y + 2}" width="{width:.1f}" height="12" fill="{_COLOURS[origin]}"/>'
                )
            x += width
        body.append(_text(x + 5, y + 11, str(total[name])))
    for place, origin in enumerate(used):
        body.append(f'<rect x="{_LEFT + place * 110}" y="8" width="10" height="10" fill="{_COLOURS[origin]}"/>')
        body.append(_text(_LEFT + place * 110 + 14, 17, origin))
    return _svg("Shapes of each category, by origin", len(names), body)


def _volumes(measured: pa.Table) -> str:
    """Smallest, median and largest volume of every category on a logarithmic axis."""
    by_name: dict[str, list[float]] = {}
    for name, volume in zip(measured["category"].to_pylist(), measured["volume"].to_pylist(), strict=True):
        if volume > 0:
            by_name.setdefault(name, []).append(volume)
    names = sorted(by_name)
    low = math.floor(math.log10(min((min(found) for found in by_name.values()), default=1)))
    high = max(math.ceil(math.log10(max((max(found) for found in by_name.values()), default=1))), low + 1)

    def across(volume: float) -> float:
        return _LEFT + (math.log10(volume) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    body = []
    for power in range(low, high + 1):
        x, bottom = across(10.0**power), _TOP + len(names) * _ROW
        body.append(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#888" stroke-opacity=".35"/>')
        body.append(_text(x, 17, f"{10.0**power:g} cm³", "middle"))
    for row, name in enumerate(names):
        y, found = _TOP + row * _ROW + 8, sorted(by_name[name])
        ends = f'x1="{across(found[0]):.1f}" y1="{y}" x2="{across(found[-1]):.1f}" y2="{y}"'
        body.append(_text(_LEFT - 6, y + 3, name, "end"))
        body.append(f'<line {ends} stroke="{_COLOURS["real_subject"]}" stroke-width="3" stroke-opacity=".5"/>')
        middle = across(statistics.median(found))
        body.append(f'<circle cx="{middle:.1f}" cy="{y}" r="4" fill="{_COLOURS["real_subject"]}"/>')
    return _svg("Volume of the real shapes of each category: smallest, median, largest", len(names), body)


def _svg(title: str, rows: int, body: Sequence[str]) -> str:
    height = _TOP + rows * _ROW + 12
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" font-family="sans-serif"'
    )
    return "\n".join([f'{head} font-size="11" fill="#777"><title>{escape(title)}</title>', *body, "</svg>\n"])


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
