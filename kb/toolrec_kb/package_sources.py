"""Writes where package names were seen: the rows that a package list shows, in `sources/<manager>.tsv`.

Rows of managers without a list are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from toolrec_kb.rules.packages import EXCEPTIONS
from toolrec_kb.rules.sources import SOURCES_DIR, Row, read_records
from toolrec_kb.schema import Tool

SOURCE_NAMES: Final = {
    "apt": "Debian 12 package index",
    "brew": "Homebrew formulae, 2025-09",
    "scoop": "Scoop main bucket, 2026-08",
    "winget": "winget package ids, 2026-08",
}
_SECTIONS: Final = ("non-free", "contrib")


def refresh(
    tools: Iterable[Tool], lists: Mapping[str, Mapping[str, object]], day: date, folder: Path = SOURCES_DIR
) -> None:
    """Write the rows of the managers in `lists` anew; what neither a list nor an exception knows keeps its row."""
    kept = read_records(folder).rows
    installs = [tool.install.items() for tool in tools]
    for manager, known in lists.items():
        used = sorted({package for items in installs for name, package in items if name == manager})
        rows = (_row(manager, package, known, day) or kept.get(manager, {}).get(package) for package in used)
        folder.mkdir(exist_ok=True)
        text = "".join(f"{row}\n" for row in rows if row)
        (folder / f"{manager}.tsv").write_text(text, encoding="utf-8")


def _row(manager: str, package: str, known: Mapping[str, object], day: date) -> Row | None:
    reason = EXCEPTIONS.get(manager, {}).get(package)
    if package not in known and reason is None:
        return None
    section = next((f", {name}" for name in _SECTIONS if name in (reason or "")), "")
    return Row(package, SOURCE_NAMES[manager] + section, day.isoformat())
