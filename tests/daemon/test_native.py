"""What speaks for a tool on a system besides the question's words."""

from __future__ import annotations

import pytest

from toolrec_kb.knowledge import load
from toolrec_kb.schema import Tool
from toolrecd.context import for_os
from toolrecd.native import native_bonus


@pytest.fixture(scope="module")
def ours() -> dict[str, Tool]:
    """Our tools by name."""
    return {tool.name: tool for tool in load()[0].tools}


def test_system_manager(ours: dict[str, Tool]) -> None:
    """A system's own package manager is lifted there, and another system's put far down."""
    debian = for_os("debian")
    assert native_bonus(ours["apt"], debian, "bash") > 0 > native_bonus(ours["dnf"], debian, "bash")


def test_cmdlet(ours: dict[str, Tool]) -> None:
    """At a PowerShell prompt its own cmdlet is worth more than a program that runs anywhere."""
    windows = for_os("windows")
    cmdlet, port = (native_bonus(ours[name], windows, "powershell") for name in ("Compress-Archive", "zip"))
    assert cmdlet > port
    assert native_bonus(ours["Compress-Archive"], windows, "bash") < cmdlet


def test_made_for_one_system(ours: dict[str, Tool]) -> None:
    """A tool of one system alone is worth more there than one of many."""
    macos = for_os("macos")
    assert native_bonus(ours["pbcopy"], macos, "zsh") > native_bonus(ours["grep"], macos, "zsh")
