"""Sets one value in the configuration file and leaves everything else in it as it stands, comments too."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

from toolrecd.errors import ToolrecError

_TABLE = re.compile(r"\s*\[")


def set_value(file: Path, section: str, key: str, value: str) -> None:
    """Write `key = "value"` into `[section]` of the TOML file, which is made if it is not there.

    Raises:
        ToolrecError: the file is broken, cannot be written, or writes the key in a way that is not understood here.
    """
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        _parsed(file, before)
        after = _with(before.splitlines(), section, f"{key} = {json.dumps(value)}", key)
        if _parsed(file, after).get(section, {}).get(key) != value:
            raise ToolrecError(
                f"set {key} in [{section}] of {file} to {value!r} yourself: it stands there in another way"
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}.{os.getpid()}")
        beside.write_text(after, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        raise ToolrecError(f"configuration {file} cannot be written: {error.strerror}") from None


def _parsed(file: Path, text: str) -> dict[str, dict[str, object]]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ToolrecError(f"configuration {file} is not valid TOML: {error}") from None


def _with(lines: list[str], section: str, line: str, key: str) -> str:
    head = next((at for at, text in enumerate(lines) if text.split("#")[0].strip() == f"[{section}]"), None)
    if head is None:
        return "\n".join([*lines, *([""] if lines else []), f"[{section}]", line]) + "\n"
    end = next((at for at in range(head + 1, len(lines)) if _TABLE.match(lines[at])), len(lines))
    old = next((at for at in range(head + 1, end) if re.match(rf"\s*{re.escape(key)}\s*=", lines[at])), None)
    new = [*lines[: head + 1], line, *lines[head + 1 :]] if old is None else [*lines[:old], line, *lines[old + 1 :]]
    return "\n".join(new) + "\n"
