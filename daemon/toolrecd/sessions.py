"""Newest request wins: of each shell's requests only the latest goes on. Knows no sockets."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import msgspec

from toolrecd.errors import RequestError

MAX_SESSIONS = 2000  # shells come and go without a word; the longest silent is forgotten first


SUPERSEDED = RequestError("superseded", "a newer request of the same session has come")


class _Held(msgspec.Struct):
    seq: int
    task: asyncio.Task[None] | None


class Sessions:
    """The newest request of each session."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def enter(self, session: str, seq: int, task: asyncio.Task[None]) -> None:
        """Let `task` be the session's request number `seq`; the one before is cancelled.

        Raises:
            RequestError: superseded; a newer number has been seen already.
        """
        held = self._held.pop(session, None)
        if held and held.seq > seq:
            self._held[session] = held
            raise RequestError(SUPERSEDED.code, str(SUPERSEDED))
        if held and held.task and not held.task.done():
            held.task.cancel(msg=SUPERSEDED.code)
        self._held[session] = _Held(seq, task)
        while len(self._held) > MAX_SESSIONS:
            self._held.popitem(last=False)

    def leave(self, session: str, task: asyncio.Task[None]) -> None:
        """Note that `task` is done; its number is remembered."""
        held = self._held.get(session)
        if held and held.task is task:
            held.task = None
