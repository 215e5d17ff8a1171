"""Bars as inline SVG: the policy of the page forbids style attributes, so widths are drawn."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup


def bar(values: Sequence[float], whole: float, kinds: Sequence[str]) -> Markup:
    """Values beside each other as parts of ``whole``; ``kinds`` are our own classes that colour them."""
    parts, at = [], 0.0
    for value, kind in zip(values, kinds, strict=True):
        width = 100 * value / whole if whole > 0 else 0.0
        if width > 0:
            parts.append(f'<rect class="{kind}" x="{at:.2f}" y="0" width="{width:.2f}" height="1"/>')
        at += width
    text = f'<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'
    return Markup(text)  # noqa: S704 - numbers and our own class names


def split_kinds(count: int) -> list[str]:
    """Classes of the first ``count`` splits."""
    return [f"s{min(index, 4)}" for index in range(count)]
