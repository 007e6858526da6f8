"""Our own knowledge base is broad: builtins, cmdlets, what one system alone has, and every category."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from toolrec_kb.load import CATEGORIES_FILE, DATA_DIR, Problem, read_categories, read_folder
from toolrec_kb.schema import Tool

SHELLS = {"bash", "zsh", "fish"}
BSDS = {"freebsd", "openbsd", "netbsd"}
CMDLET = re.compile(r"(Add|Clear|Compare|Compress|ConvertFrom|ConvertTo|Copy|Disable|Enable|Enter|Expand|Export|Find|"
                    r"ForEach|Format|Get|Group|Import|Install|Invoke|Join|Measure|Move|New|Out|Read|Register|Remove|"
                    r"Rename|Resolve|Restart|Select|Send|Set|Sort|Split|Start|Stop|Tee|Test|Unblock|Update|Wait|Where|"
                    r"Write)-[A-Z][A-Za-z]+$")  # fmt: skip


@pytest.fixture(scope="module")
def tools() -> list[Tool]:
    """Our tools."""
    return [source.tool for source in read_folder(DATA_DIR)[0]]


def test_builtins(tools: list[Tool]) -> None:
    """Builtins of bash, zsh and fish, of each shell many."""
    builtins = [tool for tool in tools if SHELLS & set(tool.shells)]
    assert len(builtins) >= 45
    assert min(Counter(shell for tool in builtins for shell in tool.shells if shell in SHELLS).values()) >= 30


def test_cmdlets(tools: list[Tool]) -> None:
    """PowerShell's cmdlets stand under their full names, with the aliases that people type."""
    cmdlets = {tool.name: tool.programs for tool in tools if "powershell" in tool.shells}
    assert len(cmdlets) >= 90
    assert [name for name, programs in cmdlets.items() if not CMDLET.match(name) or programs[0] != name] == []
    usual = {
        "Get-ChildItem": "gci ls dir", "Get-Content": "gc cat type", "Copy-Item": "cp copy", "Move-Item": "mv move",
        "Remove-Item": "rm del", "Set-Location": "cd sl", "Get-Process": "gps ps", "Stop-Process": "kill spps",
        "Where-Object": "where ?", "ForEach-Object": "foreach %", "Select-String": "sls", "Format-List": "fl",
        "Format-Table": "ft", "Get-Help": "help man", "Invoke-WebRequest": "iwr", "Get-Command": "gcm",
    }  # fmt: skip
    assert [name for name, also in usual.items() if not set(also.split()) <= set(cmdlets[name])] == []


@pytest.mark.parametrize(("system", "least"), [("windows", 60), ("macos", 60)])
def test_one_system(tools: list[Tool], system: str, least: int) -> None:
    """Programs that Windows or macOS alone has."""
    assert sum(tool.platforms == (system,) and not tool.shells for tool in tools) >= least


def test_bsd(tools: list[Tool]) -> None:
    """Programs that the BSDs alone have, some of each."""
    own = [tool for tool in tools if set(tool.platforms) <= BSDS]
    assert len(own) >= 30
    assert min(Counter(system for tool in own for system in tool.platforms).get(bsd, 0) for bsd in BSDS) >= 15


def test_categories(tools: list[Tool]) -> None:
    """Every category has tools enough to choose from, counted once each, in its first category."""
    listed = read_categories(DATA_DIR / CATEGORIES_FILE)
    assert not isinstance(listed, Problem), str(listed)
    first = Counter(tool.categories[0] for tool in tools)
    assert len(listed) >= 35
    assert [category.name for category in listed if first[category.name] < 12] == []
