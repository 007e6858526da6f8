"""Starting the daemon for whoever asks first, and what is said when that fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from toolrec_client import starter, wire

if TYPE_CHECKING:
    from ..conftest import Daemon


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that writes a shell script to stand in for the interpreter."""

    def write(text: str) -> str:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return write


def refusal(python: str) -> str:
    """Return the words with which starting fails."""
    with pytest.raises(wire.ToolrecError) as caught:
        starter.start_daemon(python)
    return str(caught.value)


def test_command(program: Callable[[str], str], tmp_path: Path) -> None:
    """The daemon is started through its own command, isolated, quiet, and with nothing to read."""
    starter.start_daemon(program(f'echo "$@" >{tmp_path}/words; cat >>{tmp_path}/words'))
    assert (tmp_path / "words").read_text() == "-I -m toolrecd start --quiet\n"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo noise >&2; echo 'toolrecd: cannot listen at /x' >&2; exit 1", "cannot listen at /x"),
        ("exit 7", "exit status 7"),
        ("printf '\\377\\n' >&2; exit 1", "\ufffd"),
    ],
)
def test_failure_carries_the_daemons_words(program: Callable[[str], str], script: str, message: str) -> None:
    """What the daemon said last is the reason; without a word, its exit status is."""
    assert refusal(program(script)) == f"the daemon did not start: {message}"


def test_interpreter_that_is_gone(tmp_path: Path) -> None:
    """An interpreter that was removed meanwhile, or is unknown, gives one line."""
    gone = tmp_path / "python"
    expected = f"the daemon did not start: cannot run {gone}: No such file or directory"
    assert refusal(str(gone)) == expected
    assert refusal("") == "no daemon is running and no interpreter is known to start it; run: toolrecd start"


def test_start_that_hangs(program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that does not come to an end is given up."""
    monkeypatch.setattr(starter, "START_TIMEOUT_S", 0.1)
    assert refusal(program("exec sleep 60")) == "the daemon did not start in 0 s; see: toolrecd logs"


def test_client_starts_an_absent_daemon(daemon: Daemon) -> None:
    """The first question to an absent daemon starts it and is answered; the next one finds it running."""
    settings: dict[str, Any] = {"TOOLREC_MODEL_ENABLED": "0"}
    assert daemon.toolrecd("status").returncode == 3
    done = daemon.toolrec("suggest", "--json", "find files", check=True, **settings)
    assert done.stderr == ""
    assert '"query": "find files"' in done.stdout
    assert daemon.toolrecd("status").returncode == 0


def test_daemon_that_cannot_start(daemon: Daemon) -> None:
    """Where the daemon cannot start the client says why on one line, exit status 1."""
    daemon.socket.parent.mkdir(parents=True)
    daemon.socket.parent.chmod(0o777)
    done = daemon.toolrec("suggest", "find files")
    message = f"others may write to {daemon.socket.parent}; run: chmod go-w {daemon.socket.parent}"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"toolrec: the daemon did not start: {message}\n"
