"""How answers are printed: JSON, and text made safe for a terminal.

Its JSON writer replaces the json module on the hot path, which would cost as much as everything else.
"""

import sys

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
CONTRACT_KEYS = ("query", "is_task", "confidence", "task_category", "tools", "stage", "latency_ms")
TOOL_KEYS = ("name", "installed", "install", "example", "score", "summary")


def to_json(value):
    """Return `value` (None, bool, int, float, str, list, dict) as one line of JSON."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(map(_escape, value)) + '"'
    if isinstance(value, (int, float)):
        # JSON has no word for infinities and NaN.
        return repr(value) if value - value == 0 else "null"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{to_json(str(key))}: {to_json(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(map(to_json, value)) + "]"


def _escape(character):
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    return f"\\u{code:04x}" if code < 32 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 else character


def contract(answer):
    """Return a suggest reply with the keys that the command-line contract promises, in its order."""
    line = {key: answer.get(key) for key in CONTRACT_KEYS}
    line["tools"] = [{key: tool.get(key) for key in TOOL_KEYS} for tool in answer.get("tools") or ()]
    return line


def plain(text):
    """Return `text` without anything a terminal could act on: controls, and marks that reorder text."""
    return "".join(character for character in text if not _acts(ord(character)))


def _acts(code):
    return code < 32 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code in _REORDERING


_REORDERING = frozenset((0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def say(text):
    """Print a line; a closed pipe ends the program quietly, as `| head` expects."""
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise SystemExit(0) from None


def suggestions(answer, colour):
    """Return the answer for a person: a line a tool with its state, and its invocation below."""
    if not answer["is_task"] or not answer["tools"]:
        return "no tool found for that; say what you want done, as in: toolrec suggest find large files"
    width = max(len(plain(tool["name"])) for tool in answer["tools"])
    lines = []
    for tool in answer["tools"]:
        name = plain(tool["name"]).ljust(width)
        lines.append(f"{_paint(name, '1', colour)}  {_state(tool, colour)}  {plain(tool['summary'])}")
        lines.append(" " * width + "  " + _paint(plain(tool["example"]), "36", colour))
    note = answer.get("note")
    return "\n".join([*lines, *([f"({plain(note)})"] if note else [])])


def state(tool):
    """Return in words whether a tool is installed and, if not, how to install it."""
    if tool["installed"]:
        return "installed"
    return f"install: {plain(tool['install'])}" if tool["install"] else "not installed"


def _state(tool, colour):
    if tool["installed"] is None:
        words = plain(tool["install"]) if tool["install"] else "comes with the system"
        return f"[{words}]"
    return _paint(f"[{state(tool)}]", "32" if tool["installed"] else "33", colour)


def _paint(text, code, colour):
    return f"\033[{code}m{text}\033[0m" if colour else text
