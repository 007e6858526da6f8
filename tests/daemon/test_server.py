"""The server's way with requests: streaming, supersession, cancellation, many clients at once."""

from __future__ import annotations

import asyncio
import socket
import stat

import msgspec
import pytest

from toolrec_client import wire
from toolrecd import server as server_module
from toolrecd.errors import EngineUnavailable

QUERY = "find all python files"
PATIENCE_S = 20.0


async def until(condition):
    """Wait for something another task brings about."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  what is waited for has no event of its own
            await asyncio.sleep(0.005)


async def test_the_shortlist_comes_first_and_the_model_closes_the_request(served):
    """A suggestion is provisional from the shortlist, then final from the model, with the model's favourite first."""
    served.engine.gate.clear()
    line = await served.connect()
    line.send("suggest", 7, query=QUERY)
    provisional = await line.receive()
    names = [tool["name"] for tool in provisional["tools"]]
    served.engine.favourite = names[-1]
    served.engine.gate.set()
    final = await line.receive()
    assert (provisional["stage"], provisional["final"], provisional["id"]) == ("shortlist", False, 7)
    assert (final["stage"], final["final"], final["id"], final["note"]) == ("model", True, 7, "")
    assert [tool["name"] for tool in final["tools"]].index(names[-1]) < len(names) - 1


async def test_a_provisional_answer_does_not_wait_for_the_model(served):
    """The shortlist's answer arrives while the model is still held up."""
    served.engine.gate.clear()
    line = await served.connect()
    line.send("suggest", query=QUERY)
    assert (await line.receive())["stage"] == "shortlist"
    served.engine.gate.set()
    assert (await line.receive())["stage"] == "model"


@pytest.mark.parametrize(("mode", "typing"), [("typing", True), ("ask", False), ("explain", False)])
async def test_the_model_is_told_whether_somebody_types(served, mode, typing):
    """Only where the next key may follow the model is asked the short way."""
    line = await served.connect()
    line.send("suggest", query=QUERY, mode=mode)
    await line.receive_final()
    assert served.engine.typed == [typing]


async def test_a_final_answer_without_the_model_says_so(served):
    """When the model fails, the final frame is the shortlist's and carries the reason."""
    served.engine.error = EngineUnavailable("the model process was killed")
    line = await served.connect()
    line.send("suggest", query=QUERY)
    final = (await line.receive_final())[-1]
    assert (final["stage"], final["note"]) == ("shortlist", "the model process was killed")
    assert final["tools"]


async def test_reasoning_is_streamed_before_the_answer(served):
    """`explain` sends each thought in a frame of its own, then the answer."""
    line = await served.connect()
    line.send("suggest", query=QUERY, mode="explain")
    *thoughts, final = await line.receive_final()
    assert [thought["text"] for thought in thoughts] == ["first ", "second"]
    assert {thought["stage"] for thought in thoughts} == {"reasoning"}
    assert final["stage"] == "model"


async def test_a_newer_request_of_a_session_supersedes_the_older(served):
    """The older request ends with `superseded`, its model work is cancelled, and the newer is answered."""
    served.engine.gate.clear()
    first, second = await served.connect(), await served.connect()
    first.send("suggest", 1, query="find all", session="s", seq=1)
    await first.receive()
    await served.engine.asked.wait()
    second.send("suggest", 2, query=QUERY, session="s", seq=2)
    assert (await first.receive())["code"] == "superseded"
    assert served.engine.cancelled == ["find all"]
    served.engine.gate.set()
    assert (await second.receive_final())[-1]["stage"] == "model"
    assert (served.service.metrics.superseded, dict(served.service.metrics.errors)) == (1, {})


async def test_an_older_number_that_arrives_late_is_superseded_at_once(served):
    """A request with a smaller number than one already seen gets `superseded` and leaves the newer one alone."""
    served.engine.gate.clear()
    line = await served.connect()
    line.send("suggest", 1, query=QUERY, session="s", seq=9)
    await line.receive()
    line.send("suggest", 2, query="find", session="s", seq=8)
    late = await line.receive()
    assert (late["id"], late["code"], late["final"]) == (2, "superseded", True)
    served.engine.gate.set()
    assert (await line.receive())["id"] == 1
    assert served.engine.cancelled == []


async def test_sessions_do_not_supersede_each_other(served):
    """Two shells with the same numbers are both answered."""
    line = await served.connect()
    for number, session in ((1, "a"), (2, "b")):
        line.send("suggest", number, query=QUERY, session=session, seq=1)
    finals = [reply for _ in range(2) for reply in await line.receive_final() if reply["final"]]
    assert sorted((reply["id"], reply["stage"]) for reply in finals) == [(1, "model"), (2, "model")]


async def test_requests_of_one_connection_are_answered_side_by_side(served):
    """A quick request is answered while an earlier one of the same connection waits for the model."""
    served.engine.gate.clear()
    line = await served.connect()
    line.send("suggest", 1, query=QUERY)
    await line.receive()
    line.send("status", 2)
    assert (await line.receive())["id"] == 2
    served.engine.gate.set()
    assert (await line.receive())["id"] == 1


