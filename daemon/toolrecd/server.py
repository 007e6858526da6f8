"""The Unix socket: accepts, frames, checks who asks, and hands requests to the service.

The accept loop waits for nothing: every connection and every request is a task of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import ctypes.util
import os
import socket
import struct
import traceback
from collections.abc import Callable
from pathlib import Path

from toolrec_client import wire
from toolrecd import messages
from toolrecd.errors import RequestError, ToolrecError
from toolrecd.ownership import check_directory
from toolrecd.service import Service
from toolrecd.sessions import SUPERSEDED

BACKLOG = 1024  # shells connect once a keystroke; a full backlog would block them in connect
FRAME_TIMEOUT_S = 5.0  # a frame's rest follows its first byte at once, or never
DRAIN_TIMEOUT_S = 10.0  # a client that takes nothing for so long is gone, or stopped
LAST_WORDS_TIMEOUT_S = 1.0  # an honest client reads what is left at once; a stop must not wait for the others
MAX_SKIPPED_BYTES = 64 << 20  # of a frame that is refused; no honest client sends as much
PLACES = 4  # calls named in the log when a request fails by a bug of ours
MAX_MESSAGE_CHARS = 1000  # errors quote what was sent, which may be as long as a frame
MAX_UNDER_WAY = 64  # requests of one connection; a client that sends more waits


class Server:
    """Serves one socket. `report` is told of errors that no reply can carry."""

    def __init__(self, service: Service, report: Callable[[str], None]) -> None:
        self._service, self._report = service, report
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, listening: socket.socket) -> None:
        """Begin to accept on a bound socket."""
        self._server = await asyncio.start_unix_server(self._connected, sock=listening, backlog=BACKLOG)

    async def close(self) -> None:
        """Stop accepting and end every connection."""
        if self._server:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            if peer_uid(writer.get_extra_info("socket")) == os.getuid():
                await _Connection(self._service, reader, writer, self._report).run()
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # the other side is gone, or we are going: there is nobody to tell
        finally:
            await _hang_up(writer)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection; what its client does not take in time is dropped with it."""
    writer.close()
    with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(LAST_WORDS_TIMEOUT_S):
            await writer.wait_closed()
    writer.transport.abort()


class _Connection:
    """One client: reads frames, answers each in a task, and cancels them when the client hangs up."""

    def __init__(
        self,
        service: Service,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        report: Callable[[str], None],
    ) -> None:
        self._service, self._reader, self._writer, self._report = service, reader, writer, report
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until the client hangs up."""
        try:
            while (payload := await self._next_frame()) is not None:
                task = asyncio.create_task(self._answer(payload))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
                if len(self._under_way) >= MAX_UNDER_WAY:
                    await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        except RequestError as error:
            # Framing is lost: the reason is the last thing this connection hears.
            self._service.metrics.fail(error.code)
            await self._tell(messages.Failure(id=0, code=error.code, message=str(error)))
            await self._skip()
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _next_frame(self) -> bytes | None:
        head = await self._reader.read(1)
        if not head:
            return None
        try:
            async with asyncio.timeout(FRAME_TIMEOUT_S):
                head += await self._reader.readexactly(3)
                length = int.from_bytes(head, "big")
                if length > wire.MAX_FRAME_BYTES:
                    raise RequestError(
                        "frame_too_large",
                        f"frame of {length} bytes is over the limit of {wire.MAX_FRAME_BYTES}; send less",
                    )
                return await self._reader.readexactly(length)
        except (TimeoutError, asyncio.IncompleteReadError):
            raise RequestError(
                "incomplete_frame", f"a frame was not complete within {FRAME_TIMEOUT_S:.0f} s; send it whole"
            ) from None

    async def _skip(self) -> None:
        """Read what the client still sends: closing earlier would reset it before it has read why."""
        left = MAX_SKIPPED_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FRAME_TIMEOUT_S):
                while left > 0 and (part := await self._reader.read(1 << 16)):
                    left -= len(part)

    async def _answer(self, payload: bytes) -> None:
        number, closed = messages.request_id(payload), False

        async def send(reply: messages.Reply) -> None:
            nonlocal closed
            closed = closed or reply.final
            await self._send(reply)

        try:
            await self._service.serve(messages.decode(payload, version=wire.PROTOCOL_VERSION), send)
        except ConnectionError:
            pass  # hung up while being answered
        except (ToolrecError, asyncio.CancelledError, Exception) as error:
            # A request is closed once: what comes up after its final frame is not the client's concern.
            failure = self._failure(number, error)
            if failure and not closed:
                await self._tell(failure)
            if isinstance(error, asyncio.CancelledError):
                raise

    def _failure(self, number: int, error: BaseException) -> messages.Failure | None:
        """Return what to answer to a request that ended so; None where nobody waits for an answer."""
        code, message = "internal", f"{type(error).__name__}; see: toolrecd logs"
        if isinstance(error, asyncio.CancelledError):
            if error.args != (SUPERSEDED.code,):
                return None
            code, message = SUPERSEDED.code, str(SUPERSEDED)
        elif isinstance(error, ToolrecError):
            code, message = getattr(error, "code", "failed"), str(error)
        else:
            # One request's bug must not cost the others theirs. The exception's text may hold what was typed.
            self._report(f"{type(error).__name__} in a request, at {_place(error)}")
        self._service.metrics.fail(code)
        return messages.Failure(id=number, code=code, message=message[:MAX_MESSAGE_CHARS])

    async def _tell(self, failure: messages.Failure) -> None:
        with contextlib.suppress(ConnectionError):
            await self._send(failure)

    async def _send(self, reply: messages.Reply) -> None:
        payload = messages.encode(reply)
        self._writer.write(len(payload).to_bytes(4, "big") + payload)
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await self._writer.drain()
        except TimeoutError:
            self._writer.transport.abort()  # what it has not taken is dropped with it
            raise ConnectionAbortedError(f"took nothing for {DRAIN_TIMEOUT_S:.0f} s") from None


def _place(error: BaseException) -> str:
    """Return the calls that led to an error, outermost first, without any of their values."""
    frames = traceback.extract_tb(error.__traceback__)[-PLACES:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)


def bind(path: Path) -> socket.socket:
    """Return a socket bound at `path`, its directory 0700, itself 0600.

    Raises:
        ToolrecError: the directory is not the user's own, or the path cannot be used.
    """
    check_directory(path.parent)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        raise ToolrecError(
            f"cannot listen at {path}: {error.strerror or error}; set TOOLREC_SOCKET to another path"
        ) from None
    finally:
        os.umask(mask)
    return listening


def peer_uid(connection: socket.socket) -> int:
    """Return the uid of the process at the other end."""
    if hasattr(socket, "SO_PEERCRED"):
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[1])
    # macOS and the BSDs: getpeereid(2) from the C library.
    library = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
    user, group = ctypes.c_uint32(), ctypes.c_uint32()
    if library.getpeereid(connection.fileno(), ctypes.byref(user), ctypes.byref(group)) != 0:
        raise ConnectionError("the peer's credentials cannot be read")
    return user.value
