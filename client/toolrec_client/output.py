"""How answers are printed: JSON, and text made safe for a terminal.

Its JSON writer replaces the json module on the hot path, which would cost as much as everything else.
"""

import posix
import sys

from toolrec_client import wire

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
        if value.isprintable() and '"' not in value and "\\" not in value:
            return f'"{value}"'  # nearly every string: a tenth of the time
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
    return f"\\u{code:04x}" if _acts(code) or code in _LINE_ENDS else character


def safe_json(text):
    """Return finished JSON with what a terminal could act on escaped; its own line ends stay."""
    return "".join(c if c == "\n" else _escape(c) if _acts(ord(c)) or ord(c) in _LINE_ENDS else c for c in text)


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
_LINE_ENDS = (0x2028, 0x2029)  # to many readers these end a line, and an answer is one line


def say(text):
    """Print a line; a closed pipe ends the program quietly, as `| head` expects."""
    write(text + "\n")


def write(text):
    """Print `text` as UTF-8 at once; nothing stays in a buffer to fail again at exit.

    Raises:
        wire.ToolrecError: the disk is full, or the like.
    """
    if sys.stdout is None:
        return  # started with standard output closed: descriptor 1 may be the daemon's socket by now
    data = text.encode("utf-8", "replace")
    try:
        while data:
            data = data[posix.write(1, data) :]
    except BrokenPipeError:
        raise SystemExit(0) from None
    except OSError as error:
        raise wire.ToolrecError(f"cannot write to standard output: {error.strerror}") from None


def complain(program, message):
    """Print one line on standard error."""
    if sys.stderr is not None:
        sys.stderr.write(f"{program}: {plain(message)}\n")


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
