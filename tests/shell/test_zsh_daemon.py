"""zsh: a daemon that is absent, dies, hangs, or talks nonsense is never felt at the prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from .stub import Reply, Stub, framed, hint, in_bytes
from .terminal import Terminal

pytestmark = pytest.mark.shell
Zsh = Callable[..., Terminal]
QUIET = "print quiet $(( __toolrec_quiet > EPOCHREALTIME )) $(( __toolrec_quiet <= EPOCHREALTIME + 5 ))"


def run(shell: Terminal, command: str, answer: str) -> None:
    """Run a command on an emptied line and wait for what it prints."""
    shell.keys("C-u")
    shell.type(f"clear; {command}")
    shell.keys("Enter")
    shell.wait_for(lambda screen: screen == f"{answer}\n%".lstrip())


def type_slowly(shell: Terminal, text: str) -> None:
    """Type with the daemon's patience between the keys: as if half a second went by at each."""
    for position, character in enumerate(text, 1):
        shell.type(character)
        shell.wait_for(lambda screen, end=position: screen.startswith(f"% {text[:end]}".rstrip()))


def test_without_a_daemon_typing_is_typing(zsh: Zsh) -> None:
    """No socket, no sound: the line is typed as ever, and `$?` and the descriptors are as they were."""
    shell = zsh()
    before = shell.descriptors()
    shell.type("clear; false")
    shell.keys("Enter")
    shell.wait_for(lambda screen: screen == "%")
    shell.type("# pack it")
    shell.wait_line("% # pack it")
    assert shell.descriptors() == before
    shell.keys("C-u")
    shell.type("print status $?")
    shell.keys("Enter")
    shell.wait("\nstatus 1")


def test_a_socket_nobody_listens_at_is_as_good_as_none(zsh: Zsh, stub: Stub) -> None:
    """A killed daemon leaves its socket behind; nothing is shown, nothing is printed."""
    stub.stop(leave=True)
    shell = zsh()
    shell.type("# pack it")
    assert shell.wait_line("% # pack it") == "% # pack it"


def test_a_daemon_killed_while_typing(zsh: Zsh, stub: Stub) -> None:
    """Its death is not noticed; when it is back, so are the answers."""
    shell = zsh()
    shell.type("# pack")
    shell.wait("model on pack")
    stub.stop()
    shell.type(" it")
    shell.wait_line("% # pack it")
    again = Stub(stub.path)
    shell.type(" now")
    shell.wait("model on pack it now")
    again.stop()


def test_two_unanswered_requests_make_it_silent_for_5_seconds(zsh: Zsh, stub: Stub) -> None:
    """A frozen daemon gets two connections, whatever is typed, and is then left alone for 5 s; then asked again."""
    stub.script = lambda request: []
    shell = zsh(after="__toolrec_patience=0")
    type_slowly(shell, "# pack it into a file")
    assert stub.opened == 2
    run(shell, QUIET, "quiet 1 1")
    stub.wait_idle()
    stub.script = lambda request: [hint(request)]
    shell.type("# pack it")
    shell.wait_line("% # pack it")
    assert stub.opened == 2
    run(shell, "__toolrec_quiet=0", "")
    shell.type("# pack it")
    shell.wait("model on pack it")


def test_a_frozen_daemon_gets_one_connection_at_a_time(zsh: Zsh, stub: Stub) -> None:
    """Within the half second that an answer may take, all that is typed waits for it: there is no second."""
    stub.script = lambda request: []
    shell = zsh(after="__toolrec_patience=600")
    type_slowly(shell, "# pack it into a file")
    assert stub.queries() == ["p"]
    shell.keys("C-u")
    stub.wait_idle()


def test_silence_grows_with_a_daemon_that_stays_frozen(zsh: Zsh, stub: Stub) -> None:
    """Its queue must not fill up: the pause doubles, up to 40 s, until there is an answer."""
    stub.script = lambda request: []
    shell = zsh(after="__toolrec_patience=0")
    for pause in (10, 20, 40, 40):
        type_slowly(shell, "# pack")
        run(shell, "__toolrec_quiet=0; print pause $__toolrec_rest", f"pause {pause}")
        run(shell, "", "")
    stub.script = lambda request: [hint(request)]
    shell.type("# pack it")
    shell.wait("model on")
    run(shell, "print pause $__toolrec_rest", "pause 5")