async def test_a_closed_connection_cancels_its_request(served):
    """Hanging up stops the model's work for that client."""
    served.engine.gate.clear()
    line = await served.connect()
    line.send("suggest", query=QUERY, session="s", seq=1)
    await served.engine.asked.wait()
    line.close()
    await until(lambda: served.engine.cancelled == [QUERY])
    assert served.reports == []


async def test_others_are_served_while_requests_are_under_way(served):
    """Connections are accepted and answered however many requests wait for the model."""
    served.engine.gate.clear()
    for number in range(server_module.MAX_UNDER_WAY + 5):
        line = await served.connect()
        line.send("suggest", number, query=f"{QUERY} {number}")
        await line.receive()
    other = await served.connect()
    other.send("status")
    assert (await other.receive())["status"] == {"pid": 1}


async def test_two_hundred_clients_at_once_are_all_answered(served):
    """Two hundred connections that ask together each get their own two frames."""

    async def ask(number):
        line = await served.connect()
        line.send("suggest", number, query=f"compress a folder {number}", session=str(number), seq=1)
        return await line.receive_final()

    answers = await asyncio.gather(*(ask(number) for number in range(200)))
    assert [[reply["id"] for reply in replies] for replies in answers] == [[number] * 2 for number in range(200)]
    assert {replies[-1]["stage"] for replies in answers} == {"model"}


async def test_a_slow_reader_gets_everything_and_holds_up_nobody(served):
    """A client that reads late finds all its replies; meanwhile another is served."""
    slow, quick = await served.connect(), await served.connect()
    for number in range(20):
        slow.send("tools", number)
    quick.send("status")
    assert (await quick.receive())["status"] == {"pid": 1}
    held = {tool.name for tool in served.service.recommender.knowledge.tools}
    seen: dict[int, set[str]] = {number: set() for number in range(20)}
    finals = 0
    while finals < 20:
        reply = await slow.receive()
        seen[reply["id"]] |= {tool["name"] for tool in reply["tools"]}
        finals += reply["final"]
    assert all(names == held for names in seen.values())


async def test_a_client_that_takes_nothing_is_dropped(served, monkeypatch):
    """A connection whose replies are not read is cut after the time limit, and no error is reported."""
    monkeypatch.setattr(server_module, "DRAIN_TIMEOUT_S", 0.05)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(str(served.path))
        frame = msgspec.msgpack.encode({"v": 1, "id": 1, "op": "tools"})
        deaf.sendall((len(frame).to_bytes(4, "big") + frame) * 8)
        await until(lambda: served.service.metrics.requests["tools"] == 8)
        await until(lambda: not served.server._connections)
    assert served.reports == []


async def test_a_stop_does_not_wait_for_a_client_that_takes_nothing(served, monkeypatch):
    """Closing the server ends although a client's replies are still unread."""
    monkeypatch.setattr(server_module, "LAST_WORDS_TIMEOUT_S", 0.05)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(str(served.path))
        frame = msgspec.msgpack.encode({"v": 1, "id": 1, "op": "tools"})
        deaf.sendall((len(frame).to_bytes(4, "big") + frame) * 8)
        await until(lambda: served.service.metrics.requests["tools"] == 8)
        async with asyncio.timeout(PATIENCE_S):
            await served.server.close()


async def test_a_process_of_another_user_is_turned_away(served, monkeypatch):
    """A peer of another uid gets no reply, only the end of the connection."""
    monkeypatch.setattr(server_module, "peer_uid", lambda connection: 4242)
    line = await served.connect()
    line.send("status")
    assert await line.ended()
    assert not served.service.metrics.requests


async def test_the_peers_uid_is_the_kernels_word(served):
    """The uid of a connected process is read from the socket itself."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert server_module.peer_uid(ours) == served.path.stat().st_uid


async def test_socket_and_directory_are_the_users_alone(served):
    """The socket is 0600 in a directory of 0700."""
    assert stat.S_IMODE(served.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(served.path.parent.stat().st_mode) == 0o700


async def test_a_reply_of_every_kind_fits_a_frame(served):
    """The longest replies, the parts of the tool list, are under the frame limit."""
    line = await served.connect()
    line.send("tools")
    parts = await line.receive_final()
    assert len(parts) > 1
    assert max(len(msgspec.msgpack.encode(part)) for part in parts) < wire.MAX_FRAME_BYTES


@pytest.mark.parametrize("mode", ["typing", "ask", "explain"])
async def test_nothing_known_is_a_final_answer_of_the_shortlist(served, mode):
    """A query without a known word is closed at once and never said to be the model's."""
    line = await served.connect()
    line.send("suggest", query="qqxzv", mode=mode)
    replies = await line.receive_final()
    assert [(reply["stage"], reply["final"]) for reply in replies] == [("shortlist", True)]
    assert served.engine.questions == []
