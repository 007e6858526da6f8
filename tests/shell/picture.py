"""Draws what a terminal showed: `tmux capture-pane -p -e` in, an SVG out.

python tests/shell/picture.py CAPTURE… OUT.svg puts the captures below each other. Knows the colours that the
integrations use; other escape sequences are an error, so that no picture is drawn wrong.
"""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from pathlib import Path

WIDTH, HEIGHT, SIZE, MARGIN = 8.4, 19, 14, 14  # of a character, its font, and the edge, in pixels
BACKGROUND, FOREGROUND = "#1d2026", "#d8dbe2"
COLOURS = {"30": "#5c6370", "31": "#e06c75", "32": "#98c379", "33": "#e5c07b", "36": "#56b6c2", "90": "#7f8694"}
RESET = {"", "0", "39", "49"}
SEQUENCE = re.compile(r"\x1b\[([\d;]*)m")


def runs(line: str, colour: str) -> tuple[list[tuple[str, str]], str]:
    """Return a line as pieces of text with their colours, and the colour that is on at its end."""
    found, at = [], 0
    for match in SEQUENCE.finditer(line):
        found.append((line[at : match.start()], colour))
        for code in match[1].split(";"):
            if code not in RESET and code not in COLOURS:
                raise SystemExit(f"picture: no colour for escape sequence {match[0]!r}; add it to COLOURS")
            colour = COLOURS.get(code, FOREGROUND)
        at = match.end()
    found.append((line[at:], colour))
    return [(text, shade) for text, shade in found if text], colour


def cells(text: str) -> int:
    """Return how many columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def picture(lines: list[str]) -> str:
    """Return the SVG of a screen's lines."""
    body, colour, widest = [], FOREGROUND, 0
    for row, line in enumerate(lines):
        column = 0
        pieces, colour = runs(line, colour)
        for piece, shade in pieces:
            text = piece.lstrip(" ")  # spaces in front would be stretched, or dropped
            column += len(piece) - len(text)
            x, y = MARGIN + column * WIDTH, MARGIN + (row + 1) * HEIGHT - 5
            fixed = f'textLength="{cells(text) * WIDTH:.1f}" lengthAdjust="spacingAndGlyphs"'
            body.append(f'<text x="{x:.1f}" y="{y}" fill="{shade}" {fixed}>{html.escape(text, quote=False)}</text>')
            column += cells(text)
        widest = max(widest, column)
    width, height = widest * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    font = f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{SIZE}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" {font} xml:space="preserve">'
    edge = f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>'
    return "\n".join([f"<!-- made by tests/shell/picture.py -->\n{head}", edge, *body, "</svg>\n"])


def main() -> None:
    """Read the captures, write the picture."""
    *captures, out = sys.argv[1:]
    lines: list[str] = []
    for capture in captures:
        lines += [""] if lines else []
        lines += Path(capture).read_text(encoding="utf-8").rstrip("\n").split("\n")
    Path(out).write_text(picture(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
