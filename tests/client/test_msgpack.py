"""The client's msgpack against msgspec's, at every boundary, and against bytes that are not msgpack."""

from __future__ import annotations

import math
import struct
from typing import Any

import msgspec
import pytest

from toolrec_client import msgpack

INTEGERS = sorted(
    {sign * (1 << bits) + step for bits in (0, 5, 7, 8, 15, 16, 31, 32, 63) for sign in (-1, 1) for step in (-1, 0, 1)}
    - {-(1 << 63) - 1}
    | {0, (1 << 64) - 1}
)
LENGTHS = (0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536)
FLOATS = (
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.1,
    1e-05,
    math.pi,
    1e308,
    1.7976931348623157e308,
    2.2250738585072014e-308,
    5e-324,
    -5e-324,
)
ROUND: dict[str, Any] = {
    "a": [1, None, True, {"b": "é🗜"}],
    "c": -(1 << 40),
    "d": "x" * 300,
    "e": False,
    "f": b"\x00\xff",
}


@pytest.mark.parametrize("value", INTEGERS)
def test_integers(value: int) -> None:
    """An integer at each boundary is packed as msgspec packs it and read back as itself."""
    packed = msgpack.pack(value)
    assert packed == msgspec.msgpack.encode(value)
    assert msgpack.unpack(packed) == value


@pytest.mark.parametrize("value", [1 << 64, -(1 << 63) - 1])
def test_integers_beyond_64_bits_are_refused(value: int) -> None:
    """An integer that does not fit 64 bits is refused by its value."""
    with pytest.raises(msgpack.MsgpackError, match=rf"^{value} does not fit 64 bits$"):
        msgpack.pack(value)


@pytest.mark.parametrize("length", LENGTHS)
def test_lengths(length: int) -> None:
    """Strings, bytes, lists and maps of each length where the form changes are packed as msgspec packs them."""
    values = ["x" * length, b"x" * length, [None] * length, {str(number): number for number in range(length)}]
    for value in values:
        packed = msgpack.pack(value)
        assert packed == msgspec.msgpack.encode(value)
        assert msgpack.unpack(packed) == value


@pytest.mark.parametrize("value", [None, True, False, "", "é", "🗜", [], {}, (1, 2), ROUND])
def test_other_values(value: object) -> None:
    """Constants, text beyond ASCII, tuples and nested values are packed as msgspec packs them."""
    assert msgpack.pack(value) == msgspec.msgpack.encode(value)
    assert msgpack.unpack(msgpack.pack(value)) == msgspec.msgpack.decode(msgspec.msgpack.encode(value))


@pytest.mark.parametrize("value", FLOATS)
def test_floats_are_read_exactly(value: float) -> None:
    """A 64-bit float is read as msgspec reads it, subnormals and the sign of zero included."""
    found = msgpack.unpack(msgspec.msgpack.encode(value))
    assert struct.pack(">d", found) == struct.pack(">d", value)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, -0.1, 3.4028234663852886e38, 1e-45, 1.1754943508222875e-38])
def test_short_floats_are_read_exactly(value: float) -> None:
    """A 32-bit float is read as the number it stands for."""
    raw = struct.pack(">f", value)
    assert struct.pack(">d", msgpack.unpack(b"\xca" + raw)) == struct.pack(">d", struct.unpack(">f", raw)[0])


def test_infinities_and_nan_are_read() -> None:
    """Infinities and NaN of both widths are read as such."""
    for form, head in ((">f", b"\xca"), (">d", b"\xcb")):
        assert msgpack.unpack(head + struct.pack(form, math.inf)) == math.inf
        assert msgpack.unpack(head + struct.pack(form, -math.inf)) == -math.inf
        assert math.isnan(msgpack.unpack(head + struct.pack(form, math.nan)))


def test_longer_forms_than_needed_are_read() -> None:
    """A reader takes every form, also one longer than the value needs."""
    assert msgpack.unpack(b"\xcf" + (5).to_bytes(8, "big")) == 5
    assert msgpack.unpack(b"\xd3" + (-5).to_bytes(8, "big", signed=True)) == -5
    assert msgpack.unpack(b"\xdb\x00\x00\x00\x01a") == "a"
    assert msgpack.unpack(b"\xdd\x00\x00\x00\x01\xc0") == [None]
    assert msgpack.unpack(b"\xdf\x00\x00\x00\x01\xa1a\xc3") == {"a": True}


@pytest.mark.parametrize("value", [ROUND, 1.5, 70000, "x" * 300, [0] * 20])
def test_truncated_anywhere(value: object) -> None:
    """A message cut short at any byte is refused, never read as less."""
    whole = msgspec.msgpack.encode(value)
    for length in range(len(whole)):
        with pytest.raises(msgpack.MsgpackError, match=r"^message is cut short$"):
            msgpack.unpack(whole[:length])


def test_trailing_bytes() -> None:
    """Bytes after the message are refused with their number."""
    with pytest.raises(msgpack.MsgpackError, match=r"^2 bytes follow the message$"):
        msgpack.unpack(msgpack.pack(ROUND) + b"\xc0\xc0")


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1a", b"\xdd\x00\x00\x00\x01"])
def test_depth_bomb(opening: bytes) -> None:
    """Nesting without end is refused before it exhausts the stack; the depth of honest messages is not."""
    with pytest.raises(msgpack.MsgpackError, match=r"^nested deeper than 32$"):
        msgpack.unpack(opening * 100000 + b"\xc0")
    msgpack.unpack(opening * 32 + b"\xc0")


@pytest.mark.parametrize("head", [0xC1, 0xC7, 0xC8, 0xC9, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8])
def test_unsupported_types(head: int) -> None:
    """Extension types and the byte that is never used are refused by their number."""
    with pytest.raises(msgpack.MsgpackError, match=rf"^unsupported type byte 0x{head:02x}$"):
        msgpack.unpack(bytes([head]) + bytes(20))


def test_huge_announced_length_costs_nothing() -> None:
    """A list that announces four billion items and holds none is refused at once."""
    with pytest.raises(msgpack.MsgpackError, match=r"cut short"):
        msgpack.unpack(b"\xdd\xff\xff\xff\xff")


def test_map_keys_are_text() -> None:
    """A map with another key than a string is refused; so a list as a key cannot break the reader."""
    with pytest.raises(msgpack.MsgpackError, match=r"^a map key is int, not str$"):
        msgpack.unpack(b"\x81\x01\x02")
    with pytest.raises(msgpack.MsgpackError, match=r"^a map key is list, not str$"):
        msgpack.unpack(b"\x81\x90\x02")


def test_text_that_is_not_utf8() -> None:
    """A string of bytes that are not UTF-8 is refused when read."""
    with pytest.raises(msgpack.MsgpackError, match=r"^a string is not UTF-8$"):
        msgpack.unpack(b"\xa2\xff\xfe")


def test_undecodable_arguments_keep_their_bytes() -> None:
    """An argument that was not UTF-8 goes out as the bytes it was, for the daemon to refuse by name."""
    assert msgpack.pack(b"\xffz".decode("utf-8", "surrogateescape")) == b"\xa2\xffz"


@pytest.mark.parametrize("value", [1.5, {1}, object(), "\ud800"])
def test_values_outside_the_subset_are_not_packed(value: object) -> None:
    """A float, a set, any other object or a string with a lone surrogate is refused."""
    with pytest.raises(msgpack.MsgpackError, match=r"cannot pack|surrogate"):
        msgpack.pack(value)
