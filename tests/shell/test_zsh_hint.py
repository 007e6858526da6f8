"""zsh: what is shown while a question is typed, and what is not."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from .stub import Stub, hint
from .terminal import Terminal

pytestmark = pytest.mark.shell
Zsh = Callable[..., Terminal]


def test_the_shortlist_is_shown_first_and_then_the_model(zsh: Zsh, stub: Stub) -> None:
    """The provisional answer appears before the final one is there, which then takes its place."""
    gate = threading.Event()
    stub.script = lambda request: [hint(request, stage="shortlist", final=False), gate, hint(request, tool="tar")]
    shell = zsh()
    shell.type("# pack it")
    first = shell.wait("shortlist on pack it")
    gate.set()
    second = shell.wait("model on pack it", gone="shortlist")
    assert first.splitlines()[:2] == [
        "% # pack it  zip: installed. shortlist on pack it",
        "  zip -r {name}.zip {directory}",
    ]
    assert second.splitlines()[:2] == [
        "% # pack it  tar: installed. model on pack it",
        "  tar -r {name}.zip {directory}",
    ]


def test_the_request_says_what_the_protocol_wants(zsh: Zsh, stub: Stub) -> None:
    """A request names the question without its trigger, the shell and its PATH; its numbers grow."""
    shell = zsh(PATH="/usr/bin:/bin:/sbin/grüße")
    shell.type("#  größer als 1 GB ")
    shell.wait("model on größer als 1 GB")
    shell.type("x")
    shell.wait("model on größer als 1 GB x")
    last = stub.requests[-1]
    assert {key: last[key] for key in ("v", "op", "mode", "shell", "query", "path")} == {
        "v": 1,
        "op": "suggest",
        "mode": "typing",
        "shell": "zsh",
        "query": "größer als 1 GB x",
        "path": "/usr/bin:/bin:/sbin/grüße",
    }
    numbers = [request["seq"] for request in stub.requests]
    assert numbers == sorted(set(numbers))
    assert len({request["session"] for request in stub.requests}) == 1


def test_the_ghost_text_has_its_colour_and_the_line_does_not(zsh: Zsh, stub: Stub) -> None:
    """Grey begins where the typed text ends, and what stands below has the terminal's own colour."""
    shell = zsh()
    shell.type("# pack it")
    shell.wait("model on")
    first, second = shell.styled().splitlines()[:2]
    assert first.removesuffix("\x1b[39m") == "% # pack it\x1b[90m  zip: installed. model on pack it"
    assert second.removeprefix("\x1b[39m") == "  zip -r {name}.zip {directory}"


def test_ghost_text_is_inert_whatever_the_daemon_sends(zsh: Zsh, stub: Stub) -> None:
    """No character that a shell or a terminal would act on gets into ghost text or below the prompt."""
    stub.script = lambda request: [hint(request, hint="a > b; `c` $(d)\x1b[31m\n", below="e\x1b]0;f\x07\ng")]
    shell = zsh()
    shell.type("# pack it")
    screen = shell.wait("a   b")
    assert screen.splitlines()[:2] == ["% # pack it  a   b   c    d   31m", "  e ]0;f  g"]


@pytest.mark.parametrize("line", ["ls -l", "echo # pack it", " # pack it", "#", "#   "])
def test_other_lines_ask_nothing(zsh: Zsh, stub: Stub, line: str) -> None:
    """A line that is no question makes no connection."""
    shell = zsh()
    shell.type(line)
    shell.wait_line(f"% {line}".rstrip())
    shell.keys("C-u")
    shell.type("# pack it")
    shell.wait("model on")
    assert all(query in "pack it" for query in stub.queries())


def test_below_the_threshold_nothing_is_shown(zsh: Zsh, stub: Stub) -> None:
    """An answer with empty strings leaves the line as it is, and takes the provisional one away."""
    gate = threading.Event()
    empty = {"hint": "", "insert": "", "below": ""}
    stub.script = lambda request: [hint(request, stage="shortlist", final=False), gate, hint(request, **empty)]
    shell = zsh()
    shell.type("# pack it")
    shell.wait("shortlist on")
    gate.set()
    assert shell.wait("# pack it", gone="shortlist") == "% # pack it"


