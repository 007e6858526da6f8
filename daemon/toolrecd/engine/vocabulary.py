"""Which tokens a serving model keeps, and why text made of them is cut into the same tokens as before.

Gemma's tokeniser joins neighbouring pieces, best score first, until nothing joins. A kept token comes out as
before only if every piece on the way to it is kept too: the closure. The first ids (specials, white space,
tags, the 256 byte tokens) are all kept, so the control tokens keep their numbers and any other text still has bytes.
Most of a decode's time goes into the embedding's rows: that is what dropping tokens saves.
"""

from __future__ import annotations

import hashlib
import heapq
import lzma
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from toolrec_kb.functiongemma import Control

Ids = np.ndarray[Any, np.dtype[np.int32]]

FIRST_TEXT: Final = 494  # below stand specials, runs of white space, HTML tags and the byte tokens
NORMAL: Final = 1  # the token type of text
SPACE: Final = "▁"
# FunctionGemma is this vocabulary with other names for these seven.
_RENAMED: Final = frozenset(control.token for control in Control if 46 <= control.token <= 52)


def fingerprint(tokens: Sequence[bytes]) -> str:
    """Return a hash of a vocabulary that is the same for Gemma 3 and for FunctionGemma."""
    digest = hashlib.sha256()
    for number, token in enumerate(tokens):
        digest.update((b"" if number in _RENAMED else token) + b"\0")
    return digest.hexdigest()


def merged_pieces(text: str, ids: Mapping[str, int], scores: Sequence[float]) -> set[int]:
    """Return every token that stands at some moment while `text` is joined, the last ones included."""
    symbols: list[str | None] = list(text)
    after, before = [*range(1, len(text)), -1], [*range(-1, len(text) - 1)]
    used = {ids[symbol] for symbol in text if symbol in ids}
    waiting: list[tuple[float, int, int, str]] = []

    def offer(left: int, right: int) -> None:
        if left >= 0 and right >= 0:
            joined = f"{symbols[left]}{symbols[right]}"
            if joined in ids:
                heapq.heappush(waiting, (-scores[ids[joined]], left, right, joined))

    for place in range(len(text) - 1):
        offer(place, place + 1)
    while waiting:
        _, left, right, joined = heapq.heappop(waiting)
        if symbols[left] is None or symbols[right] is None or f"{symbols[left]}{symbols[right]}" != joined:
            continue  # one of the two has been joined with another neighbour meanwhile
        symbols[left], symbols[right] = joined, None
        used.add(ids[joined])
        after[left] = after[right]
        if after[right] >= 0:
            before[after[right]] = left
        offer(before[left], left)
        offer(left, after[left])
    return used


def choose(wanted: Iterable[int], size: int, tokens: Sequence[str], scores: Sequence[float], types: Ids) -> Ids:
    """Return about `size` token ids to keep, sorted: the first ones, ASCII, `wanted`, then the likeliest, all closed.

    A lower id was merged earlier, so it is the commoner token; tokens of other scripts are left to their bytes.
    """
    ids = {token: number for number, token in enumerate(tokens) if types[number] == NORMAL}
    kept = set(range(FIRST_TEXT))

    def add(number: int) -> None:
        if number not in kept:
            kept.add(number)
            if types[number] == NORMAL:
                kept.update(merged_pieces(tokens[number], ids, scores))

    for number, token in enumerate(tokens):
        if len(token) == 1 and (token.isascii() or token == SPACE):
            add(number)
    for number in wanted:
        add(number)
    for number in range(FIRST_TEXT, len(tokens)):
        if len(kept) >= size:
            break
        if types[number] == NORMAL and tokens[number].replace(SPACE, "").isascii():
            add(number)
    return np.array(sorted(kept), dtype=np.int32)


def write_keep_list(path: Path, kept: Ids, vocabulary: str) -> None:
    """Write a keep list for the vocabulary of that fingerprint."""
    steps = np.diff(kept, prepend=np.int32(0)).astype("<u4")
    path.write_bytes(lzma.compress(bytes.fromhex(vocabulary) + steps.tobytes(), preset=9))


def read_keep_list(path: Path) -> tuple[Ids, str]:
    """Return the ids to keep, sorted, and the fingerprint of the vocabulary they belong to."""
    raw = lzma.decompress(path.read_bytes())
    steps = np.frombuffer(raw[32:], dtype="<u4").astype(np.int32)
    return np.cumsum(steps, dtype=np.int32), raw[:32].hex()
