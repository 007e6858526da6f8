"""The rule about examples."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from toolrec_kb.load import Source
from toolrec_kb.rules import Base, examples

MakeSource = Callable[..., Source]


def findings(source: Source, base: Base) -> list[tuple[str, str]]:
    """Return field and reason of what the rule reports."""
    return [(problem.field, problem.reason) for problem in examples.check(source, base)]


def showing(make_source: MakeSource, command: str, *, task: str = "find it", **fields: object) -> Source:
    """Return fd's entry with this as its second example."""
    return make_source(examples=[{"task": "find all", "command": "fd"}, {"task": task, "command": command}], **fields)


@pytest.mark.parametrize(
    "command",
    [
        "fd {pattern}",
        "sudo fd -x rm",
        "cat list | fd -e py",
        "fd {a} && fd {b}",
        "/usr/bin/fd .",
        "FD.exe; fd",
        "echo $(fd {pattern})",
        "fdfind {pattern}",
        "fd . > {file} 2>&1",
        "git diff HEAD@{1} | fd",
        "awk '{print $1}' {file} | fd",
    ],
)
def test_clean(make_source: MakeSource, base: Base, command: str) -> None:
    """A command that runs the tool anywhere in it, under any of its names, is in order."""
    source = showing(make_source, command, program_names={"apt": {"fd": "fdfind"}})
    assert findings(source, base) == []


def test_another_tool(make_source: MakeSource, base: Base) -> None:
    """A command that runs none of the tool's programs is reported with their names."""
    source = showing(make_source, "find . -name {pattern}", programs=["fd", "fd2"])
    assert findings(source, base) == [("examples[1].command", "runs none of fd, fd2")]


def test_name_inside_a_word(make_source: MakeSource, base: Base) -> None:
    """A program's name as a part of another word does not count."""
    assert findings(showing(make_source, "fdisk -l"), base) == [("examples[1].command", "runs none of fd")]


@pytest.mark.parametrize(("command", "odd"), [("fd {File}", "{File}"), ("fd <file>", "<file>"), ("fd <a-b>", "<a-b>")])
def test_odd_placeholder(make_source: MakeSource, base: Base, command: str, odd: str) -> None:
    """Placeholders in other forms, which no one would fill in, are reported."""
    assert findings(showing(make_source, command), base) == [
        ("examples[1].command", f"write the placeholder {odd!r} in lower case between braces, as {{file}}")
    ]


def test_repeated_task(make_source: MakeSource, base: Base) -> None:
    """A task that an earlier example has, in whatever case, is reported where it stands again."""
    assert findings(showing(make_source, "fd -a", task="Find All"), base) == [
        ("examples[1].task", "repeats an earlier example's task")
    ]


def test_full_stop(make_source: MakeSource, base: Base) -> None:
    """A task that ends in a full stop is reported."""
    assert findings(showing(make_source, "fd -a", task="find it."), base) == [
        ("examples[1].task", "is a phrase: no full stop at its end")
    ]


def test_strange_platform(make_source: MakeSource, base: Base) -> None:
    """An example on a platform where the tool does not run is reported."""
    shown = [
        {"task": "find it", "command": "fd", "platforms": ["linux"]},
        {"task": "find all", "command": "fd .", "platforms": ["windows", "macos"]},
    ]
    assert findings(make_source(examples=shown), base) == [
        ("examples[1].platforms", "windows is not among the tool's platforms")
    ]