def test_it_goes_when_the_line_changes(zsh: Zsh, stub: Stub) -> None:
    """Ghost text and invocation belong to one line: when another comes, or none, they are gone."""
    shell = zsh()
    shell.type("# pack it")
    shell.wait("model on")
    stub.script = lambda request: []
    shell.type("s")
    assert shell.wait("# pack its", gone="zip") == "% # pack its"
    shell.keys("C-u")
    assert shell.wait_line("%") == "%"


def test_an_answer_to_an_older_line_is_not_shown(zsh: Zsh, stub: Stub) -> None:
    """What arrives after the line has changed is dropped, and the line of now is asked about."""
    gate = threading.Event()
    stub.script = lambda request: [gate, hint(request)] if request["query"] == "pack" else [hint(request)]
    shell = zsh()
    shell.type("# pack")
    stub.wait(lambda stub: stub.queries() == ["pack"])
    shell.type(" it")
    shell.wait("# pack it")
    gate.set()
    screen = shell.wait("model on pack it")
    assert screen.splitlines()[0] == "% # pack it  zip: installed. model on pack it"
    assert stub.queries() == ["pack", "pack it"]


def test_a_moved_cursor_keeps_both(zsh: Zsh, stub: Stub) -> None:
    """The invocation stays below the prompt when the cursor moves, without another request."""
    shell = zsh()
    shell.type("# pack it")
    before = shell.wait("model on", "zip -r")
    asked = len(stub.requests)
    for _ in range(3):
        shell.keys("Left")
    shell.wait_for(lambda _: shell.cursor() == (len("% # pack it") - 3, 0))
    assert shell.wait("model on", "zip -r") == before
    assert len(stub.requests) == asked


def test_every_connection_is_closed_and_no_descriptor_stays(zsh: Zsh, stub: Stub) -> None:
    """After the final answer nothing is open; nor is a descriptor that scripts could choose by number."""
    shell = zsh()
    before = shell.descriptors()
    shell.type("# pack it")
    shell.wait("model on pack it")
    stub.wait_idle()
    assert shell.descriptors() == before


def test_a_connection_that_waits_has_no_low_number(zsh: Zsh, stub: Stub) -> None:
    """While an answer is awaited the socket has a number from 10 up, out of the way of scripts."""
    stub.script = lambda request: []
    shell = zsh()
    before = shell.descriptors()
    shell.type("# pack it")
    stub.wait(lambda stub: len(stub.requests) == 1)
    shell.wait("# pack it")
    added = shell.descriptors() - before
    assert len(added) == 1
    assert int(added.pop().split()[0]) >= 10


def test_it_is_closed_before_a_command_runs(zsh: Zsh, stub: Stub) -> None:
    """A command inherits no connection, not even where a widget puts it in a waiting question's place."""
    stub.script = lambda request: []
    shell = zsh(
        after="go() { BUFFER='ls -l /proc/self/fd; print d''one'; zle .accept-line }; zle -N go; bindkey '^T' go"
    )
    shell.type("# pack it")
    stub.wait(lambda stub: stub.opened == 1)
    shell.keys("C-t")
    screen = shell.wait("\ndone")
    stub.wait_idle()
    assert "/dev/pts" in screen
    assert "socket" not in screen


def test_a_question_over_several_lines_is_none(zsh: Zsh, stub: Stub) -> None:
    """A buffer of several lines that starts with the trigger is left alone."""
    shell = zsh()
    shell.paste("# pack it\nprint one\nprint two")
    shell.wait("print two")
    assert stub.requests == []


def test_continuation_lines_and_vared_are_left_alone(zsh: Zsh, stub: Stub) -> None:
    """The rest of a command, and a variable that is edited, may start with the trigger and mean nothing by it."""
    shell = zsh()
    shell.type("cat <<END")
    shell.keys("Enter")
    shell.type("# a title")
    shell.keys("Enter")
    shell.type("END")
    shell.keys("Enter")
    shell.wait("heredoc> END\n# a title")
    shell.type("text='# pack it'; vared text; print got $text")
    shell.keys("Enter", "!", "Enter")
    shell.wait("got # pack it!")
    assert stub.requests == []


def test_an_endless_question_is_not_asked(zsh: Zsh, stub: Stub) -> None:
    """A line over the protocol's 2,000 characters is left alone; one at the limit is asked about."""
    shell = zsh(lines=40)
    shell.paste("# " + "x" * 2001)
    shell.wait("x" * 60)
    shell.keys("BSpace")
    shell.wait("model on")
    assert [len(query) for query in stub.queries()] == [2000]
