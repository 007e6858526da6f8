"""The shape of a knowledge base entry: one Struct a TOML table, unknown fields refused.

Knows nothing of files, search or the protocol. `load` reads these, `toolrec_kb.rules` judges
them, and `tool.schema.json` is generated from them for editors (`python -m toolrec_kb schema`).
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

Platform = Literal["linux", "macos", "windows", "freebsd", "openbsd", "netbsd"]
Shell = Literal["bash", "zsh", "fish", "powershell", "sh"]
Standardness = Literal["builtin", "posix", "core", "popular", "niche"]
Manager = Literal[
    "apt", "dnf", "pacman", "zypper", "apk", "xbps", "nix",
    "brew", "brew_cask", "macports",
    "pkg", "pkg_add", "pkgin",
    "winget", "scoop", "choco",
    "pipx", "npm", "cargo", "go",
]  # fmt: skip

PLATFORMS: tuple[Platform, ...] = get_args(Platform)
SHELLS: tuple[Shell, ...] = get_args(Shell)
MANAGERS: tuple[Manager, ...] = get_args(Manager)

# Control characters would reach a terminal; refusing them here spares every printer the thought.
# Python's `$` also matches before a newline at the very end, which in a command would run it: hence
# `(?!\n)`. `\Z` would say the same, but JSON Schema's regular expressions do not know it.
_END = r"$(?!\n)"
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*" + _END
ToolName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:\[+-][A-Za-z0-9_.+@\[-]*" + _END, max_length=48)]
Program = Annotated[str, msgspec.Meta(pattern=r"^[^\s/\x00-\x1f\x7f-\x9f]+" + _END, max_length=64)]
CategoryName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z_]*" + _END, max_length=32)]
# `@scope/name` (npm), `host/path@version` (go), `Vendor.Product` (winget): nothing a shell would act on.
Package = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9@][A-Za-z0-9@._+:/-]*" + _END, max_length=120)]
Phrase = Annotated[str, msgspec.Meta(pattern=_ONE_LINE, min_length=3, max_length=120)]
Command = Annotated[str, msgspec.Meta(pattern=_ONE_LINE, min_length=1, max_length=240)]
Keyword = Annotated[str, msgspec.Meta(pattern=_ONE_LINE, min_length=1, max_length=48)]
_BY_MANAGER = msgspec.Meta(extra_json_schema={"propertyNames": {"enum": list(MANAGERS)}})  # for editors to offer
Caution = Annotated[str, msgspec.Meta(pattern=_ONE_LINE, max_length=160)]


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task as a person would say it and a command that does it, with `{placeholders}`."""

    task: Phrase
    command: Command
    platforms: tuple[Platform, ...] = ()
    """Where the command works; empty means wherever the tool does."""


class Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tool: what it does, where it runs, how to get it, how to call it."""

    name: ToolName
    summary: Annotated[str, msgspec.Meta(pattern=_ONE_LINE, min_length=8, max_length=90)]
    programs: Annotated[tuple[Program, ...], msgspec.Meta(min_length=1)]
    """What is typed to run it; the first is the usual one."""
    categories: Annotated[tuple[CategoryName, ...], msgspec.Meta(min_length=1, max_length=4)]
    """The first is the folder the file lies in."""
    platforms: Annotated[tuple[Platform, ...], msgspec.Meta(min_length=1)]
    standardness: Standardness
    """builtin: part of a shell; posix: a POSIX utility; core: comes with the system;
    popular: widely installed; niche: for a special purpose."""
    usage: Annotated[int, msgspec.Meta(ge=1, le=5)]
    """How many people at a prompt use it: 5 most of them weekly, 4 most of them now and then,
    3 most people of its field, 2 some people of its field, 1 few."""
    examples: Annotated[tuple[Example, ...], msgspec.Meta(min_length=2)]
    keywords: tuple[Keyword, ...] = ()
    """Words people use for its job that stand in no other field."""
    shells: tuple[Shell, ...] = ()
    """The shells it is part of; empty means it is a program of its own."""
    alternative_to: tuple[ToolName, ...] = ()
    replaces: tuple[ToolName, ...] = ()
    """Older tools it is a modern replacement of."""
    piped_with: tuple[ToolName, ...] = ()
    install: Annotated[dict[Manager, Package], _BY_MANAGER] = {}
    program_names: Annotated[dict[Manager, dict[Program, Program]], _BY_MANAGER] = {}
    """Where a manager installs a program under another name: `apt = { fd = "fdfind" }`."""
    caution: Caution = ""
    """What it can destroy, in one sentence."""


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task category and the one line that tells it from its neighbours."""

    name: CategoryName
    definition: Annotated[str, msgspec.Meta(pattern=_ONE_LINE, min_length=8, max_length=140)]
    keywords: tuple[Keyword, ...] = ()


class Categories(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file that lists the categories."""

    category: tuple[Category, ...]


class Synonyms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file that lists words which mean much the same."""

    group: tuple[Annotated[tuple[Keyword, ...], msgspec.Meta(min_length=2)], ...]


def all_programs(tool: Tool) -> tuple[str, ...]:
    """Return every name the tool may have on a PATH, the usual one first."""
    renamed = [new for names in tool.program_names.values() for new in names.values()]
    return tuple(dict.fromkeys([*tool.programs, *renamed]))
