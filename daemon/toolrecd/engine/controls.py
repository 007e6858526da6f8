"""Gives FunctionGemma's seven control tokens embeddings of their own where a base never trained them.

In Gemma 3 the rows of `<unused40>` to `<unused46>` are all but identical, so that a LoRA on inner layers cannot tell
them apart. Each gets the mean of the rows of words that describe it, at the length of an ordinary row. Training
and serving take them from here, so that both see the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from toolrec_kb.functiongemma import Control
from toolrecd.engine.vocabulary import SPACE

Floats = np.ndarray[Any, np.dtype[np.float32]]

WORDS: Final[Mapping[Control, tuple[str, ...]]] = {
    Control.START_DECLARATION: ("begin", "declaration", "function"),
    Control.END_DECLARATION: ("end", "declared"),
    Control.START_CALL: ("call", "invoke"),
    Control.END_CALL: ("finished", "called"),
    Control.START_RESPONSE: ("response", "result"),
    Control.END_RESPONSE: ("done", "responded"),
    Control.ESCAPE: ("quote", "string"),
}
_ALIKE: Final = 0.9  # cosine; the untrained rows have 0.98 with each other, trained ones far less

F32, F16, Q8_0, BF16 = 0, 1, 8, 30  # ggml's numbers of the embedding types that can be written here
_Q8_BLOCK: Final = np.dtype([("scale", "<f2"), ("values", "i1", 32)])


def rows(tokens: Sequence[bytes], row: Callable[[int], Floats]) -> dict[int, Floats]:
    """Return the control tokens' new rows by id; empty where the base has trained rows. `row` gives a token's row."""
    controls = list(WORDS)
    if not _untrained(np.stack([row(control.token) for control in controls])):
        return {}
    numbers = {token: number for number, token in enumerate(tokens)}
    made: dict[int, Floats] = {}
    for control in controls:
        words = np.stack([row(numbers[f"{SPACE}{word}".encode()]) for word in WORDS[control]])
        mean: Floats = words.mean(axis=0)
        made[control.token] = mean * float(np.linalg.norm(words, axis=1).mean() / np.linalg.norm(mean))
    return made


def _untrained(rows: Floats) -> bool:
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return bool((unit @ unit.T).min() > _ALIKE)


def decode(raw: bytes, kind: int) -> Floats:
    """Return a row as numbers.

    Raises:
        KeyError: a type that is not read here.
    """
    if kind == Q8_0:
        blocks = np.frombuffer(raw, dtype=_Q8_BLOCK)
        return (blocks["values"].astype(np.float32) * blocks["scale"].astype(np.float32)[:, None]).ravel()
    if kind == BF16:
        return (np.frombuffer(raw, dtype="<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(raw, dtype={F32: "<f4", F16: "<f2"}[kind]).astype(np.float32)


def encode(row: Floats, kind: int) -> bytes:
    """Return a row in the bytes of an embedding of that type."""
    if kind == BF16:
        return ((row.astype("<f4").view(np.uint32) + 0x8000) >> 16).astype("<u2").tobytes()
    if kind != Q8_0:
        return row.astype({F32: "<f4", F16: "<f2"}[kind]).tobytes()
    values = row.reshape(-1, 32)
    scales = np.abs(values).max(axis=1) / 127
    blocks = np.empty(len(values), dtype=_Q8_BLOCK)
    blocks["scale"] = scales
    blocks["values"] = np.round(values / np.maximum(scales, 1e-12)[:, None])
    return blocks.tobytes()
