"""Frames as the client sends and receives them, and a daemon that misbehaves."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from toolrec_client import rpc, wire

if TYPE_CHECKING:
    from .conftest import FakeDaemon

REQUEST = {"op": "status"}


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets: the client's end, which waits a moment only, and the daemon's."""
    monkeypatch.setattr(wire, "REPLY_TIMEOUT_S", 0.05)
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture(autouse=True)
def no_start(isolated_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client finds the test's home, and starts no daemon."""
    monkeypatch.setattr(wire, "environ", {b"HOME": str(isolated_home).encode(), b"TOOLREC_NO_START": b"1"})


def test_frames_arrive_in_pieces(pair: tuple[socket.socket, socket.socket]) -> None:
    """A frame is put together from however many pieces it comes in, and the next one is left alone."""
    ours, theirs = pair
    theirs.sendall(b"\0\0")
    theirs.sendall(b"\0\5he")
    theirs.sendall(b"llo\0\0\0\0")
    assert wire.receive(ours) == b"hello"
    assert wire.receive(ours) == b""


def test_oversized_request_is_refused_before_sending(pair: tuple[socket.socket, socket.socket]) -> None:
    """A request over the limit is refused by its size, and not a byte of it is sent."""
    ours, theirs = pair
    with pytest.raises(wire.RequestTooLarge, match=r"^request of 1048577 bytes is over the limit of 1048576; shorten"):
        wire.send(ours, bytes(wire.MAX_FRAME_BYTES + 1))
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)


def test_reply_over_the_limit(pair: tuple[socket.socket, socket.socket]) -> None:
    """A reply that announces more than the limit is refused without reading it."""
    ours, theirs = pair
    theirs.sendall((wire.MAX_FRAME_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(wire.ToolrecError, match=r"^reply of 1048577 bytes is over the limit of 1048576; restart with"):
        wire.receive(ours)


@pytest.mark.parametrize("sent", [b"", b"\0\0", b"\0\0\0\5", b"\0\0\0\5hel"])
def test_hang_up_midway(pair: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    """A daemon that hangs up before or within a frame is said to have hung up."""
    ours, theirs = pair
    theirs.sendall(sent)
    theirs.close()
    with pytest.raises(wire.ToolrecError, match=r"^the daemon hung up before it answered; see: toolrecd logs$"):
        wire.receive(ours)


def test_hang_up_while_sending(pair: tuple[socket.socket, socket.socket]) -> None:
    """A daemon that is gone before the request is sent gives one line, not a broken pipe."""
    ours, theirs = pair
    theirs.close()
    with pytest.raises(wire.ToolrecError, match=r"^the daemon hung up: .*; see: toolrecd logs$"):
        wire.send(ours, b"hello")


@pytest.mark.parametrize("sent", [b"", b"\0\0\0\5hel"])
def test_silence(pair: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    """A daemon that says nothing, or stops within a frame, is said to be silent."""
    ours, theirs = pair
    theirs.sendall(sent)
    with pytest.raises(wire.ToolrecError, match=r"^the daemon was silent for 0 s; see: toolrecd doctor$"):
        wire.receive(ours)


def test_reply_that_is_no_message(fake: FakeDaemon) -> None:
    """A reply that is not msgpack, or not a map, is said to be unreadable."""
    for raw, reason in ((b"\0\0\0\1\xc1", "unsupported type byte 0xc1"), (b"\0\0\0\1\x05", "a int, not a map")):
        fake.answer = lambda request, raw=raw: [raw]  # type: ignore[misc]
        with pytest.raises(wire.ToolrecError) as caught:
            rpc.final(REQUEST)
        assert str(caught.value) == f"unreadable reply ({reason}); restart with: toolrecd restart"


def test_replies_come_in_order_until_the_final_one(fake: FakeDaemon) -> None:
    """Every reply is handed on as it comes; the final one ends it, whatever follows."""
    replies: list[Any] = [{"n": 1, "final": False}, {"n": 2, "final": False}, {"n": 3}, {"n": 4}]
    fake.answer = lambda request: replies
    assert [reply["n"] for reply in rpc.ask(REQUEST)] == [1, 2, 3]
    assert fake.requests[0]["v"] == wire.PROTOCOL_VERSION
    assert fake.requests[0]["op"] == "status"
    assert rpc.final(REQUEST)["n"] == 3


def test_no_final_reply(fake: FakeDaemon) -> None:
    """A daemon that hangs up after a provisional reply has not answered."""
    fake.answer = lambda request: [{"final": False}]
    with pytest.raises(wire.ToolrecError, match=r"hung up before it answered"):
        rpc.final(REQUEST)


def test_error_reply(fake: FakeDaemon) -> None:
    """An error is raised with its code and its words."""
    fake.answer = lambda request: [{"code": "unknown_os", "message": "unknown operating system 'beos'"}]
    with pytest.raises(wire.ErrorReply, match=r"^unknown operating system 'beos'$") as caught:
        rpc.final(REQUEST)
    assert caught.value.code == "unknown_os"


def test_absent_daemon_is_not_started_when_told_not_to(isolated_home: Path) -> None:
    """With TOOLREC_NO_START, or where the caller says so, an absent daemon is an error."""
    with pytest.raises(wire.DaemonAbsent, match=r"start it with: toolrecd start"):
        rpc.final(REQUEST)
    wire.environ.clear()
    wire.environ[b"HOME"] = str(isolated_home).encode()
    with pytest.raises(wire.DaemonAbsent, match=r"start it with: toolrecd start"):
        rpc.final(REQUEST, start=False)
