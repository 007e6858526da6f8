"""zsh with the real daemon on the real model: the whole way from a key to the screen."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from .terminal import Terminal

pytestmark = [pytest.mark.shell, pytest.mark.slow]
Zsh = Callable[..., Terminal]
PACKERS = {"tar", "zip", "gzip", "xz", "zstd", "7z", "bzip2", "lz4"}


class Daemon(Protocol):
    """What these tests use of the daemon fixtures."""

    home: Path
    socket: Path

    def toolrecd(self, *words: str, check: bool = False, **environment: str) -> object:
        """Run `toolrecd`."""


def tool_shown(screen: str) -> str:
    """Return the name of the tool in the ghost text of the first line."""
    return screen.splitlines()[0].partition("  ")[2].partition(":")[0]


def test_a_question_is_answered_and_the_answer_taken(zsh: Zsh, shared_daemon: Daemon) -> None:
    """Typing shows a tool for the task, with its invocation; Right puts that on the line."""
    shell = zsh(TOOLREC_SOCKET=str(shared_daemon.socket), columns=200)
    shell.type("# compress this folder")
    screen = shell.wait_for(lambda screen: ": " in screen and len(screen.splitlines()) > 1)
    assert tool_shown(screen) in PACKERS
    shell.keys("Right")
    line = shell.wait_for(lambda screen: screen.startswith("% ") and "#" not in screen)
    assert line.split()[1] in PACKERS


def test_the_list_holds_several_tools(zsh: Zsh, shared_daemon: Daemon) -> None:
    """Enter lists tools for the task, and a digit puts the second on the line."""
    shell = zsh(TOOLREC_SOCKET=str(shared_daemon.socket), columns=200, lines=30)
    shell.type("# find all python files")
    shell.keys("Enter")
    screen = shell.wait("a digit puts one on the line")
    second = next(line for line in screen.splitlines() if line.startswith("2  "))
    example = screen.splitlines()[screen.splitlines().index(second) + 1].strip()
    shell.keys("2")
    shell.wait_line(f"% {example}")


def test_what_is_no_task_shows_nothing(zsh: Zsh, shared_daemon: Daemon) -> None:
    """Below the threshold the line stays bare; the next question on it is answered."""
    shell = zsh(TOOLREC_SOCKET=str(shared_daemon.socket), columns=200)
    shell.type("# qwzx vbnm")
    assert shell.wait_line("% # qwzx vbnm") == "% # qwzx vbnm"
    shell.keys("C-u")
    shell.type("# count the lines of a file")
    assert tool_shown(shell.wait_for(lambda screen: ": " in screen)) == "wc"


def test_a_stopped_daemon_is_not_felt(zsh: Zsh, model_daemon: Daemon) -> None:
    """While its process is stopped, lines are typed and run as ever; when it goes on, so do the answers."""
    shell = zsh(TOOLREC_SOCKET=str(model_daemon.socket), columns=200)
    shell.type("# sort a file")
    shell.wait_for(lambda screen: tool_shown(screen) == "sort")
    pid = int((model_daemon.socket.parent / "toolrecd.lock").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(3):
            shell.type(" now")
        shell.wait("# sort a file now now now")
        shell.keys("C-u")
        shell.type("print typed")
        shell.keys("Enter")
        shell.wait("\ntyped")
    finally:
        os.kill(pid, signal.SIGCONT)
    shell.type("__toolrec_quiet=0")
    shell.keys("Enter", "C-l")
    shell.type("# sort a file")
    shell.wait_for(lambda screen: tool_shown(screen) == "sort")


def test_the_list_starts_an_absent_daemon(zsh: Zsh, daemon: Daemon, model_file: Path) -> None:
    """Typing never starts the daemon; Enter on a question does, and is then answered."""
    shell = zsh(TOOLREC_NO_START="", TOOLREC_CACHE_DIR=os.environ["TOOLREC_CACHE_DIR"], columns=200)
    shell.type("# sort a file")
    shell.wait_line("% # sort a file")
    assert not daemon.socket.exists()
    shell.keys("Enter")
    shell.wait("1  sort")
    assert daemon.socket.exists()
