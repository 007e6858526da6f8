"""Every example of every entry can be read by the shells it is typed at, and the check sees what cannot."""

from __future__ import annotations

from functools import cache

import pytest

from toolrec_kb.load import DATA_DIR, read_folder

from . import syntax

READERS = {
    "bash": syntax.bash_reads,
    "zsh": syntax.zsh_reads,
    "fish": syntax.fish_reads,
    "powershell": syntax.powershell_reads,
    "cmd": syntax.cmd_reads,
}
SHELLS = [
    "bash",
    pytest.param("zsh", marks=pytest.mark.shell),
    pytest.param("fish", marks=pytest.mark.shell),
    "powershell",
    "cmd",
]


@cache
def commands(shell: str) -> frozenset[str]:
    """Return the examples that are typed at `shell`; those excepted from PowerShell's are cmd's."""
    if shell == "cmd":
        return frozenset(syntax.EXCEPTIONS["cmd"])
    sources, _ = read_folder(DATA_DIR)
    return frozenset(
        example.command
        for source in sources
        for example in source.tool.examples
        if shell in syntax.shells(source.tool, example)
    )


def unreadable(shell: str) -> set[str]:
    """Return the examples that the shell cannot read, as the entries have them."""
    by_filled = {syntax.filled(command): command for command in commands(shell)}
    return {by_filled[command] for command in syntax.broken(READERS[shell], sorted(by_filled))}


def excepted(shell: str) -> set[str]:
    """Return the examples that the shell is known not to read."""
    elsewhere = syntax.EXCEPTIONS["cmd"] if shell == "powershell" else {}
    return {*(syntax.EXCEPTIONS.get(shell, {}) if shell != "cmd" else {}), *elsewhere}


@pytest.mark.parametrize("shell", SHELLS)
def test_every_example_can_be_read(shell: str) -> None:
    """A shell reads all of its examples but those that are excepted, and no exception is needless."""
    if shell in ("bash", "zsh", "fish"):
        syntax.need(shell)
    assert len(commands(shell)) >= {"bash": 8000, "zsh": 8000, "fish": 150, "powershell": 4000}.get(shell, 1)
    assert unreadable(shell) == excepted(shell)


@pytest.mark.parametrize(
    ("shell", "command"),
    [
        ("bash", "echo 'it"),
        ("bash", 'echo "it'),
        ("bash", "echo `it"),
        ("bash", "echo $(it"),
        ("bash", "ls | | wc"),
        ("bash", "ls )"),
        ("bash", "}"),
        ("bash", "fi"),
        ("bash", "if true; then ls"),
        ("bash", "while true; do ls"),
        ("bash", "cat <<END"),
        ("bash", "case a in"),
        ("bash", "{ ls"),
        ("bash", "(ls"),
        ("bash", "ls &&"),
        pytest.param("zsh", "echo 'it", marks=pytest.mark.shell),
        pytest.param("zsh", "while true; do ls", marks=pytest.mark.shell),
        pytest.param("fish", "echo $?", marks=pytest.mark.shell),
        pytest.param("fish", "if true", marks=pytest.mark.shell),
        ("powershell", "Get-Item 'it"),
        ("powershell", "Get-Item {"),
        ("powershell", "Get-Item )"),
        ("powershell", "Get-Item |"),
        ("powershell", "for f in *.png; do ls; done"),
        ("powershell", "Get-Item a, @{ b = 1"),
        ("powershell", "protoc < file"),
        ("powershell", "jj git push --change @"),
        ("powershell", "curl --json @file https://example.org"),
        ("cmd", "title a | | more"),
        ("cmd", 'title "a'),
    ],
)
def test_broken_is_found_between_sound_ones(shell: str, command: str) -> None:
    """A broken command is told from those around it, even if a second one would close what it leaves open."""
    if shell in ("bash", "zsh", "fish"):
        syntax.need(shell)
    pile = ["ls", "pwd", command, "ls -l", command, "ls -a"]
    assert syntax.broken(READERS[shell], pile) == [command, command]


def test_mistakes_that_would_heal_each_other() -> None:
    """What one command opens, another may not close."""
    pile = ["ls", "if true; then ls", "fi", "echo (", ")", "echo {", "}", "{ ls", "}"]
    assert set(syntax.broken(syntax.bash_reads, pile)) == {*pile} - {"ls", "echo {"}


def test_placeholders_are_filled() -> None:
    """A placeholder becomes a word; braces of other languages stay."""
    assert syntax.filled("awk '{print $1}' {file} | head -n {number}") == "awk '{print $1}' file | head -n 3"