@pytest.mark.parametrize(
    "script",
    [
        lambda request: [b""],
        lambda request: [b"\x00\x00"],
        lambda request: [framed(hint(request))[:40], b""],
        lambda request: [b"\xff\xff\xff\xff" + b"x" * 100],
        lambda request: [b"\x00\x00\x00\x03\xc1\xc1\xc1"],
        lambda request: [b"\x00\x00\x00\x06\x81\xdb\xff\xff\xff\xff"],
        lambda request: [b"\x00\x00\x00\x02\x92\x01"],
        lambda request: [{"v": 2, "id": request["id"], "final": True, "hint": "of another version"}],
        lambda request: [
            {"v": 1, "id": 0, "final": True, "code": "unsupported_version", "message": "version 1 is not 2"}
        ],
        lambda request: [hint(request, hint=None, insert=7, below=["x"])],
        lambda request: [hint(request, id=99999, hint="to somebody else")],
    ],
    ids=[
        "hangs up at once",
        "half a length",
        "half a frame",
        "endless frame",
        "no msgpack",
        "endless string",
        "no map",
        "another version",
        "refuses the version",
        "other types",
        "another id",
    ],
)
def test_a_daemon_of_another_kind_is_not_felt(zsh: Zsh, stub: Stub, script: Callable[[Reply], Iterable[Reply]]) -> None:
    """Whatever comes back, the line is typed as ever, nothing is printed and nothing stays open."""
    stub.script = script
    shell = zsh(after="__toolrec_patience=0")
    before = shell.descriptors()
    type_slowly(shell, "# pack it")
    assert shell.screen().splitlines()[0].startswith("% # pack it")
    assert not {"version", "somebody"} & set(shell.screen().split())
    run(shell, "print fine", "fine")
    stub.wait_idle()
    assert shell.descriptors() == before


def test_an_answer_may_come_byte_by_byte(zsh: Zsh, stub: Stub) -> None:
    """Frames are put together from whatever pieces arrive."""
    stub.script = lambda request: in_bytes(hint(request, hint="grüße: installed. ✓"))
    shell = zsh()
    shell.type("# pack")
    shell.wait("# pack  grüße: installed. ✓", "zip -r")
    stub.wait_idle()


def test_two_answers_may_come_at_once(zsh: Zsh, stub: Stub) -> None:
    """Both frames in one piece: the final one is shown."""
    stub.script = lambda request: [framed(hint(request, stage="shortlist", final=False)) + framed(hint(request))]
    shell = zsh()
    shell.type("# pack it")
    assert "shortlist" not in shell.wait("model on pack it")


def test_every_kind_of_value_is_read(zsh: Zsh, stub: Stub) -> None:
    """Long strings, large numbers, lists and maps before the fields that are wanted do not lead astray."""
    strange = {"a": -1, "b": -40000, "c": 2**63, "d": 1.5, "e": None, "f": True, "g": ["x", {"y": [1]}]}
    long = {"h": "z" * 40000, "i": list(range(300)), "j": {str(n): n for n in range(70000)}, "k": b"\x00\xff"}
    stub.script = lambda request: [{**strange, **hint(request)}, {**{"h": long["h"], "i": long["i"]}, **hint(request)}]
    shell = zsh()
    shell.type("# pack it")
    shell.wait("model on pack it")


def test_the_socket_must_be_the_users_own(zsh: Zsh, stub: Stub, tmp_path: Path) -> None:
    """A symlink in the socket's place is not followed."""
    link = tmp_path / "link"
    link.symlink_to(stub.path)
    shell = zsh(TOOLREC_SOCKET=str(link))
    shell.type("# pack it")
    shell.wait_line("% # pack it")
    shell.keys("C-u")
    shell.type(f"TOOLREC_SOCKET={stub.path}; clear")
    shell.keys("Enter")
    shell.wait_line("%")
    shell.type("# pack it")
    shell.wait("model on pack it")
    assert stub.queries()[0] in "pack it"


def test_a_path_too_long_for_a_socket_is_not_cut(zsh: Zsh, isolated_home: Path) -> None:
    """zsh would cut it without a word, and talk to whoever listens there."""
    path = str(isolated_home / ("x" * 120))
    cut = Stub(Path(path[:103]))
    shell = zsh(TOOLREC_SOCKET=path)
    shell.type("# pack it")
    shell.wait_line("% # pack it")
    assert cut.opened == 0
    cut.stop()


def test_a_long_home_leads_to_the_clients_socket(zsh: Zsh, terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    """Where the state directory's path is too long, hook and client agree on the other place."""
    from toolrec_client import wire

    home = tmp_path / ("grüße-" + "x" * 120)
    home.mkdir()
    shell = zsh(after=f"HOME={home}; __toolrec_find_socket; print -r at $__toolrec_path; HOME=/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        expected = wire.socket_path()
    assert f"at {expected}" in shell.screen()
