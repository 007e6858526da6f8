"""What an entry may say: every field's limits, and no field that is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from toolrec_kb.schema import MANAGERS, PLATFORMS, Categories, Tool, all_programs

Entry = Callable[..., dict[str, Any]]


def test_good_entry(entry: Entry) -> None:
    """A good entry keeps its values, and what it leaves out is empty."""
    tool = msgspec.convert(entry("fd", install={"apt": "fd-find"}), Tool)
    assert (tool.name, tool.programs, tool.install) == ("fd", ("fd",), {"apt": "fd-find"})
    assert (tool.keywords, tool.shells, tool.replaces, tool.program_names, tool.caution) == ((), (), (), {}, "")


@pytest.mark.parametrize("field", ["sumary", "installs", "Name", "example"])
def test_unknown_field(entry: Entry, field: str) -> None:
    """A field that does not exist is refused by name, so that a slip of the pen cannot pass in silence."""
    with pytest.raises(msgspec.ValidationError, match=f"unknown field `{field}`"):
        msgspec.convert(entry(**{field: "x"}), Tool)


def test_unknown_field_of_an_example(entry: Entry) -> None:
    """An unknown field inside an example is refused with its place."""
    examples = [{"task": "find it", "command": "fd"}, {"task": "find all", "command": "fd .", "os": "linux"}]
    with pytest.raises(msgspec.ValidationError, match=r"unknown field `os` - at `\$\.examples\[1\]`"):
        msgspec.convert(entry(examples=examples), Tool)


@pytest.mark.parametrize(
    "field", ["name", "summary", "programs", "categories", "platforms", "standardness", "usage", "examples"]
)
def test_required_field(entry: Entry, field: str) -> None:
    """Each field that an entry cannot do without is asked for by name."""
    document = entry()
    del document[field]
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{field}`"):
        msgspec.convert(document, Tool)


TWO_EXAMPLES = [{"task": "find it", "command": "fd"}] * 2
BAD_VALUES = {
    "empty name": {"name": ""},
    "name with a space": {"name": "git add"},
    "name with a slash": {"name": "bin/fd"},
    "long name": {"name": "x" * 49},
    "name with a newline at its end": {"name": "fd\n"},
    "short summary": {"summary": "Finds"},
    "long summary": {"summary": "x" * 91},
    "summary of two lines": {"summary": "Find files\nquickly"},
    "summary with an escape sequence": {"summary": "Find \x1b[31m files"},
    "summary with an 8-bit escape": {"summary": "Find \x9b31m files"},
    "no program": {"programs": []},
    "program with a path": {"programs": ["/usr/bin/fd"]},
    "program with a space": {"programs": ["fd find"]},
    "program with a newline": {"programs": ["fd\n"]},
    "no category": {"categories": []},
    "five categories": {"categories": ["a", "b", "c", "d", "e"]},
    "category in upper case": {"categories": ["Search"]},
    "no platform": {"platforms": []},
    "unknown platform": {"platforms": ["darwin"]},
    "unknown standardness": {"standardness": "common"},
    "usage 0": {"usage": 0},
    "usage 6": {"usage": 6},
    "usage in words": {"usage": "often"},
    "one example": {"examples": TWO_EXAMPLES[:1]},
    "short task": {"examples": [*TWO_EXAMPLES, {"task": "do", "command": "fd"}]},
    "long task": {"examples": [*TWO_EXAMPLES, {"task": "x" * 121, "command": "fd"}]},
    "no command": {"examples": [*TWO_EXAMPLES, {"task": "find it", "command": ""}]},
    "long command": {"examples": [*TWO_EXAMPLES, {"task": "find it", "command": "x" * 241}]},
    "command of two lines": {"examples": [*TWO_EXAMPLES, {"task": "find it", "command": "fd\nrm"}]},
    "command that runs itself": {"examples": [*TWO_EXAMPLES, {"task": "find it", "command": "fd\n"}]},
    "command with a carriage return": {"examples": [*TWO_EXAMPLES, {"task": "find it", "command": "fd\rrm"}]},
    "example on a strange platform": {
        "examples": [*TWO_EXAMPLES, {"task": "it", "command": "x", "platforms": ["os2"]}]
    },
    "empty keyword": {"keywords": [""]},
    "long keyword": {"keywords": ["x" * 49]},
    "unknown shell": {"shells": ["ksh"]},
    "relation with a space": {"alternative_to": ["git add"]},
    "unknown manager": {"install": {"yum": "fd"}},
    "package that is an option": {"install": {"apt": "-rf"}},
    "package with a command after it": {"install": {"apt": "fd;rm"}},
    "package with a substitution": {"install": {"npm": "$(fd)"}},
    "package with a newline at its end": {"install": {"apt": "fd\n"}},
    "empty package": {"install": {"apt": ""}},
    "long package": {"install": {"go": "x" * 121}},
    "renamed by an unknown manager": {"program_names": {"yum": {"fd": "fdfind"}}},
    "renamed to a path": {"program_names": {"apt": {"fd": "/bin/fd"}}},
    "long caution": {"caution": "x" * 161},
    "caution of two lines": {"caution": "Deletes\tall"},
}


@pytest.mark.parametrize("change", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_bad_value(entry: Entry, change: dict[str, Any]) -> None:
    """A value outside its field's limits is refused, and the message points at that field."""
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({**entry(), **change}, Tool)
    assert f"`$.{next(iter(change))}" in str(refused.value)


