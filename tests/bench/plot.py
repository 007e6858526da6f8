"""Draws a run's medians as bars on a logarithmic scale: an SVG that needs nothing to be looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

WIDTH, LABEL, ROW, TOP = 760, 300, 30, 46
LEAST_MS, MOST_MS = 0.5, 20_000.0
TICKS_MS = (1, 10, 100, 1_000, 10_000)
NOTICED_MS = 100  # what takes longer is felt as waiting


def draw(title: str, medians_ms: Mapping[str, float]) -> str:
    """Return the SVG of labelled medians in milliseconds, in the order given."""
    height = TOP + ROW * len(medians_ms) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"'
        ' font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for tick in TICKS_MS:
        x, colour = _x(tick), "#c33" if tick == NOTICED_MS else "#ccc"
        parts.append(f'<line x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - 26}" stroke="{colour}"/>')
        parts.append(f'<text x="{x}" y="{height - 10}" text-anchor="middle" fill="#555">{tick:,} ms</text>')
    for row, (label, median) in enumerate(medians_ms.items()):
        y = TOP + ROW * row
        parts.append(f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{escape(label)}</text>')
        parts.append(f'<rect x="{LABEL}" y="{y}" width="{_x(median) - LABEL}" height="{ROW - 10}" fill="#36c"/>')
        parts.append(f'<text x="{_x(median) + 6}" y="{y + 15}">{median:,.1f}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _x(milliseconds: float) -> int:
    share = math.log(max(milliseconds, LEAST_MS) / LEAST_MS) / math.log(MOST_MS / LEAST_MS)
    return round(LABEL + share * (WIDTH - LABEL - 70))
