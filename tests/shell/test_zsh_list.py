"""zsh: the numbered list, and Enter on a question."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from .stub import Stub, hint, listing
from .terminal import Terminal

pytestmark = pytest.mark.shell
Zsh = Callable[..., Terminal]
LAST = "a digit puts one on the line, any other key goes on"
LIST = f"""\
% # pack it
1  zip  [installed]  Do it with zip
        zip -x {{file}}
2  tar  [install: apt install tar]  Do it with tar
        tar -x {{file}}
3  xz   [installed]  Do it with xz
        xz -x {{file}}
{LAST}"""


def opened(zsh: Zsh, **options: str) -> Terminal:
    """Return a shell with the list open."""
    shell = zsh(**options)
    shell.type("# pack it")
    shell.keys("Enter")
    shell.wait("a digit puts one on the")
    return shell


def test_enter_opens_the_list_and_runs_nothing(zsh: Zsh, stub: Stub) -> None:
    """The list stands below the question; no command was run, nor was one not found."""
    shell = opened(zsh, before="command_not_found_handler() { print ran >>$HOME/ran }")
    assert shell.screen() == LIST
    shell.keys("Enter", "Enter", "Escape")
    shell.wait("% # pack it", gone="digit")
    shell.keys("C-u")
    shell.type("cat $HOME/ran")
    shell.keys("Enter")
    shell.wait("No such file")


def test_a_digit_puts_that_tool_on_the_line(zsh: Zsh, stub: Stub) -> None:
    """2 takes the second; the cursor stands on its placeholder and the list is gone."""
    shell = opened(zsh)
    shell.keys("2")
    assert shell.wait_line("% tar -x {file}") == "% tar -x {file}"
    assert shell.cursor() == (len("% tar -x "), 0)


@pytest.mark.parametrize(
    ("key", "line"), [("x", "# pack itx"), ("9", "# pack it9"), ("BSpace", "# pack i"), ("ü", "# pack itü")]
)
def test_another_key_goes_on_and_does_what_it_does(zsh: Zsh, stub: Stub, key: str, line: str) -> None:
    """The list goes, the key counts, and the new line has its hint."""
    shell = opened(zsh)
    shell.keys(key)
    screen = shell.wait(line.removeprefix("# "), "model on", gone="digit")
    assert screen.splitlines()[0] == f"% {line}  zip: installed. model on {line.removeprefix('# ')}"


def test_an_arrow_key_closes_the_list_and_moves(zsh: Zsh, stub: Stub) -> None:
    """A key that sends several characters is not torn apart."""
    shell = opened(zsh)
    shell.keys("Left")
    screen = shell.wait("% # pack it", "model on", gone="digit")
    assert screen.splitlines()[0] == "% # pack it  zip: installed. model on pack it"
    assert shell.cursor() == (len("% # pack it") - 1, 0)


def test_escape_closes_the_list(zsh: Zsh, stub: Stub) -> None:
    """Esc leaves the question as it was; the next key is an ordinary one."""
    shell = opened(zsh)
    shell.keys("Escape")
    shell.wait("% # pack it", gone="digit")
    shell.type("f")
    shell.wait("# pack itf  zip: installed")


def test_the_lists_key_asks_about_any_line(zsh: Zsh, stub: Stub) -> None:
    """Alt-/ opens the list for a line without the trigger, too."""
    shell = zsh()
    shell.type("pack it")
    shell.keys("M-/")
    shell.wait("1  zip  [installed]")
    assert stub.queries() == ["pack it"]
    shell.keys("3")
    shell.wait_line("% xz -x {file}")


def test_the_list_waits_for_the_model_and_not_for_ever(zsh: Zsh, stub: Stub) -> None:
    """When the final answer does not come within 3 s the shortlist's is taken."""
    stub.script = lambda request: (
        [listing(request, "cpio", final=False)] if request["mode"] == "ask" else [hint(request)]
    )
    shell = opened(zsh)
    assert shell.screen().splitlines()[1] == "1  cpio  [installed]  Do it with cpio"
    stub.wait_idle()


def test_the_model_has_the_last_word(zsh: Zsh, stub: Stub) -> None:
    """Of two answers the list shows the final one only."""
    gate = threading.Event()
    stub.script = lambda request: [listing(request, "cpio", final=False), gate, listing(request, "bzip2")]
    shell = zsh()
    shell.type("# pack it")
    shell.keys("Enter")
    shell.wait("…")
    gate.set()
    assert "cpio" not in shell.wait(LAST, "bzip2")


def test_a_question_that_no_tool_answers(zsh: Zsh, stub: Stub) -> None:
    """It says so, and the line stays to be put otherwise."""
    stub.script = lambda request: [listing(request)]
    shell = zsh()
    shell.type("# hello")
    shell.keys("Enter")
    assert shell.wait("toolrec: no tool found for that").splitlines()[0] == "% # hello"
    shell.type("!")
    shell.wait("# hello!", gone="toolrec:")


def test_a_question_without_words(zsh: Zsh, stub: Stub) -> None:
    """Enter on the bare trigger runs nothing, and says what to do."""
    shell = zsh()
    shell.type("#")
    shell.keys("Enter")
    shell.wait("% #", "toolrec: say what you want done, as in: # find large files")
    assert stub.requests == []


def test_without_a_daemon_enter_says_where_to_look(zsh: Zsh) -> None:
    """Nobody answers: it was asked for, so it is answered in words; the command is not run."""
    shell = zsh()
    shell.type("# pack it")
    shell.keys("Enter")
    assert shell.wait("toolrec: no answer; see: toolrecd doctor").splitlines()[0] == "% # pack it"


@pytest.mark.parametrize("widget", [".accept-line", ".accept-and-hold", ".accept-line-and-down-history"])
def test_no_other_way_of_accepting_runs_a_question(zsh: Zsh, stub: Stub, widget: str) -> None:
    """A plugin's own Enter, which calls zsh's, does not run it either."""
    handler = "command_not_found_handler() { print ran: $* }"
    shell = zsh(handler, f"own() {{ zle {widget} }}; zle -N own; bindkey '^T' own")
    shell.type("# what's this?")
    shell.wait("model on")
    shell.keys("C-t")
    shell.wait_for(lambda _: shell.cursor() != (len("% # what's this?"), 0))
    shell.keys("C-u")
    shell.type("print -r next")
    shell.keys("Enter")
    assert "ran:" not in shell.wait("\nnext")


def test_few_lines_and_columns_hold_what_fits(zsh: Zsh, stub: Stub) -> None:
    """On a small screen the list is shorter, and no line is wider than it."""
    shell = opened(zsh, columns=24, lines=8)
    assert shell.screen().splitlines()[:5] == [
        "% # pack it",
        "1  zip  [installed]  Do",
        "        zip -x {file}",
        "2  tar  [install: apt i",
        "        tar -x {file}",
    ]
