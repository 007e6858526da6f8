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
from collections.abc import Callable
from pathlib import Path

from toolrec_client import wire
from toolrecd import messages
from toolrecd.errors import RequestError, ToolrecError
from toolrecd.service import Service

BACKLOG = 1024  # shells connect once a keystroke; a full backlog would block them in connect
FRAME_TIMEOUT_S = 5.0  # a frame's rest follows its first byte at once, or never
DRAIN_TIMEOUT_S = 10.0
MAX_SKIPPED_BYTES = 64 << 20  # an oversized frame is read to its end, so that its sender can read why
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
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


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
            await self._send(messages.Failure(id=0, code=error.code, message=str(error)))
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
                    await self._skip(length)
                    raise RequestError(
                        "frame_too_large",
                        f"frame of {length} bytes is over the limit of {wire.MAX_FRAME_BYTES}; send less",
                    )
                return await self._reader.readexactly(length)
        except (TimeoutError, asyncio.IncompleteReadError):
            raise RequestError(
                "incomplete_frame", f"a frame was not complete within {FRAME_TIMEOUT_S:.0f} s; send it whole"
            ) from None

    async def _skip(self, length: int) -> None:
        left = min(length, MAX_SKIPPED_BYTES)
        while left > 0 and (part := await self._reader.read(min(left, 1 << 16))):
            left -= len(part)

    async def _answer(self, payload: bytes) -> None:
        number = messages.request_id(payload)
        try:
            request = messages.decode(payload, version=wire.PROTOCOL_VERSION)
            await self._service.serve(request, self._send)
        except RequestError as error:
            await self._fail(number, error.code, str(error))
        except ToolrecError as error:
            await self._fail(number, "failed", str(error))
        except asyncio.CancelledError as error:
            if error.args == ("superseded",):
                self._service.metrics.superseded += 1
                await self._fail(number, "superseded", "a newer request of the same session has come")
            raise
        except ConnectionError:
            pass  # hung up while being answered
        except Exception as error:
            # One request's bug must not cost the others theirs.
            self._report(f"{type(error).__name__} in a request: {error}")
            await self._fail(number, "internal", f"{type(error).__name__}; see: toolrecd logs")

    async def _fail(self, number: int, code: str, message: str) -> None:
        if code != "superseded":
            self._service.metrics.errors[code] += 1
        with contextlib.suppress(ConnectionError):
            await self._send(messages.Failure(id=number, code=code, message=message))

    async def _send(self, reply: messages.Reply) -> None:
        payload = messages.encode(reply)
        self._writer.write(len(payload).to_bytes(4, "big") + payload)
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            await self._writer.drain()


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


def check_directory(directory: Path) -> None:
    """Make the socket's directory, or refuse it if another user could change what lies in it."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = directory.lstat()
    except OSError as error:
        raise ToolrecError(f"cannot make {directory}: {error.strerror}; set TOOLREC_SOCKET to another path") from None
    if directory.is_symlink():
        raise ToolrecError(f"{directory} is a symlink; remove it, or set TOOLREC_SOCKET to another path")
    if held.st_uid != os.getuid():
        raise ToolrecError(f"{directory} belongs to user {held.st_uid}; set TOOLREC_SOCKET to a path of your own")
    if held.st_mode & 0o022:
        raise ToolrecError(f"others may write to {directory}; run: chmod go-w {directory}")


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
