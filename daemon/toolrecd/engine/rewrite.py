"""Copies a GGUF file with some of its arrays and tensors exchanged; everything else goes over byte by byte.

The gguf package takes 20 s for a vocabulary of 262,144 tokens, since it makes an object of each; here they stay
bytes. Knows the container's format and nothing of what a tensor is for.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final

import numpy as np

from toolrecd.engine.gguf import BLOCKS, MAGIC, STRING_TYPE, GgufError, Header, Tensor, read_header, size_of

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Array = np.ndarray[Any, Any]

_ARRAY_TYPE: Final = 9
_NUMBERS: Final = {5: np.dtype("<i4"), 6: np.dtype("<f4")}  # GGUF's numbers of the item types written here
_BLOCK_BYTES: Final = 1 << 22


class Source:
    """A GGUF file mapped into memory. Close it, or use it in a `with`; its arrays are views until then."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: Header = read_header(path)
        with path.open("rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __enter__(self) -> Source:
        """Return the source itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unmap the file."""
        self.data.close()

    def strings(self, key: str) -> list[bytes]:
        """Return the items of an array of strings."""
        at, found = self.header.pairs[key].items, []
        for _ in range(self.header.array_lengths[key]):
            (length,) = struct.unpack_from("<Q", self.data, at)
            found.append(self.data[at + 8 : at + 8 + length])
            at += 8 + length
        return found

    def numbers(self, key: str) -> Array:
        """Return a copy of an array of 32-bit numbers."""
        pair = self.header.pairs[key]
        return np.frombuffer(self.data[pair.items : pair.end], dtype=_NUMBERS[pair.item_kind])

    def pair(self, key: str) -> bytes:
        """Return a key and its value as they stand in the file."""
        pair = self.header.pairs[key]
        return self.data[pair.start : pair.end]

    def tensor(self, name: str) -> bytes:
        """Return a tensor's data as it stands in the file."""
        tensor = self.header.tensors[name]
        if tensor.kind not in BLOCKS:
            raise GgufError(
                f"{self.path}: {name} is of a type ({tensor.kind}) that is not known here; "
                "name a Q4_K_M, Q8_0 or F16 file"
            )
        start = self.header.data_start + tensor.offset
        return self.data[start : start + size_of(tensor)]

    def rows(self, name: str) -> Bytes:
        """Return a matrix's quantised rows, (rows, bytes a row)."""
        tensor = self.header.tensors[name]
        return np.frombuffer(self.tensor(name), dtype=np.uint8).reshape(tensor.shape[1], -1)


def strings_pair(key: str, items: Iterable[bytes]) -> bytes:
    """Return a key with an array of strings as GGUF writes it."""
    parts = [struct.pack("<Q", len(item)) + item for item in items]
    return _text(key) + struct.pack("<IIQ", _ARRAY_TYPE, STRING_TYPE, len(parts)) + b"".join(parts)


def numbers_pair(key: str, items: Array) -> bytes:
    """Return a key with an array of int32 or float32 as GGUF writes it."""
    kind = next(kind for kind, form in _NUMBERS.items() if form == items.dtype)
    return _text(key) + struct.pack("<IIQ", _ARRAY_TYPE, kind, len(items)) + items.tobytes()


def text_pair(key: str, value: str) -> bytes:
    """Return a key with a string as GGUF writes it."""
    return _text(key) + struct.pack("<I", STRING_TYPE) + _text(value)


def number_pair(key: str, value: int) -> bytes:
    """Return a key with an unsigned 32-bit number as GGUF writes it."""
    return _text(key) + struct.pack("<II", 4, value)


def copy(
    source: Source,
    out: BinaryIO,
    *,
    pairs: Mapping[str, bytes],
    tensors: Mapping[str, tuple[Tensor, bytes]] | None = None,
) -> Iterator[int]:
    """Write `source` to `out`, exchanging or adding `pairs` and exchanging `tensors`; yield the bytes written so far.

    A tensor's offset is worked out here; the one given with it does not matter.
    """
    header, exchanged, alignment = source.header, tensors or {}, source.header.alignment
    written_pairs = [pairs.get(key) or source.pair(key) for key in header.pairs]
    written_pairs += [pair for key, pair in pairs.items() if key not in header.pairs]
    shapes = {name: exchanged[name][0] if name in exchanged else tensor for name, tensor in header.tensors.items()}
    head = struct.pack("<4sIQQ", MAGIC, 3, len(shapes), len(written_pairs)) + b"".join(written_pairs)
    offset = 0
    for name, tensor in shapes.items():
        shape = struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
        head += _text(name) + shape + struct.pack("<IQ", tensor.kind, offset)
        offset += -(-size_of(tensor) // alignment) * alignment
    done = out.write(head + bytes(-len(head) % alignment))
    for name in shapes:
        data = exchanged[name][1] if name in exchanged else source.tensor(name)
        for start in range(0, len(data), _BLOCK_BYTES):
            done += out.write(data[start : start + _BLOCK_BYTES])
            yield done
        done += out.write(bytes(-len(data) % alignment))
    yield done


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw
