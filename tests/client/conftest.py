"""A fake daemon that speaks the protocol, and the client run as its launchers run it: `python -IS`."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

CLIENT = Path(__file__).parent.parent.parent / "client"
LAUNCHER = "import sys\n\nsys.path.insert(0, {client!r})\nfrom {module} import main\n\nraise SystemExit(main())\n"

Message = dict[str, Any]
Answer = Callable[[Message], list[Message | bytes]]

TOOL: Message = {
    "name": "fd",
    "installed": False,
    "install": "apt install fd-find",
    "example": "fdfind -e py",
    "score": 0.25,
    "summary": "A simpler and faster find",
    "caution": "",
}
SUGGESTION: Message = {
    "stage": "model",
    "is_task": True,
    "confidence": 0.75,
    "task_category": "search",
    "tools": [TOOL | {"name": "find", "installed": True, "install": None, "example": "find ."}, TOOL],
    "related": ["xargs"],
    "note": "",
    "latency_ms": 12.5,
}


def suggest(request: Message) -> list[Message | bytes]:
    """Answer a suggest request in mode `ask`: a provisional reply, then the final one; "bad" is refused."""
    if request["query"] == "bad":
        return [{"code": "query_not_text", "message": "query holds a control character; send plain text"}]
    whole = SUGGESTION | {"query": request["query"]}
    return [whole | {"stage": "shortlist", "final": False}, whole]


class FakeDaemon:
    """Answers every request with what `answer` returns: maps, completed and framed, or raw bytes."""

    def __init__(self, path: Path) -> None:
        self.path, self.answer = path, suggest
        self.requests: list[Message] = []
        path.parent.mkdir(mode=0o700, parents=True)
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(path))
        self._listening.listen(16)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            # A client may hang up before it has read everything.
            with connection, contextlib.suppress(ConnectionError):
                self._answer_one(connection)

    def _answer_one(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            payload = stream.read(int.from_bytes(stream.read(4), "big"))
        if not payload:
            return  # the client found out that its request is too large for a frame
        try:
            request = msgspec.msgpack.decode(payload)
        except UnicodeDecodeError:
            request = {"id": 0, "query": "bad"}
        self.requests.append(request)
        for reply in self.answer(request):
            if isinstance(reply, bytes):
                connection.sendall(reply)
                continue
            payload = msgspec.msgpack.encode({"v": 1, "id": request["id"], "final": True, **reply})
            connection.sendall(len(payload).to_bytes(4, "big") + payload)


@pytest.fixture
def fake(isolated_home: Path) -> Iterator[FakeDaemon]:
    """A fake daemon at the socket of the test's home."""
    made = FakeDaemon(isolated_home / ".local/state/toolrec/toolrecd.sock")
    yield made
    made.close()


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def launch(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a launcher of a client module, as an installation has it."""

    def write(module: str) -> Path:
        path = tmp_path / module
        path.write_text(f"#!{sys.executable} -IS\n" + LAUNCHER.format(client=str(CLIENT), module=module))
        path.chmod(0o755)
        return path

    return write


def run_program(program: Path, *words: str, stdin: str | bytes | None = None, **environment: str) -> Any:
    """Run a program with nothing on its standard input unless given; no daemon is started for it."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [program, *words],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        timeout=60,
        env={**os.environ, "TOOLREC_NO_START": "1", "SHELL": "/bin/zsh", **environment},
        check=False,
    )
    stdout, stderr = (raw.decode("utf-8", "surrogateescape") for raw in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, stdout, stderr)


@pytest.fixture
def toolrec(launch: Callable[[str], Path]) -> Run:
    """Return a function that runs `toolrec` with words."""
    program = launch("toolrec_client.cli")
    return lambda *words, **options: run_program(program, *words, **options)


@pytest.fixture
def caro(launch: Callable[[str], Path]) -> Run:
    """Return a function that runs the `caro` shim with words."""
    program = launch("toolrec_client.caro")
    return lambda *words, **options: run_program(program, *words, **options)
