"""Asks the daemon and hands back its replies; starts it when it is absent."""

import sys
from posix import getpid

from toolrec_client import msgpack, wire


def ask(request, start=True):
    """Send `request` (a dict without `v` and `id`) and yield its replies, the final one last.

    Raises:
        wire.ErrorReply: the daemon refused it.
        wire.ToolrecError: it could not be asked.
    """
    connection = _connect(start)
    try:
        message = {"v": wire.PROTOCOL_VERSION, "id": getpid()}
        message.update(request)
        wire.send(connection, msgpack.pack(message))
        while True:
            reply = _reply(connection)
            yield reply
            if reply.get("final"):
                return
    finally:
        connection.close()


def final(request, start=True):
    """Send `request` and return its final reply."""
    for reply in ask(request, start):
        last = reply
    return last


def _reply(connection):
    try:
        reply = msgpack.unpack(wire.receive(connection))
    except msgpack.MsgpackError as error:
        raise wire.ToolrecError(f"unreadable reply ({error}); restart with: toolrecd restart") from None
    if not isinstance(reply, dict):
        raise wire.ToolrecError(
            f"unreadable reply (a {type(reply).__name__}, not a map); restart with: toolrecd restart"
        )
    if "code" in reply:
        raise wire.ErrorReply(reply["code"], reply.get("message", ""))
    return reply


def _connect(start):
    path = wire.socket_path()
    try:
        return wire.connect(path)
    except wire.DaemonAbsent:
        if not start or wire.env("TOOLREC_NO_START"):
            raise
    from toolrec_client.starter import start_daemon

    start_daemon(sys.executable)
    return wire.connect(path)
