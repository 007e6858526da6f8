"""bash: the key that recommends and then puts invocations on the line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import HOOKS
from .stub import Stub, listing
from .terminal import Terminal

pytestmark = pytest.mark.shell
Bash = Callable[..., Terminal]
SHOWN = """\
1.  zip  [installed]  Do it with zip
         zip -x {file}
2.  tar  [install: apt install tar]  Do it with tar
         tar -x {file}
3.  xz   [installed]  Do it with xz
         xz -x {file}"""


def shown(bash: Bash, line: str = "# pack it", **options: str) -> Terminal:
    """Return a shell that has shown its recommendations for a line."""
    shell = bash(**options)
    shell.type(line)
    shell.keys("M-/")
    shell.wait(SHOWN, f"\n% {line}")
    return shell


@pytest.mark.parametrize("line", ["# pack it", "pack it", "#pack it"])
def test_the_key_shows_recommendations_above_the_line(bash: Bash, stub: Stub, line: str) -> None:
    """The line stays, with its cursor, and is asked about without its trigger."""
    shell = bash()
    shell.type(line)
    shell.keys("Left", "M-/")
    shell.wait(SHOWN, f"\n% {line}")
    shell.type("X")
    shell.wait_line(f"% {line[:-1]}X{line[-1]}")
    assert [query.strip() for query in stub.queries()] == ["pack it"]
    assert stub.requests[0]["shell"] == "bash"


def test_more_presses_go_through_the_invocations(bash: Bash, stub: Stub) -> None:
    """One after the other comes on the line, the cursor on its placeholder; then the question again."""
    shell = shown(bash)
    for line in ("zip -x {file}", "tar -x {file}", "xz -x {file}", "# pack it", "zip -x {file}"):
        shell.keys("M-/")
        shell.wait_line(f"% {line}")
    shell.type("X")
    shell.wait_line("% zip -x X{file}")
    assert len(stub.requests) == 1


def test_strict_modes_and_the_status(bash: Bash, stub: Stub) -> None:
    """Under `set -eu` nothing ends the shell, nothing is said, and `$?` is the last command's."""
    shell = bash("set -eu", "(exit 7) || :; set +e; (exit 7)")
    assert shell.screen() == "%"
    shell.type("set -e; f() { return 0; }; f")
    shell.keys("Enter")
    shell.type("# pack it")
    shell.keys("M-/")
    shell.wait(SHOWN)
    shell.keys("M-/")
    shell.wait_line("% zip -x {file}")
    shell.keys("C-e", "C-u")
    shell.type("set +e; (exit 5)")
    shell.keys("Enter")
    shell.type("pack it")
    shell.keys("M-/")
    shell.wait("\n% pack it")
    shell.keys("C-u")
    shell.type("echo status $?")
    shell.keys("Enter")
    shell.wait("\nstatus 5")


def test_an_empty_line_asks_nothing(bash: Bash, stub: Stub) -> None:
    """So does a shell that is told to be off."""
    shell = bash()
    shell.keys("M-/")
    shell.type("TOOLREC_OFF=1")
    shell.keys("Enter")
    shell.type("# pack it")
    shell.keys("M-/")
    shell.wait_line("% # pack it")
    shell.keys("C-u")
    shell.type("echo end")
    shell.keys("Enter")
    shell.wait("\nend")
    assert stub.requests == []


def test_without_the_client_it_is_silent(bash: Bash, stub: Stub) -> None:
    """Where `toolrec` is not on PATH the key does nothing."""
    shell = bash(PATH="/usr/bin:/bin")
    shell.type("# pack it")
    shell.keys("M-/")
    shell.type("!")
    assert shell.wait_line("% # pack it!") == "% # pack it!"


def test_without_a_daemon_it_says_where_to_look(bash: Bash) -> None:
    """It was asked for, so it is answered."""
    shell = bash()
    shell.type("# pack it")
    shell.keys("M-/")
    shell.wait("toolrec: no answer; see: toolrecd doctor\n% # pack it")


def test_no_tool_for_that(bash: Bash, stub: Stub) -> None:
    """The client's own words are shown, and the next press asks again."""
    stub.script = lambda request: [listing(request)]
    shell = bash()
    shell.type("# hello")
    shell.keys("M-/")
    shell.wait("no tool found for that", "\n% # hello")


def test_settings_twice_and_removed(bash: Bash, stub: Stub) -> None:
    """Loaded twice it works as once; the key is a setting; uninit leaves no name and gives the key back."""
    shell = bash(after=f"source {HOOKS}/toolrec.bash", TOOLREC_LIST_KEY="ctrl-o")
    shell.type("pack it")
    shell.keys("C-o")
    shell.wait(SHOWN)
    assert len(stub.requests) == 1
    shell.keys("C-u")
    shell.type('eval "$(toolrec uninit bash)"; clear; set | grep -c __toolrec; bind -X')
    shell.keys("Enter")
    shell.wait_for(lambda screen: screen == "0\n%")


def test_scripts_are_left_alone(bash: Bash) -> None:
    """A shell that is not interactive binds nothing and prints nothing."""
    shell = bash()
    shell.type(f"clear; bash -euc '. {HOOKS}/toolrec.bash; echo ok'")
    shell.keys("Enter")
    shell.wait_for(lambda screen: screen == "ok\n%")
