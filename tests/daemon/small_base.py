"""A knowledge base of a handful of tools, whose rankings can be told by hand, and who may ask it."""

from __future__ import annotations

from toolrec_kb import knowledge
from toolrec_kb.schema import Category, Example, Shell, Tool
from toolrecd import context
from toolrecd.context import Machine
from toolrecd.recommend import Situation

FIND = Tool(
    name="find",
    summary="Find files and folders by name",
    programs=("find",),
    categories=("search",),
    platforms=("linux", "macos"),
    standardness="posix",
    usage=5,
    examples=(
        Example("find all files with an extension", "find . -name '*.{extension}'"),
        Example("find files by name", "find . -name {pattern}"),
    ),
    piped_with=("xargs",),
)
FD = Tool(
    name="fd",
    summary="Find files by name, quickly",
    programs=("fd",),
    categories=("search",),
    platforms=("linux", "macos", "windows"),
    standardness="popular",
    usage=3,
    examples=(
        Example("find all files with an extension", "fd -e {extension}"),
        Example("find files by name", "fd {pattern}"),
    ),
    alternative_to=("find",),
    replaces=("find",),
    install={"apt": "fd-find", "brew": "fd", "winget": "sharkdp.fd"},
    program_names={"apt": {"fd": "fdfind"}},
)
MDFIND = Tool(
    name="mdfind",
    summary="Find files through Spotlight's index",
    programs=("mdfind",),
    categories=("search",),
    platforms=("macos",),
    standardness="core",
    usage=3,
    examples=(Example("find files by name", "mdfind -name {pattern}"), Example("find files", "mdfind {pattern}")),
)
COMPGEN = Tool(
    name="compgen",
    summary="List commands that files and functions complete to",
    programs=("compgen",),
    categories=("shell",),
    platforms=("linux", "macos", "windows"),
    standardness="builtin",
    usage=2,
    examples=(Example("list all commands", "compgen -c"), Example("find files by name", "compgen -f {pattern}")),
    shells=("bash",),
)
SHRED = Tool(
    name="shred",
    summary="Overwrite files so that they cannot be recovered",
    programs=("shred",),
    categories=("files",),
    platforms=("linux",),
    standardness="core",
    usage=2,
    examples=(Example("overwrite a file", "shred {file}"), Example("overwrite and delete a file", "shred -u {file}")),
    caution="what it overwrites is gone for ever",
)
TOOLS = (FIND, FD, MDFIND, COMPGEN, SHRED)
CATEGORIES = tuple(Category(name, f"what {name} is about") for name in ("search", "shell", "files"))
BASE = knowledge.assemble(TOOLS, CATEGORIES, ())

DEBIAN = Machine("linux", "debian", ("apt", "brew"), local=True)
MAC = Machine("macos", "", ("brew",), local=True)


def here(*programs: str, machine: Machine = DEBIAN, shell: Shell = "bash") -> Situation:
    """Return someone who asks about this machine, with these programs."""
    return Situation(machine, shell, frozenset(programs))


def elsewhere(os: str, shell: Shell = "bash") -> Situation:
    """Return someone who asks about another machine."""
    return Situation(context.for_os(os), shell, None)
