"""A server in the test's own process, with a fake model that does what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from toolrec_kb import knowledge as kb
from toolrec_kb.knowledge import Knowledge
from toolrecd.config import Config
from toolrecd.context import Machine
from toolrecd.engine import serving
from toolrecd.engine.jobs import Question
from toolrecd.server import Server, bind
from toolrecd.service import Service

PATIENCE_S = 20.0  # a test that waits longer has failed; none measures time


class FakeEngine:
    """Answers when the gate is open: `favourite` is the best tool by far."""

    def __init__(self) -> None:
        self.gate, self.asked = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.trained = True
        self.favourite, self.thoughts = "", ["first ", "second"]
        self.cancelled: list[str] = []
        self.questions: list[str] = []
        self.typed: list[bool] = []
        self.error: Exception | None = None

    async def rank(self, question: Question, candidates: Sequence[str], *, typing: bool = False) -> dict[str, float]:
        """Score the candidates."""
        self.typed.append(typing)
        await self._think_of(question)
        return {name: 0.0 if name == self.favourite else -9.0 for name in candidates}

    async def categorise(self, question: Question, name: str) -> dict[str, float]:
        """Say nothing about categories."""
        return {}

    async def think(self, question: Question) -> AsyncIterator[str]:
        """Yield the prepared thoughts."""
        await self._think_of(question)
        for thought in self.thoughts:
            yield thought

    async def _think_of(self, question: Question) -> None:
        self.questions.append(question.query)
        self.asked.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(question.query)
            raise
        if self.error:
            raise self.error


class FakeControl:
    """The process, as the service sees it."""

    def __init__(self) -> None:
        self.stopped = False
        self.notes: list[str] = []

    async def reload(self) -> tuple[list[str], list[str]]:
        """Find one change and one problem."""
        return ["configuration"], ["a problem"]

    def shutdown(self) -> None:
        """Remember that it was asked for."""
        self.stopped = True

    def note(self, text: str) -> None:
        """Keep what would go to the log."""
        self.notes.append(text)

    def status(self) -> dict[str, object]:
        """Say something."""
        return {"pid": 1}


class Line:
    """A client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, op: str, number: int = 1, **fields: object) -> None:
        """Send a request."""
        self.send_frame(msgspec.msgpack.encode({"v": 1, "id": number, "op": op, **fields}))

    def send_frame(self, payload: bytes) -> None:
        """Send any bytes as a frame."""
        self.writer.write(len(payload).to_bytes(4, "big") + payload)

    async def receive(self) -> dict[str, Any]:
        """Return the next reply."""
        async with asyncio.timeout(PATIENCE_S):
            length = int.from_bytes(await self.reader.readexactly(4), "big")
            return msgspec.msgpack.decode(await self.reader.readexactly(length))

    async def receive_final(self) -> list[dict[str, Any]]:
        """Return the replies up to a final one."""
        replies = [await self.receive()]
        while not replies[-1]["final"]:
            replies.append(await self.receive())
        return replies

    async def ended(self) -> bool:
        """Return whether the server has hung up and sent nothing more."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True

    def close(self) -> None:
        """Hang up."""
        self.writer.close()


class Served:
    """A running server and everything a test may turn."""

    def __init__(self, service: Service, engine: FakeEngine, control: FakeControl, path: Path) -> None:
        self.service, self.engine, self.control, self.path = service, engine, control, path
        self.reports: list[str] = []
        self.server = Server(service, self.reports.append)
        self.lines: list[Line] = []

    async def connect(self) -> Line:
        """Return a new connection."""
        line = Line(*await asyncio.open_unix_connection(str(self.path)))
        self.lines.append(line)
        return line


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    """The knowledge base as it ships."""
    return kb.load()[0]


@pytest.fixture(scope="session")
def serving_file(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The serving model of the real base, made anew by what is tested."""
    return serving.prepare(tmp_path_factory.mktemp("cache"), model_file)


@pytest.fixture
async def served(isolated_home: Path, knowledge: Knowledge) -> AsyncIterator[Served]:
    """A server on a socket, with a fake model."""
    engine, control = FakeEngine(), FakeControl()
    service = Service(
        machine=Machine("linux", "debian", ("apt",), local=True),
        path="/usr/bin:/bin",
        knowledge=knowledge,
        config=Config(),
        engine=engine,
        control=control,
    )
    made = Served(service, engine, control, isolated_home / "run" / "d.sock")
    await made.server.start(bind(made.path))
    yield made
    for line in made.lines:
        line.close()
    await made.server.close()
