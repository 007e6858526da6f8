"""Which shell an example is typed at, and whether that shell can read it with its placeholders filled.

Knows syntax alone: a command that can be read may still ask for an option that does not exist, which
`test_examples_run` looks after. Nothing is run here: bash, zsh and fish only read (`-n`), and for
PowerShell and cmd, which a Unix machine lacks, tree-sitter's grammars read.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import tree_sitter
import tree_sitter_batch
import tree_sitter_powershell

from toolrec_kb.rules.examples import PLACEHOLDER
from toolrec_kb.schema import Example, Tool

EXCEPTIONS: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("example_syntax.toml").read_text(encoding="utf-8")
)
_VALUES = {
    "address": "192.0.2.7",
    "command": "ls",
    "date": "2025-01-31",
    "host": "example.org",
    "letter": "E",
    "number": "3",
    "pid": "4321",
    "port": "8080",
    "program": "ls",
    "size": "10",
    "url": "https://example.org/page",
}

Reads = Callable[[Sequence[str]], bool]


def filled(command: str) -> str:
    """Return the command with a plausible word for each placeholder, which is its name where no other is better."""
    return PLACEHOLDER.sub(lambda hole: _VALUES.get(hole[1], hole[1]), command)


def shells(tool: Tool, example: Example) -> set[str]:
    """Return the shells at which the example is typed."""
    platforms = set(example.platforms or tool.platforms)
    if tool.shells:
        return {"bash" if shell == "sh" else shell for shell in tool.shells}
    unix = {"bash", "zsh"} if platforms - {"windows"} else set()
    return unix | ({"powershell"} if "windows" in platforms else set())


def need(program: str) -> None:
    """Skip the test where a program is missing; under CI that fails."""
    if not shutil.which(program):
        pytest.skip(f"missing {program}; see CONTRIBUTING.md for what the tests need")


def broken(reads: Reads, commands: Sequence[str]) -> list[str]:
    """Return the commands that `reads` cannot read, halving the pile around them."""
    if not commands or reads(commands):
        return []
    if len(commands) == 1:
        return list(commands)
    half = len(commands) // 2
    return broken(reads, commands[:half]) + broken(reads, commands[half:])


def bash_reads(commands: Sequence[str]) -> bool:
    """Say whether bash can read all of them, which takes one process."""
    return _silent(["bash", "--norc", "-n"], _script(commands, " `)(`"))


def zsh_reads(commands: Sequence[str]) -> bool:
    """Say whether zsh can read all of them, which takes one process."""
    return _silent(["zsh", "-f", "-n"], _script(commands))


def fish_reads(commands: Sequence[str]) -> bool:
    """Say whether fish can read each; its blocks all end in `end`, so each takes a process of its own."""
    return all(_silent(["fish", "--no-config", "--no-execute"], f"{command}\n") for command in commands)


def powershell_reads(commands: Sequence[str]) -> bool:
    """Say whether PowerShell's grammar can read each of them."""
    return all(_parses(tree_sitter_powershell, _plainer(command)) and _keeps_clear(command) for command in commands)


def cmd_reads(commands: Sequence[str]) -> bool:
    """Say whether the batch grammar can read each of them."""
    return all(_parses(tree_sitter_batch, command) for command in commands)


def _script(commands: Sequence[str], fence: str = "") -> str:
    """Return a script of all commands in which no mistake of one can be healed by a mistake of the next.

    Two blocks that close differently stand around each. What follows is text as long as no quote is
    open, and a syntax error otherwise.
    """
    return "".join(f"{{\nif :; then\n{command}\nfi\n}}\n: ')(' \")(\"{fence}\n" for command in commands)


def _silent(words: Sequence[str], script: str) -> bool:
    done = subprocess.run(words, input=script, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0 and not done.stderr


def _keeps_clear(command: str) -> bool:
    """Say whether a command does without what the grammar lets pass and PowerShell does not: `<` is
    reserved, and a bare `@word` stands for a variable's parts."""
    return not re.search(r"<|(?<!\S)@\w", re.sub(r"'[^']*'|\"[^\"]*\"", "_", command))


def _plainer(command: str) -> str:
    """Return a PowerShell command without what is in order there and unknown to its grammar."""
    for known, plain in (
        # Words that begin like options but hold more than letters, quoted parts included.
        (r"(?<!\S)(?:-|/(?=\S))(?![A-Za-z]+(?:\s|$))(?:[^\s'\"$(){};|&<>`]|\"[^\"$]*\"|'[^']*')*", "_"),
        (r"(?<=\d)[KMGTP]B\b", ""),  # multipliers in capitals, behind an operator
        (r"(?<=[\w%]), (?=@\{)", " "),  # lists of bare words
        (r"(?<=[\w%]), ?(?=\w)", ""),
        (r"(?<=[\w)]) _ (?=\()", " - "),  # a minus after all
    ):
        command = re.sub(known, plain, command)
    return command


@cache
def _parser(grammar: ModuleType) -> tree_sitter.Parser:
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))


def _parses(grammar: ModuleType, command: str) -> bool:
    return not _parser(grammar).parse(f"{command}\n".encode()).root_node.has_error
