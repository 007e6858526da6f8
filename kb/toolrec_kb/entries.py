"""The tools of a knowledge base, packed: each is decoded when somebody looks at it.

A process that answers questions looks at a few hundred of them; all as objects would be most of its memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import overload

import msgspec

from toolrec_kb.alternatives import unlisted
from toolrec_kb.packed import Rows, pack, pack_rows, view
from toolrec_kb.schema import Tool

_DECODER = msgspec.msgpack.Decoder(Tool)


class Entries(msgspec.Struct, frozen=True, dict=True):
    """What `Tools` decodes from."""

    names: list[str]
    starts: bytes
    data: bytes
    """The tools as their files say them, in msgpack, one behind the other."""
    unlisted: Rows
    """tool number → the tools that name it as their alternative, and that it does not name itself."""

    @cached_property
    def _starts(self) -> memoryview[int]:
        return view(self.starts)

    def written(self, number: int) -> Tool:
        """Return a tool as its file says it."""
        return _DECODER.decode(memoryview(self.data)[self._starts[number] : self._starts[number + 1]])

    def completed(self, number: int) -> Tool:
        """Return a tool with the alternatives that others name it by."""
        tool, more = self.written(number), self.unlisted[number]
        if not more:
            return tool
        alternatives = (*tool.alternative_to, *(self.names[other] for other in more))
        return msgspec.structs.replace(tool, alternative_to=alternatives)


def pack_entries(tools: Sequence[Tool]) -> Entries:
    """Return `tools` packed, in their order."""
    encoded = [msgspec.msgpack.encode(tool) for tool in tools]
    starts = accumulate(map(len, encoded), initial=0)
    return Entries([tool.name for tool in tools], pack(starts), b"".join(encoded), pack_rows(unlisted(tools)))


class Tools(Sequence[Tool]):
    """The tools by number; what was looked at once is kept."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self._seen: dict[int, Tool] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries.names)

    @overload
    def __getitem__(self, number: int) -> Tool: ...
    @overload
    def __getitem__(self, number: slice) -> list[Tool]: ...
    def __getitem__(self, number: int | slice) -> Tool | list[Tool]:
        """Return one tool or some of them."""
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        tool = self._seen.get(number)
        if tool is None:
            place = range(len(self))[number]  # counts from the end too, and raises IndexError
            tool = self._seen[place] = self._seen.get(place) or self._entries.completed(place)
        return tool

    def __iter__(self) -> Iterator[Tool]:
        """Go through all, keeping none: only a listing does so."""
        return (self._seen.get(number) or self._entries.completed(number) for number in range(len(self)))
