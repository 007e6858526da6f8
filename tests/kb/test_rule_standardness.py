"""The rule about how standard a tool is, and the scale in the documentation."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolrec_kb.knowledge import Knowledge
from toolrec_kb.load import Source
from toolrec_kb.rules import Base, standardness

MakeSource = Callable[..., Source]
SCALE = Path(__file__).parents[2] / "docs" / "adding-a-tool.md"

SOUND = {
    "builtin": ("cd", {"standardness": "builtin", "shells": ["bash"]}),
    "utility of POSIX": ("grep", {"standardness": "posix"}),
    "utility of POSIX that shells have too": ("time", {"standardness": "posix", "shells": ["bash"]}),
    "core": ("lsblk", {"standardness": "core"}),
    "program of Windows with a name of POSIX's": ("sort", {"standardness": "core", "platforms": ["windows"]}),
    "niche and used by its field": ("fd", {"standardness": "niche", "usage": 3}),
}


@pytest.mark.parametrize(("name", "fields"), SOUND.values(), ids=SOUND.keys())
def test_clean(make_source: MakeSource, base: Base, name: str, fields: dict[str, Any]) -> None:
    """What the other fields do not speak against is in order."""
    assert list(standardness.check(make_source(name, **fields), base)) == []


WRONG = {
    "builtin of no shell": ("cd", {"standardness": "builtin"}, "standardness", "is builtin: name the shells"),
    "shells of a program": ("fd", {"shells": ["bash"]}, "standardness", "names shells: what is part of a shell"),
    "not POSIX's": ("fd", {"standardness": "posix"}, "standardness", "POSIX has no utility 'fd'"),
    "POSIX's": ("grep", {"standardness": "core"}, "standardness", "'grep' is a utility of POSIX: write posix"),
    "niche and used by all": ("fd", {"standardness": "niche", "usage": 4}, "usage", "is 4: what most people use"),
}


@pytest.mark.parametrize(("name", "fields", "field", "reason"), WRONG.values(), ids=WRONG.keys())
def test_wrong(make_source: MakeSource, base: Base, name: str, fields: dict[str, Any], field: str, reason: str) -> None:
    """What the other fields speak against is reported at its field with what to write."""
    (problem,) = standardness.check(make_source(name, **fields), base)
    assert (problem.field, problem.reason[: len(reason)]) == (field, reason)


def test_documented_scale(ours: Knowledge) -> None:
    """Each level of both scales is documented, and the tools named as its examples have it."""
    text = SCALE.read_text(encoding="utf-8")
    tools = {tool.name: tool for tool in ours.tools}
    rows = re.findall(r"^\| `?(builtin|posix|core|popular|niche|[1-5])`? \|.*\| ([^|]+) \|$", text, re.MULTILINE)
    assert [level for level, _ in rows] == ["builtin", "posix", "core", "popular", "niche", "5", "4", "3", "2", "1"]
    for level, examples in rows:
        named = re.findall(r"`([^`]+)`", examples)
        assert len(named) >= 3
        assert [n for n in named if level not in (tools[n].standardness, str(tools[n].usage))] == []
