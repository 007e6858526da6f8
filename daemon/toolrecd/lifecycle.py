"""Starts, finds and stops the daemon process. Liveness is an answered request, never a pid or a file.

`ownership` decides which process is the daemon; this finds it, asks it and ends it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from toolrec_client import wire
from toolrecd.errors import ToolrecError
from toolrecd.ownership import (
    POLL_S,
    PROBE_TIMEOUT_S,
    Files,
    check_directory,
    is_locked,
    locked_pid,
    open_private,
    wait_until,
)

UNKNOWN = "unknown"  # the version of a daemon that speaks another protocol
START_TIMEOUT_S = 15.0  # it listens within half a second; a busy machine may take longer
STOP_TIMEOUT_S = 5.0


class Unanswered(ToolrecError):
    """Somebody listens and does not answer."""


def files() -> Files:
    """Return the files of the socket that the environment and the home directory give."""
    try:
        return Files(Path(wire.socket_path()))
    except wire.ToolrecError as error:
        raise ToolrecError(str(error)) from None


def ask(path: Path, operation: str, timeout: float = PROBE_TIMEOUT_S) -> dict[str, object] | None:
    """Return the daemon's reply to `operation`, or None if nobody listens.

    Raises:
        Unanswered: somebody listens but does not answer.
        ToolrecError: the socket must not be trusted.
    """
    try:
        connection = wire.connect(str(path))
    except wire.DaemonAbsent:
        return None
    except wire.ToolrecError as error:
        raise ToolrecError(str(error)) from None
    try:
        connection.settimeout(timeout)
        message = {"v": wire.PROTOCOL_VERSION, "id": os.getpid(), "op": operation}
        wire.send(connection, msgspec.msgpack.encode(message))
        reply: dict[str, object] = msgspec.msgpack.decode(wire.receive(connection))
        return reply
    except (wire.ToolrecError, msgspec.DecodeError) as error:
        raise Unanswered(f"the daemon at {path} does not answer ({error}); run: toolrecd restart") from None
    finally:
        connection.close()


def status(path: Path) -> dict[str, object] | None:
    """Return the running daemon's status, or None if none runs."""
    reply = ask(path, "status")
    if reply is None:
        return None
    found = reply.get("status")
    # A daemon of another protocol answers with an error: it runs, and that is all that can be said.
    return found if isinstance(found, dict) else {"version": UNKNOWN, "pid": locked_pid(Files(path))}


def start(where: Files, version: str) -> tuple[bool, dict[str, object]]:
    """Make sure that a daemon of this version runs; return whether one was started, and its status.

    Raises:
        ToolrecError: it does not come up; the message carries its own last words.
    """
    running = status(where.socket)
    if running and running.get("version") == version:
        return False, running
    if running:
        stop(where)
    check_directory(where.socket.parent)
    offset = where.log.stat().st_size if where.log.exists() else 0
    with open_private(where.log, os.O_APPEND | os.O_WRONLY, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "toolrecd", "run"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the terminal's hang-up and Ctrl-C are not for the daemon
            cwd="/",
            close_fds=True,
        )
    return True, _await_answer(where, process, offset, version)


def _await_answer(where: Files, process: subprocess.Popen[bytes], offset: int, version: str) -> dict[str, object]:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        running = status(where.socket)
        if running and running.get("version") == version:
            return running
        # Another start may have won the race: its daemon answers, ours ends with status 0.
        if process.poll() not in (None, 0):
            raise ToolrecError(_last_words(where.log, offset))
        time.sleep(POLL_S)
    raise ToolrecError(f"the daemon did not answer within {START_TIMEOUT_S:.0f} s; see {where.log}")


def _last_words(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1].removeprefix("toolrecd: ") if lines else f"the daemon ended without a word; see {log}"


def stop(where: Files) -> bool:
    """Stop the daemon, gently if it listens, by signal if it does not; return whether one ran."""
    pid = locked_pid(where)
    try:
        listens = answered = ask(where.socket, "shutdown") is not None
    except Unanswered:
        listens, answered = True, False
    except ToolrecError:
        if pid is None:
            raise
        answered = False
    if pid is None:
        return listens and _await_silence(where)
    if not answered:
        _signal(pid, signal.SIGTERM)
    if not wait_until(lambda: not is_locked(where), STOP_TIMEOUT_S):
        # Frozen or stuck: a stopped process takes SIGKILL, and the lock goes with it.
        _signal(pid, signal.SIGKILL)
        if not wait_until(lambda: not is_locked(where), STOP_TIMEOUT_S):
            raise ToolrecError(f"the daemon (pid {pid}) could not be stopped; end it with: kill -9 {pid}")
    return True


def _await_silence(where: Files) -> bool:
    """Await the end of what listens without the lock. It is never killed: its pid is anybody's guess."""
    if not wait_until(lambda: not _listens(where.socket), STOP_TIMEOUT_S):
        raise ToolrecError(
            f"what listens at {where.socket} is no daemon of ours and does not stop; end it, "
            "or set TOOLREC_SOCKET to another path"
        )
    return True


def _listens(path: Path) -> bool:
    try:
        return ask(path, "status") is not None
    except ToolrecError:
        return True


def _signal(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself meanwhile
            os.kill(pid, number)
