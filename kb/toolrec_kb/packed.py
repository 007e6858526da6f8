"""Lists of numbers as bytes: a compiled knowledge base is read without making an object of each.

Numbers are unsigned 32-bit or doubles, little-endian in the file whatever the machine. Knows nothing of tools.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from zlib import crc32

import msgspec

_AS_IT_IS = sys.byteorder == "little"


def pack(values: Iterable[int]) -> bytes:
    """Return whole numbers as bytes."""
    numbers = array("I", values)
    if not _AS_IT_IS:
        numbers.byteswap()
    return numbers.tobytes()


def view(data: bytes) -> memoryview[int]:
    """Return the whole numbers in `data`, to be read by position or in slices."""
    if _AS_IT_IS:
        return memoryview(data).cast("I")
    numbers = array("I", data)
    numbers.byteswap()
    return memoryview(numbers)


def pack_doubles(values: Iterable[float]) -> bytes:
    """Return `values` as bytes."""
    numbers = array("d", values)
    if not _AS_IT_IS:
        numbers.byteswap()
    return numbers.tobytes()


def view_doubles(data: bytes) -> memoryview[float]:
    """Return the doubles in `data`, to be read by position or in slices."""
    if _AS_IT_IS:
        return memoryview(data).cast("d")
    numbers = array("d", data)
    numbers.byteswap()
    return memoryview(numbers)


class Rows(msgspec.Struct, frozen=True, dict=True):
    """Lists of whole numbers, one behind the other."""

    starts: bytes
    values: bytes

    @cached_property
    def _views(self) -> tuple[memoryview[int], memoryview[int]]:
        return view(self.starts), view(self.values)

    def __getitem__(self, row: int) -> list[int]:
        """Return the list at position `row`."""
        starts, values = self._views
        return values[starts[row] : starts[row + 1]].tolist()

    def span(self, row: int) -> tuple[int, int]:
        """Return where a list begins and ends among the numbers of all."""
        starts, _ = self._views
        return starts[row], starts[row + 1]


def pack_rows(rows: Iterable[Sequence[int]]) -> Rows:
    """Return `rows` packed."""
    lists = list(rows)
    starts = accumulate(map(len, lists), initial=0)
    return Rows(pack(starts), pack(number for row in lists for number in row))


class Spellings(msgspec.Struct, frozen=True, dict=True):
    """Finds words by what is left of them when one letter goes; a word is its position in a list."""

    hashes: bytes
    """Of what is left, in order."""
    words: bytes
    """For each hash the word that it came from."""

    @cached_property
    def _views(self) -> tuple[memoryview[int], memoryview[int]]:
        return view(self.hashes), view(self.words)

    def near(self, shorter: str) -> list[int]:
        """Return the words that `shorter` may be left of: hashes meet by chance too, so look at each again."""
        hashes, words = self._views
        wanted = _hash(shorter)
        at = end = bisect_left(hashes, wanted)
        while end < len(hashes) and hashes[end] == wanted:
            end += 1
        return words[at:end].tolist()


def pack_spellings(words: Iterable[tuple[int, str]]) -> Spellings:
    """Return the table of these words, each with its position."""
    pairs = sorted((_hash(shorter), position) for position, word in words for shorter in deletions(word))
    return Spellings(pack(number for number, _ in pairs), pack(position for _, position in pairs))


def deletions(word: str) -> set[str]:
    """Return the word and all that is left of it when one letter goes."""
    return {word[:i] + word[i + 1 :] for i in range(len(word))} | {word}


def _hash(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))
