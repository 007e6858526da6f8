"""Many shells at one daemon: each types two seconds in every twenty, five keys a second, a connection a key."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from toolrec_client import wire

SHELLS = 200
PERIOD_S, TYPING_S, KEYS_PER_S = 20.0, 2.0, 5.0
LOST_AFTER_S = 10.0


class Tally(msgspec.Struct):
    """What came back."""

    keys: int = 0
    provisional_ms: list[float] = []
    final_ms: list[float] = []
    superseded: int = 0
    errors: int = 0
    lost: int = 0


def run(socket: Path, queries: Sequence[str], seconds: float) -> Tally:
    """Let all shells type for `seconds`."""
    tally = Tally()
    asyncio.run(_all_shells(socket, queries, seconds, tally))
    return tally


async def _all_shells(socket: Path, queries: Sequence[str], seconds: float, tally: Tally) -> None:
    shells = [_shell(socket, number, queries, seconds, tally) for number in range(SHELLS)]
    await asyncio.gather(*shells)


async def _shell(socket: Path, number: int, queries: Sequence[str], seconds: float, tally: Tally) -> None:
    chance = random.Random(number)
    end = time.monotonic() + seconds
    await asyncio.sleep(chance.uniform(0, PERIOD_S - TYPING_S))
    seq, pending = 0, []
    while time.monotonic() < end:
        query = chance.choice(queries)
        keys = int(TYPING_S * KEYS_PER_S)
        start = chance.randrange(3, max(4, len(query) - keys))
        for length in range(start, start + keys):
            seq += 1
            pending.append(asyncio.create_task(_key(socket, f"load-{number}", seq, query[:length], tally)))
            await asyncio.sleep(1 / KEYS_PER_S)
        await asyncio.sleep(PERIOD_S - TYPING_S)
    await asyncio.gather(*pending)


async def _key(socket: Path, session: str, seq: int, query: str, tally: Tally) -> None:
    tally.keys += 1
    started = time.perf_counter()
    try:
        async with asyncio.timeout(LOST_AFTER_S):
            await _ask(socket, session, seq, query, tally, started)
    except TimeoutError:
        tally.lost += 1
    except (OSError, asyncio.IncompleteReadError):
        tally.errors += 1


async def _ask(socket: Path, session: str, seq: int, query: str, tally: Tally, started: float) -> None:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        request = {
            "v": wire.PROTOCOL_VERSION, "id": seq, "op": "suggest", "query": query, "mode": "typing",
            "shell": "zsh", "path": os.environ["PATH"], "session": session, "seq": seq,
        }  # fmt: skip
        payload = msgspec.msgpack.encode(request)
        writer.write(len(payload).to_bytes(4, "big") + payload)
        first = True
        while True:
            length = int.from_bytes(await reader.readexactly(4), "big")
            reply = msgspec.msgpack.decode(await reader.readexactly(length))
            elapsed = (time.perf_counter() - started) * 1e3
            if reply.get("code") == "superseded":
                tally.superseded += 1
                return
            if "code" in reply:
                tally.errors += 1
                return
            if first:
                tally.provisional_ms.append(elapsed)
                first = False
            if reply["final"]:
                tally.final_ms.append(elapsed)
                return
    finally:
        writer.close()
