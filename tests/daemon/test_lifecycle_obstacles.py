"""What can stand in a daemon's way: other versions, strangers at its socket, files it cannot write."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from toolrecd import lifecycle, ownership
from toolrecd.errors import ToolrecError

STATUS = {"version": "0.0.1", "pid": 1}


@pytest.fixture(autouse=True)
def without_model(monkeypatch):
    """No test here needs the model."""
    monkeypatch.setenv("TOOLREC_MODEL_ENABLED", "false")


@contextmanager
def stranger(path: Path, *, obeys: bool) -> Iterator[list[str]]:
    """Answer at `path` as a daemon of another version without a lock; yield the operations it was asked."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    asked: list[str] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                received = connection.recv(65536)
                if not received:
                    continue
                request = msgspec.msgpack.decode(received[4:])
                asked.append(request["op"])
                reply = msgspec.msgpack.encode({"v": 1, "id": request["id"], "final": True, "status": STATUS})
                connection.sendall(len(reply).to_bytes(4, "big") + reply)
            if obeys and asked[-1] == "shutdown":
                listening.shutdown(socket.SHUT_RDWR)
                listening.close()
                return

    thread = threading.Thread(target=serve)
    thread.start()
    yield asked
    if listening.fileno() >= 0:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
    thread.join()


def test_a_daemon_of_another_version_is_replaced(daemon):
    """`start` asks a daemon of another version to stop and takes its place."""
    with stranger(daemon.socket, obeys=True) as asked:
        started = daemon.toolrecd("start")
    assert (started.returncode, started.stderr) == (0, "")
    assert asked == ["status", "shutdown"]
    assert daemon.toolrecd("status").returncode == 0


def test_a_real_daemon_of_another_version_is_replaced(daemon):
    """`start` by a newer installation ends the older installation's daemon and its process."""
    code = "from toolrecd import cli; cli._version = lambda: '0.0.1'; cli.main(['run'])"
    with subprocess.Popen([sys.executable, "-I", "-c", code], stdin=subprocess.DEVNULL) as old:
        deadline = time.monotonic() + 20
        while daemon.toolrecd("status").returncode:
            assert time.monotonic() < deadline
        started = daemon.toolrecd("start")
        assert started.stdout.startswith("toolrecd: started, pid "), started.stderr
        assert old.wait(20) == 0
    assert json.loads(daemon.toolrecd("status", "--json").stdout)["version"] != "0.0.1"


def test_a_stranger_that_does_not_stop_is_left_alone_and_reported(daemon, monkeypatch):
    """What listens without our lock and ignores `shutdown` is never killed; the error names the remedy."""
    monkeypatch.setattr(lifecycle, "STOP_TIMEOUT_S", 0.2)
    killed: list[int] = []
    monkeypatch.setattr(lifecycle.os, "kill", lambda pid, number: killed.append(pid))
    with stranger(daemon.socket, obeys=False):
        with pytest.raises(ToolrecError, match="no daemon of ours and does not stop; end it, or set TOOLREC_SOCKET"):
            lifecycle.start(ownership.Files(daemon.socket), "0.1.0")
        assert daemon.socket.exists()
    assert killed == []


def test_clearing_never_removes_a_socket_that_is_listened_on(daemon):
    """Even with the lock, a live socket of another process stays."""
    with stranger(daemon.socket, obeys=False):
        with pytest.raises(ToolrecError, match=f"another process listens at {daemon.socket}"):
            ownership.clear_socket(daemon.socket)
        assert daemon.socket.exists()


def test_a_daemon_of_another_protocol_is_described_and_can_be_restarted(daemon):
    """`status` of a daemon that refuses our version says so instead of failing."""
    from toolrecd import status

    text = status.for_people({"version": lifecycle.UNKNOWN, "pid": 77})
    assert "pid 77, of another version; replace it with: toolrecd restart" in text


