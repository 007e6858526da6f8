"""Frames that cannot be served: each gets one clear error, and the next request is answered."""

from __future__ import annotations

import socket

import msgspec
import pytest

from toolrec_client import wire
from toolrecd import server as server_module
from toolrecd.errors import ToolrecError
from toolrecd.ownership import check_directory
from toolrecd.server import bind


def request(**fields: object) -> bytes:
    """Return a request's payload with some fields changed."""
    return msgspec.msgpack.encode({"v": 1, "id": 5, "op": "suggest", "query": "find files", **fields})


BAD = {
    "nothing": (b"", 0, "malformed", "see docs/protocol.md"),
    "no msgpack": (b"\xc1\xc1", 0, "malformed", "not msgpack"),
    "a list": (msgspec.msgpack.encode([1, 2]), 0, "malformed", "one msgpack map"),
    "cut short": (request()[:-3], 0, "malformed", "truncated"),
    "nested too deep": (b"\x82\xa1v\x01\xa1x" + b"\x91" * 100_000, 0, "malformed", "depth"),
    "no version": (msgspec.msgpack.encode({"id": 5, "op": "status"}), 5, "unsupported_version", "None is not 1"),
    "another version": (request(v=2), 5, "unsupported_version", "version 2 is not 1; install client and daemon"),
    "a huge version": (request(v="x" * 900_000), 5, "unsupported_version", "xxx...xxx"),
    "no operation": (msgspec.msgpack.encode({"v": 1, "id": 5}), 5, "unknown_operation", "no operation None"),
    "unknown operation": (request(op="launch"), 5, "unknown_operation", "no operation 'launch'; there are suggest,"),
    "a huge operation": (request(op="\0" * 900_000), 5, "unknown_operation", "..."),
    "a query that is a number": (request(query=3), 5, "invalid", "suggest: Expected `str`, got `int` - at `$.query`"),
    "no query": (msgspec.msgpack.encode({"v": 1, "id": 5, "op": "suggest"}), 5, "invalid", "`query`"),
    "bytes for text": (
        request().replace(b"find files", b"find \xff\xfe\xfd\xfc\xfb"),
        5,
        "invalid",
        "not UTF-8 text; send text",
    ),
    "an unknown mode": (request(mode="shout"), 5, "invalid", "'shout'"),
    "a limit out of range": (request(limit=0), 5, "invalid", "`int` >= 1 - at `$.limit`"),
    "an unknown system": (request(os="beos"), 5, "", "beos"),
    "a huge system": (request(os="\0" * 900_000), 5, "", "unknown operating system"),
    "a huge mode": (request(mode="x" * 900_000), 5, "invalid", "xxx"),
    "a long query": (
        request(query="a" * 1_000_000),
        5,
        "query_too_long",
        "1000000 characters is over the limit of 2000",
    ),
    "a binary query": (request(query="find\x00\x1b[31m"), 5, "query_not_text", "'\\x00'; send plain text"),
    "a long name": (request(op="resolve", name="x" * 300), 5, "invalid", "<= 256 - at `$.name`"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_request_gets_one_error_and_the_next_is_answered(served, case):
    """The error names value and remedy, carries the request's id, and the connection goes on."""
    payload, number, code, words = BAD[case]
    line = await served.connect()
    line.send_frame(payload)
    line.send("status", 9)
    refused, answered = sorted([await line.receive(), await line.receive()], key=lambda reply: "status" in reply)
    assert (refused["id"], refused["final"]) == (number, True)
    assert words in refused["message"]
    assert refused["code"] == code or not code
    assert len(refused["message"]) <= server_module.MAX_MESSAGE_CHARS
    assert (answered["id"], answered["status"]) == (9, {"pid": 1})
    assert served.service.metrics.errors[refused["code"]] == 1
    assert served.reports == []


async def test_an_oversized_frame_is_refused_while_it_is_being_sent(served):
    """The reason arrives although the frame's rest never comes; other connections are not affected."""
    line, other = await served.connect(), await served.connect()
    line.writer.write((wire.MAX_FRAME_BYTES + 1).to_bytes(4, "big") + b"x" * 1000)
    refused = await line.receive()
    assert (refused["id"], refused["code"]) == (0, "frame_too_large")
    assert "1048577 bytes is over the limit of 1048576; send less" in refused["message"]
    other.send("status")
    assert (await other.receive())["status"] == {"pid": 1}


async def test_the_sender_of_an_oversized_frame_can_send_it_all_and_read_why(served):
    """A client that writes all of its frame before it reads is not reset."""
    line = await served.connect()
    line.writer.write((3_000_000).to_bytes(4, "big") + b"x" * 3_000_000)
    await line.writer.drain()
    assert (await line.receive())["code"] == "frame_too_large"


async def test_text_of_another_protocol_is_refused(served):
    """A request of HTTP, whose first bytes are a huge length, gets the reason."""
    line = await served.connect()
    line.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert (await line.receive())["code"] == "frame_too_large"


@pytest.mark.parametrize("sent", [b"\0", b"\0\0\0", b"\0\0\0\x10", b"\0\0\0\x10half"])
async def test_a_frame_of_which_the_end_is_missing_is_refused(served, sent):
    """A client that closes its sending side within a frame reads that the frame was incomplete."""
    line = await served.connect()
    line.writer.write(sent)
    line.writer.write_eof()
    refused = await line.receive()
    assert (refused["code"], refused["final"]) == ("incomplete_frame", True)
    assert "send it whole" in refused["message"]
    assert await line.ended()


async def test_a_half_sent_frame_does_not_hold_the_connection_for_ever(served, monkeypatch):
    """A client that stops within a frame is told so after the time limit."""
    monkeypatch.setattr(server_module, "FRAME_TIMEOUT_S", 0.05)
    line = await served.connect()
    line.writer.write(b"\0\0\0\x10half")
    assert (await line.receive())["code"] == "incomplete_frame"
    assert await line.ended()


async def test_a_silent_connection_is_left_alone(served, monkeypatch):
    """Only a frame that has begun has a time limit: a connection may idle between requests."""
    monkeypatch.setattr(server_module, "FRAME_TIMEOUT_S", 0.01)
    idle = await served.connect()
    other = await served.connect()
    for number in range(20):
        other.send("status", number)
        await other.receive()
    idle.send("status", 3)
    assert (await idle.receive())["id"] == 3


async def test_requests_before_a_broken_frame_are_lost_only_with_the_connection(served):
    """An answered request stays answered when the next frame is broken."""
    line = await served.connect()
    line.send("status", 4)
    assert (await line.receive())["id"] == 4
    line.writer.write(b"\xff\xff\xff\xff")
    assert (await line.receive())["code"] == "frame_too_large"


async def test_a_bug_costs_one_request_and_the_log_does_not_learn_the_query(served):
    """An unexpected exception is answered `internal`; the report holds its type and place and no word of the query."""
    served.engine.error = KeyError("zanzibar")
    line = await served.connect()
    line.send("suggest", 6, query="find files of zanzibar")
    failure = (await line.receive_final())[-1]
    assert (failure["id"], failure["code"], failure["message"]) == (6, "internal", "KeyError; see: toolrecd logs")
    assert len(served.reports) == 1
    assert served.reports[0].startswith("KeyError in a request, at ")
    assert "zanzibar" not in served.reports[0]
    line.send("status")
    assert (await line.receive())["status"] == {"pid": 1}


def test_a_socket_path_that_cannot_be_bound_names_the_remedy(tmp_path):
    """A path too long for a socket address is refused with path and remedy."""
    path = tmp_path / ("x" * 120)
    with pytest.raises(ToolrecError, match=f"cannot listen at {path}.*; set TOOLREC_SOCKET to another path"):
        bind(path)


def test_a_directory_below_a_file_is_refused(tmp_path):
    """A socket directory that cannot be made is named with the remedy."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolrecError, match=r"cannot make .*file/run.*set TOOLREC_SOCKET"):
        check_directory(tmp_path / "file" / "run")


def test_a_symlink_in_place_of_the_directory_is_refused(tmp_path):
    """The socket's directory is not looked for behind a link."""
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(ToolrecError, match="link is a symlink; remove it"):
        check_directory(tmp_path / "link")


def test_a_directory_that_others_may_write_is_refused(tmp_path):
    """Others could replace the socket; the message holds the command that mends it."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(ToolrecError, match=f"run: chmod go-w {tmp_path}/open"):
        check_directory(tmp_path / "open")


def test_a_directory_of_another_user_is_refused(tmp_path, monkeypatch):
    """A directory whose owner is somebody else is named with its owner."""
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(server_module.os, "getuid", lambda: owner + 1)
    with pytest.raises(ToolrecError, match=f"belongs to user {owner}; set TOOLREC_SOCKET"):
        check_directory(tmp_path)


def test_binding_leaves_the_umask_as_it_was(isolated_home):
    """The process's file mode mask is put back after the socket is made."""
    import os

    before = os.umask(0o022)
    with bind(isolated_home / "s" / "d.sock") as listening:
        assert isinstance(listening, socket.socket)
        assert os.umask(before) == 0o022
