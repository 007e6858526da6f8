"""fish: the key that recommends and then puts invocations on the line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import HOOKS
from .stub import Stub
from .terminal import Terminal

pytestmark = pytest.mark.shell
Fish = Callable[..., Terminal]
SHOWN = """\
1.  zip  [installed]  Do it with zip
         zip -x {file}
2.  tar  [install: apt install tar]  Do it with tar
         tar -x {file}
3.  xz   [installed]  Do it with xz
         xz -x {file}"""


@pytest.mark.parametrize("line", ["# pack it", "pack it"])
def test_the_key_shows_recommendations_above_the_line(fish: Fish, stub: Stub, line: str) -> None:
    """The line stays and is asked about without its trigger."""
    shell = fish()
    shell.type(line)
    shell.keys("M-/")
    shell.wait(SHOWN, f"\n% {line}")
    shell.type("X")
    shell.wait_line(f"% {line}X")
    assert [query.strip() for query in stub.queries()] == ["pack it"]
    assert stub.requests[0]["shell"] == "fish"


def test_more_presses_go_through_the_invocations(fish: Fish, stub: Stub) -> None:
    """One after the other comes on the line, the cursor on its placeholder; then the question again."""
    shell = fish()
    shell.type("# pack it")
    shell.keys("M-/")
    shell.wait(SHOWN, "\n% # pack it")
    for line in ("zip -x {file}", "tar -x {file}", "xz -x {file}", "# pack it", "zip -x {file}"):
        shell.keys("M-/")
        shell.wait_line(f"% {line}")
    shell.type("X")
    shell.wait_line("% zip -x X{file}")
    assert len(stub.requests) == 1


def test_a_private_session_asks_nothing(fish: Fish, stub: Stub) -> None:
    """fish_private_mode is honoured, in words."""
    shell = fish("set -g fish_private_mode 1")
    shell.type("# pack it")
    shell.keys("M-/")
    shell.wait("toolrec: this is a private session, so nothing is asked\n% # pack it")
    assert stub.requests == []


def test_an_empty_line_asks_nothing(fish: Fish, stub: Stub) -> None:
    """So does a shell that is told to be off."""
    shell = fish()
    shell.keys("M-/")
    shell.type("set TOOLREC_OFF 1")
    shell.keys("Enter")
    shell.type("# pack it")
    shell.keys("M-/")
    shell.wait_line("% # pack it")
    shell.keys("C-u")
    shell.type("echo end")
    shell.keys("Enter")
    shell.wait("\nend")
    assert stub.requests == []


def test_without_the_client_it_is_silent(fish: Fish, stub: Stub) -> None:
    """Where `toolrec` is not on PATH the key does nothing."""
    shell = fish(PATH="/usr/bin:/bin")
    shell.type("# pack it")
    shell.keys("M-/")
    shell.type("X")
    assert shell.wait_line("% # pack itX") == "% # pack itX"


def test_without_a_daemon_it_says_where_to_look(fish: Fish) -> None:
    """It was asked for, so it is answered."""
    shell = fish()
    shell.type("# pack it")
    shell.keys("M-/")
    shell.wait("toolrec: no answer; see: toolrecd doctor\n% # pack it")


def test_settings_twice_status_and_removed(fish: Fish, stub: Stub) -> None:
    """Loaded twice it works as once; the key is a setting; `$status` is kept; uninit leaves no name."""
    shell = fish(after=f"source {HOOKS}/toolrec.fish", TOOLREC_LIST_KEY="ctrl-o", TOOLREC_TRIGGER="??")
    shell.type("false")
    shell.keys("Enter")
    shell.type("??pack it")
    shell.keys("C-o")
    shell.wait(SHOWN)
    assert stub.queries() == ["pack it"]
    shell.keys("C-u")
    shell.type("echo status $status")
    shell.keys("Enter")
    shell.wait("\nstatus 1")
    shell.type("toolrec uninit fish | source; clear; functions -a | grep -c __toolrec; set | grep -c __toolrec")
    shell.keys("Enter")
    shell.wait_for(lambda screen: screen == "0\n0\n%")


def test_scripts_are_left_alone(fish: Fish) -> None:
    """A shell that is not interactive binds nothing, sets nothing and prints nothing."""
    shell = fish()
    shell.type(f"clear; fish -Nc 'source {HOOKS}/toolrec.fish; set | grep -c __toolrec; echo ok'")
    shell.keys("Enter")
    shell.wait_for(lambda screen: screen == "0\nok\n%")