def test_a_socket_path_that_is_too_long_is_refused(daemon):
    """Every command and the client name the path, the limit and the variable."""
    path = "/tmp/" + "x" * 120
    runs = [
        daemon.toolrecd("start", TOOLREC_SOCKET=path),
        daemon.toolrecd("status", TOOLREC_SOCKET=path),
        daemon.toolrec("suggest", "find files", TOOLREC_SOCKET=path),
    ]
    for done in runs:
        assert done.returncode == 1
        assert f"socket path '{path}' is longer than 103 bytes; set TOOLREC_SOCKET to a shorter one" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_symlink_in_place_of_the_socket_is_refused_and_kept(daemon):
    """Neither client nor daemon follows a link at the socket's place, and nothing is removed."""
    daemon.socket.parent.mkdir(mode=0o700, parents=True)
    target = daemon.home / "elsewhere"
    target.write_text("precious")
    daemon.socket.symlink_to(target)
    for done in (daemon.toolrecd("start"), daemon.toolrec("suggest", "find files")):
        assert done.returncode == 1
        assert f"{daemon.socket} is a symlink; remove it, then: toolrecd start" in done.stderr
    assert (daemon.socket.is_symlink(), target.read_text()) == (True, "precious")


def test_a_file_in_place_of_the_socket_is_refused_and_kept(daemon):
    """A file that is no socket is named, not removed."""
    daemon.socket.parent.mkdir(mode=0o700, parents=True)
    daemon.socket.write_text("precious")
    done = daemon.toolrecd("start")
    assert (done.returncode, daemon.socket.read_text()) == (1, "precious")
    assert f"{daemon.socket} is not a socket; remove it" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_socket_of_another_user_is_refused_and_kept(daemon):
    """A socket that somebody else owns is neither asked nor removed."""
    daemon.toolrecd("start", check=True)
    try:
        os.chown(daemon.socket, 4242, 4242)
        for done in (daemon.toolrecd("status"), daemon.toolrec("suggest", "find files")):
            assert done.returncode == 1
            assert "belongs to another user; set TOOLREC_SOCKET to a path of your own" in done.stderr
        with pytest.raises(ToolrecError, match="belongs to user 4242"):
            ownership.clear_socket(daemon.socket)
        assert daemon.socket.exists()
    finally:
        os.chown(daemon.socket, 0, 0)


@pytest.mark.parametrize("name", ["toolrecd.lock", "toolrecd.log"])
def test_a_file_that_cannot_be_written_is_named(daemon, name):
    """A directory in place of the lock or the log is one line of error with the path and the remedy."""
    blocked = daemon.socket.parent / name
    blocked.mkdir(mode=0o700, parents=True)
    daemon.socket.parent.chmod(0o700)
    done = daemon.toolrecd("start")
    assert done.returncode == 1
    assert f"cannot write {blocked}: Is a directory; remove it, or set TOOLREC_SOCKET" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_link_in_place_of_the_lock_leads_nowhere(daemon):
    """The lock is not written through a symlink."""
    daemon.socket.parent.mkdir(mode=0o700, parents=True)
    target = daemon.home / "precious"
    target.write_text("kept")
    daemon.socket.with_suffix(".lock").symlink_to(target)
    assert daemon.toolrecd("start").returncode == 1
    assert target.read_text() == "kept"


def test_a_lock_that_is_only_looked_at_can_still_be_taken(isolated_home, monkeypatch):
    """A shared lock held for a moment, as `stop` takes it to look, does not turn a starting daemon away."""
    where = ownership.Files(isolated_home / "s" / "d.sock")
    refusals = [BlockingIOError(), BlockingIOError()]
    real = ownership.fcntl.flock

    def flock(file: object, operation: int) -> None:
        if refusals:
            raise refusals.pop()
        real(file, operation)

    monkeypatch.setattr(ownership.fcntl, "flock", flock)
    lock = ownership.take_lock(where)
    assert lock is not None
    with lock:
        assert where.lock.read_text() == f"{os.getpid()}\n"
        assert ownership.take_lock(where) is None


def test_a_daemon_whose_lock_file_was_removed_is_still_stopped(daemon):
    """Without the lock file `stop` waits until nobody listens any more."""
    daemon.toolrecd("start", check=True)
    daemon.socket.with_suffix(".lock").unlink()
    assert daemon.toolrecd("stop").stdout == "toolrecd: stopped\n"
    assert daemon.toolrecd("status").returncode == 3
    assert not daemon.socket.exists()


def test_signals_are_sent_to_nobody_without_a_pid():
    """No pid, no signal."""
    lifecycle._signal(None, signal.SIGKILL)
