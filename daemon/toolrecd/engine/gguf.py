"""Reads the header of a GGUF file: enough to say in plain words why a file cannot be used.

llama.cpp's own reader aborts or speaks in tensor names. This one reads the key-value pairs and tensor
shapes, skips long arrays, and never trusts a length before checking it against the file's size.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Final

import msgspec

MAGIC: Final = b"GGUF"
MAX_ITEMS: Final = 1_000_000  # more keys or tensors than this is a damaged count
_ARRAY_TYPE, STRING_TYPE = 9, 8
ALIGNMENT: Final = 32  # of the tensors' data, where a file says nothing else
_SCALARS: Final = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
# Bytes and elements of a block of each tensor type that Gemma files come in; others are not sized.
BLOCKS: Final = {
    0: (4, 1), 1: (2, 1), 2: (18, 32), 3: (20, 32), 6: (22, 32), 7: (24, 32), 8: (34, 32), 10: (84, 256),
    11: (110, 256), 12: (144, 256), 13: (176, 256), 14: (210, 256), 30: (2, 1),
}  # fmt: skip


class GgufError(Exception):
    """Why a file is no usable GGUF file, in plain words."""


class Tensor(msgspec.Struct, frozen=True):
    """A tensor's shape (ggml's order, fastest first), type number and offset in the data section."""

    shape: tuple[int, ...]
    kind: int
    offset: int


class Pair(msgspec.Struct, frozen=True):
    """Where a key-value pair lies in the file, and for an array its items' type and where they begin."""

    start: int
    end: int
    item_kind: int = -1
    items: int = 0


class Header(msgspec.Struct, frozen=True):
    """Key-value pairs (arrays by their length only) and tensors by name, in the file's order."""

    values: dict[str, str | int | float | bool]
    array_lengths: dict[str, int]
    tensors: dict[str, Tensor]
    pairs: dict[str, Pair] = {}
    """Every key's place, for whoever copies the file."""
    data_start: int = 0
    """Where the tensors' data begins; their offsets count from there."""
    alignment: int = ALIGNMENT
    """What every tensor's offset is a multiple of."""

    def text(self, key: str) -> str:
        """Return the string under `key`, or an empty one."""
        value = self.values.get(key, "")
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int | None:
        """Return the whole number under `key`, or None."""
        value = self.values.get(key)
        return value if isinstance(value, int) else None


def read_header(path: Path) -> Header:
    """Return the header of the GGUF file `path`.

    Raises:
        GgufError: missing, unreadable, not GGUF, or cut short.
    """
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for whoever writes to it
            raise GgufError(f"{path} is not a file")
        with path.open("rb") as file:
            if path.stat().st_size < 24:
                raise GgufError(f"{path} is {path.stat().st_size} bytes long, too short for a GGUF file")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(path, data).header()
    except OSError as error:
        raise GgufError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL byte in the path
        raise GgufError(f"{str(path)!r} cannot be read: {error}") from None


class _Reader:
    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path, self._data, self._at, self._items_at = path, data, 0, 0

    def header(self) -> Header:
        if self._take(4) != MAGIC:
            raise GgufError(f"{self._path} is not a GGUF file")
        version = self._number("I")
        if version not in (2, 3):
            raise GgufError(f"{self._path} is GGUF version {version}; versions 2 and 3 can be read")
        tensor_count, pair_count = self._count(), self._count()
        values: dict[str, str | int | float | bool] = {}
        lengths: dict[str, int] = {}
        pairs: dict[str, Pair] = {}
        for _ in range(pair_count):
            start, key = self._at, self._string()
            kind = self._number("I")
            if kind == _ARRAY_TYPE:
                item_kind, items = self._array_head()
                pairs[key] = Pair(start, self._skip_items(item_kind, items), item_kind, self._items_at)
                lengths[key] = items
            else:
                values[key] = self._value(kind)
                pairs[key] = Pair(start, self._at)
        tensors = {self._string(): self._tensor() for _ in range(tensor_count)}
        alignment = values.get("general.alignment", ALIGNMENT)
        alignment = alignment if isinstance(alignment, int) and alignment > 0 else ALIGNMENT
        return Header(values, lengths, tensors, pairs, self._data_start(alignment, tensors), alignment)

    def _data_start(self, alignment: int, tensors: dict[str, Tensor]) -> int:
        start = -(-self._at // alignment) * alignment
        needed = max((start + tensor.offset + size_of(tensor) for tensor in tensors.values()), default=0)
        if needed > len(self._data):
            raise GgufError(f"{self._path} is cut short: {len(self._data)} bytes of {needed}; fetch it again")
        return start

    def _tensor(self) -> Tensor:
        dimensions = self._number("I")
        if dimensions > 8:
            raise GgufError(f"{self._path} is damaged: a tensor of {dimensions} dimensions")
        shape = tuple(self._number("Q") for _ in range(dimensions))
        return Tensor(shape, self._number("I"), self._number("Q"))

    def _value(self, kind: int) -> str | int | float | bool:
        if kind == STRING_TYPE:
            return self._string()
        if kind not in _SCALARS:
            raise GgufError(f"{self._path} is damaged: unknown value type {kind}")
        form = "<" + _SCALARS[kind]
        value: int | float | bool = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return value

    def _array_head(self) -> tuple[int, int]:
        kind, items = self._number("I"), self._count()
        self._items_at = self._at
        return kind, items

    def _skip_items(self, kind: int, items: int) -> int:
        if kind == STRING_TYPE:
            for _ in range(items):
                self._take(self._number("Q"))
        elif kind in _SCALARS:
            self._take(items * struct.calcsize("<" + _SCALARS[kind]))
        else:
            raise GgufError(f"{self._path} is damaged: unknown array type {kind}")
        return self._at

    def _string(self) -> str:
        return self._take(self._number("Q")).decode("utf-8", "replace")

    def _count(self) -> int:
        count = self._number("Q")
        if count > MAX_ITEMS:
            raise GgufError(f"{self._path} is damaged: a count of {count}")
        return count

    def _number(self, form: str) -> int:
        value: int = struct.unpack("<" + form, self._take(struct.calcsize("<" + form)))[0]
        return value

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise GgufError(f"{self._path} is cut short in its header; fetch it again")
        taken = self._data[self._at : end]
        self._at = end
        return taken


def size_of(tensor: Tensor) -> int:
    """Return a tensor's bytes; 0 for a type that Gemma files do not come in."""
    elements = 1
    for length in tensor.shape:
        elements *= length
    block_bytes, block_elements = BLOCKS.get(tensor.kind, (0, 1))
    return elements // block_elements * block_bytes
