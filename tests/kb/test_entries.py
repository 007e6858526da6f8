"""The packed tools: decoded when looked at, each with its alternatives both ways."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from toolrec_kb.entries import Tools, pack_entries
from toolrec_kb.knowledge import Knowledge, assemble
from toolrec_kb.schema import Category, Tool

MakeTool = Callable[..., Tool]
CATEGORIES = [Category("search", "Find files and text.")]


def alternatives(*tools: Tool) -> dict[str, list[str]]:
    """Return each tool's alternatives in the knowledge base of these."""
    return {tool.name: list(tool.alternative_to) for tool in assemble(tools, CATEGORIES, ()).tools}


def test_a_sequence(make_tool: MakeTool) -> None:
    """The tools are counted, indexed from both ends, sliced and gone through, each equal to what was packed."""
    made = [make_tool(name) for name in ("a", "b", "c")]
    tools = Tools(pack_entries(made))
    assert len(tools) == 3
    assert list(tools) == made
    assert (tools[0], tools[-1], tools[1:]) == (made[0], made[2], made[1:])
    assert made[1] in tools
    with pytest.raises(IndexError):
        tools[3]


def test_looked_at_once(make_tool: MakeTool) -> None:
    """A tool that was looked at is kept."""
    tools = Tools(pack_entries([make_tool("a")]))
    assert tools[0] is tools[0] is tools[-1]


def test_both_ways(make_tool: MakeTool) -> None:
    """What an entry names as its alternative has it as one."""
    assert alternatives(make_tool("fd", alternative_to=["find"]), make_tool("find")) == {"fd": ["find"], "find": ["fd"]}


def test_replacement(make_tool: MakeTool) -> None:
    """A replacement and what it replaces are alternatives of each other."""
    assert alternatives(make_tool("fd", replaces=["find"]), make_tool("find")) == {"fd": ["find"], "find": ["fd"]}


def test_order(make_tool: MakeTool) -> None:
    """Those that the entry names come first, then replacements, then the more widely used, then by name."""
    tools = [
        make_tool("own", usage=1),
        make_tool("it", alternative_to=["own"]),
        make_tool("b", alternative_to=["it"], usage=2),
        make_tool("a", alternative_to=["it"], usage=2),
        make_tool("wide", alternative_to=["it"], usage=5),
        make_tool("new", replaces=["it"], usage=1),
    ]
    assert alternatives(*tools)["it"] == ["own", "new", "wide", "a", "b"]
    assert alternatives(*tools[::-1]) == alternatives(*tools)


def test_named_on_both_sides(make_tool: MakeTool) -> None:
    """Two that name each other have each other once."""
    tools = make_tool("a", alternative_to=["b"], replaces=["b"]), make_tool("b", alternative_to=["a"])
    assert alternatives(*tools) == {"a": ["b"], "b": ["a"]}


def test_unknown_and_own_name(make_tool: MakeTool) -> None:
    """A name that no tool has stays where it stands, and a tool that names itself gets nothing by it."""
    assert alternatives(make_tool("a", alternative_to=["gone", "a"])) == {"a": ["gone", "a"]}


def test_as_written(make_tool: MakeTool) -> None:
    """An entry can be had as its file says it, so that a knowledge base made of it again is the same."""
    made = [make_tool("fd", alternative_to=["find"]), make_tool("find")]
    knowledge = assemble(made, CATEGORIES, ())
    written = [knowledge.entries.written(number) for number in range(2)]
    assert written == made
    assert assemble(written, CATEGORIES, ()) == knowledge


def test_ours_both_ways(ours: Knowledge) -> None:
    """In our own knowledge base every alternative holds both ways, and none is named twice."""
    named = {tool.name: tool.alternative_to for tool in ours.tools}
    assert [(name, other) for name, others in named.items() for other in others if name not in named[other]] == []
    assert [name for name, others in named.items() if len(set(others)) != len(others) or name in others] == []
    assert [(tool.name, old) for tool in ours.tools for old in tool.replaces if tool.name not in named[old]] == []
