"""The subset of msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md) that the client needs.

Packs None, bool, int, str, bytes, list, tuple and dict; reads those and floats. Knows no extension
types and imports nothing: a bare interpreter starts in 8 ms, and a library would add its own time.
`tests/golden/` binds it to msgspec's encoding byte for byte.
"""

MAX_DEPTH = 32
"""Deeper nesting than any message of the protocol; it bounds recursion on hostile input."""


class MsgpackError(ValueError):
    """Bytes that are not this subset of msgpack, or a value outside it."""


def pack(value):
    """Return `value` as msgpack bytes, every number and length in its shortest form."""
    out = bytearray()
    _pack(value, out)
    return bytes(out)


def unpack(data):
    """Return the one value in `data`. Map keys are str, lists are list.

    Raises:
        MsgpackError: truncated, trailing or unsupported bytes.
    """
    try:
        value, end = _unpack(data, 0, 0)
    except IndexError:
        raise MsgpackError("message is cut short") from None
    except UnicodeDecodeError:
        raise MsgpackError("a string is not UTF-8") from None
    if end != len(data):
        raise MsgpackError(f"{len(data) - end} bytes follow the message")
    return value


def _pack(value, out):
    if value is None:
        out.append(0xC0)
    elif value is True or value is False:
        out.append(0xC3 if value else 0xC2)
    elif isinstance(value, int):
        _pack_int(value, out)
    elif isinstance(value, str):
        # A shell hands over arguments that are not UTF-8 as surrogates; the daemon refuses the bytes
        # with a proper message, which is better than a traceback here.
        _pack_text(value, out)
    elif isinstance(value, bytes):
        _pack_length(len(value), out, (0, 0), (0xC4, 0xC5, 0xC6))
        out += value
    elif isinstance(value, (list, tuple)):
        _pack_length(len(value), out, (0x90, 16), (None, 0xDC, 0xDD))
        for item in value:
            _pack(item, out)
    elif isinstance(value, dict):
        _pack_length(len(value), out, (0x80, 16), (None, 0xDE, 0xDF))
        for key, item in value.items():
            _pack(key, out)
            _pack(item, out)
    else:
        raise MsgpackError(f"cannot pack {type(value).__name__}")


def _pack_text(value, out):
    try:
        raw = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise MsgpackError("a string holds a surrogate that no byte stands behind") from None
    _pack_length(len(raw), out, (0xA0, 32), (0xD9, 0xDA, 0xDB))
    out += raw


def _pack_int(value, out):
    if -32 <= value < 128:
        out.append(value & 0xFF)
        return
    first = 0xCC if value >= 0 else 0xD0
    for step in range(4):
        width = 1 << step
        low, high = (0, 1 << 8 * width) if value >= 0 else (-(1 << 8 * width - 1), 0)
        if low <= value < high:
            out.append(first + step)
            out += value.to_bytes(width, "big", signed=value < 0)
            return
    raise MsgpackError(f"{value} does not fit 64 bits")


def _pack_length(length, out, short, markers):
    base, limit = short
    if length < limit:
        out.append(base | length)
        return
    for marker, width in zip(markers, (1, 2, 4), strict=True):
        if marker is not None and length < 1 << 8 * width:
            out.append(marker)
            out += length.to_bytes(width, "big")
            return
    raise MsgpackError(f"{length} items are too many")


def _unpack(data, at, depth):
    if depth > MAX_DEPTH:
        raise MsgpackError(f"nested deeper than {MAX_DEPTH}")
    head = data[at]
    at += 1
    if head < 0x80:
        return head, at
    if head < 0x90:
        return _map(data, at, head & 15, depth)
    if head < 0xA0:
        return _list(data, at, head & 15, depth)
    if head < 0xC0:
        return _text(data, at, head & 31)
    if head >= 0xE0:
        return head - 256, at
    return _unpack_marked(data, at, head, depth)


def _unpack_marked(data, at, head, depth):
    if head in _CONSTANTS:
        return _CONSTANTS[head], at
    if head in _NUMBERS:
        width, signed = _NUMBERS[head]
        return int.from_bytes(_take(data, at, width), "big", signed=signed), at + width
    if head in (0xCA, 0xCB):
        width = 4 if head == 0xCA else 8
        return _float(int.from_bytes(_take(data, at, width), "big"), width), at + width
    if head not in _SIZED:
        raise MsgpackError(f"unsupported type byte 0x{head:02x}")
    width, read = _SIZED[head]
    length = int.from_bytes(_take(data, at, width), "big")
    return read(data, at + width, length, depth)


def _take(data, at, length):
    if at + length > len(data):
        raise IndexError
    return data[at : at + length]


def _text(data, at, length, depth=0):
    return str(_take(data, at, length), "utf-8"), at + length


def _bytes(data, at, length, depth):
    return bytes(_take(data, at, length)), at + length


def _list(data, at, length, depth):
    items = []
    for _ in range(length):
        item, at = _unpack(data, at, depth + 1)
        items.append(item)
    return items, at


def _map(data, at, length, depth):
    items = {}
    for _ in range(length):
        key, at = _unpack(data, at, depth + 1)
        if not isinstance(key, str):
            raise MsgpackError(f"a map key is {type(key).__name__}, not str")
        items[key], at = _unpack(data, at, depth + 1)
    return items, at


def _float(bits, width):
    # IEEE 754 by hand: the struct module would be one more file to load for every call.
    mantissa_bits, exponent_bits, bias = (23, 8, 127) if width == 4 else (52, 11, 1023)
    sign = -1.0 if bits >> (width * 8 - 1) else 1.0
    exponent = bits >> mantissa_bits & (1 << exponent_bits) - 1
    mantissa = bits & (1 << mantissa_bits) - 1
    if exponent == (1 << exponent_bits) - 1:
        return sign * (float("nan") if mantissa else float("inf"))
    if exponent:
        mantissa |= 1 << mantissa_bits
    # Two factors keep every power of two in range, subnormals included.
    power = max(exponent, 1) - bias - mantissa_bits
    return sign * mantissa * 2.0 ** (power // 2) * 2.0 ** (power - power // 2)


_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_NUMBERS = {
    0xCC: (1, False), 0xCD: (2, False), 0xCE: (4, False), 0xCF: (8, False),
    0xD0: (1, True), 0xD1: (2, True), 0xD2: (4, True), 0xD3: (8, True),
}  # fmt: skip
_SIZED = {
    0xC4: (1, _bytes), 0xC5: (2, _bytes), 0xC6: (4, _bytes),
    0xD9: (1, _text), 0xDA: (2, _text), 0xDB: (4, _text),
    0xDC: (2, _list), 0xDD: (4, _list), 0xDE: (2, _map), 0xDF: (4, _map),
}  # fmt: skip