GOOD_PACKAGES = {
    "apt": "g++",
    "npm": "@angular/cli",
    "go": "github.com/user/tool/cmd/tool@latest",
    "winget": "Vendor.Product.11",
    "brew": "user/tap/tool@2",
    "nix": "nodePackages.prettier",
    "pipx": "a_b-c",
}


@pytest.mark.parametrize("manager", MANAGERS)
def test_every_manager(entry: Entry, manager: str) -> None:
    """Each manager takes a package, in the forms that its own packages have, and may rename a program."""
    package = GOOD_PACKAGES.get(manager, "fd-find")
    tool = msgspec.convert(entry(install={manager: package}, program_names={manager: {"fd": "fdfind"}}), Tool)
    assert dict(tool.install) == {manager: package}
    assert all_programs(tool) == ("fd", "fdfind")


@pytest.mark.parametrize("name", ["7z", "[", ".", ":", "g++", "Get-ChildItem", "apt-get", "perl5.36", "git-lfs"])
def test_names_that_tools_have(entry: Entry, name: str) -> None:
    """Names that real tools have pass, the odd ones of shell builtins among them."""
    assert msgspec.convert(entry(name), Tool).name == name


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform(entry: Entry, platform: str) -> None:
    """Each platform may stand in an entry and in an example."""
    examples = [{"task": "find it", "command": "fd", "platforms": [platform]}] * 2
    tool = msgspec.convert(entry(platforms=[platform], examples=examples), Tool)
    assert (tool.platforms, tool.examples[1].platforms) == ((platform,), (platform,))


def test_all_programs_are_distinct(entry: Entry) -> None:
    """A name that several managers give is listed once, after the tool's own."""
    names = {"apt": {"fd": "fdfind"}, "dnf": {"fd": "fdfind"}, "brew": {"fd": "fd"}}
    assert all_programs(msgspec.convert(entry(program_names=names), Tool)) == ("fd", "fdfind")


@pytest.mark.parametrize(
    "category",
    [
        {"name": "search"},
        {"name": "Search", "definition": "Find files and text"},
        {"name": "search", "definition": "Find it"},
        {"name": "search", "definition": "Find files", "tools": ["fd"]},
    ],
)
def test_bad_category(category: dict[str, Any]) -> None:
    """A category without a definition, with a bad name or with an unknown field is refused."""
    with pytest.raises(msgspec.ValidationError, match=r"at `\$\.category\[0\]"):
        msgspec.convert({"category": [category]}, Categories)
