"""Fills an example's `{placeholders}` with what the question says: files, types, numbers, words.

"find all python files" makes `find . -name "*.{extension}"` end in `*.py`. What the question does
not say stays a placeholder: a guess on the command line is worse than a gap. Values are quoted for the
shell where they need it, for they come from whatever was typed.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from toolrec_kb.schema import Example

PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_ARCHIVES: Final = (
    "tar.gz",
    "tgz",
    "tar.xz",
    "tar.bz2",
    "tar.zst",
    "zip",
    "7z",
    "rar",
    "tar",
    "gz",
    "xz",
    "zst",
    "bz2",
)
_FILE: Final = re.compile(
    r"(?<![\w.])((?:[~.]?/)?[\w@+-][\w@+./-]*\.[A-Za-z][A-Za-z0-9]{0,5}|[~.]?/[\w@+./-]+)(?![\w.])"
)
_EXTENSION: Final = re.compile(r"(?<![\w])\*?\.([A-Za-z][A-Za-z0-9]{0,5}(?:\.[a-z0-9]{1,3})?)\b")
_URL: Final = re.compile(r"\bhttps?://[^\s'\"`$;|&<>()]+")
_QUOTED: Final = re.compile(r"\"([^\"]+)\"|'([^']+)'|`([^`]+)`")
_PORT: Final = re.compile(r"\bport\s+(\d{2,5})\b|:(\d{2,5})\b")
_SIZE: Final = re.compile(r"\b(\d+)\s?([kmgt])(?:i?b)?\b", re.IGNORECASE)
_COUNT: Final = re.compile(r"\b(\d{1,6})\b")
_HOST: Final = re.compile(
    r"\b((?:\d{1,3}\.){3}\d{1,3}|(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|local|lan|de|uk))\b", re.IGNORECASE
)
# "search for TODO comments in code": what stands between the verb and the place.
_SOUGHT: Final = re.compile(
    r"\b(?:search|grep|look|find|lines?)\b.*?\b(?:for|containing|matching|with)\s+(?:the\s+(?:word|text|string)\s+)?"
    r"(\S+)(?:\s+(?:comments?|messages?|lines?|strings?))?(?=\s+(?:in|inside|across|from|recursively)\b|$)",
    re.IGNORECASE,
)
# Kinds of file that people call by a language's or format's name.
_KINDS: Final = {
    "python": "py", "javascript": "js", "typescript": "ts", "java": "java", "rust": "rs", "golang": "go", "ruby": "rb",
    "markdown": "md", "shell": "sh", "bash": "sh", "csharp": "cs", "kotlin": "kt", "swift": "swift", "perl": "pl",
    "php": "php", "html": "html", "css": "css", "json": "json", "yaml": "yaml", "toml": "toml", "xml": "xml",
    "csv": "csv", "text": "txt", "txt": "txt", "pdf": "pdf", "log": "log", "jpg": "jpg", "jpeg": "jpg", "png": "png",
    "gif": "gif", "mp3": "mp3", "mp4": "mp4", "mkv": "mkv", "wav": "wav", "zip": "zip", "sql": "sql", "lua": "lua",
}  # fmt: skip
_KIND: Final = re.compile(
    r"\b(" + "|".join(_KINDS) + r")\s+(?:source\s+|script\s+|code\s+)?(?:files?|scripts?|images?|logs?)\b",
    re.IGNORECASE,
)
_FOLDER: Final = re.compile(
    r"\b(?!(?:a|an|the|this|that|my|our|your|current|whole|entire|every|each|all|any|empty|new|large|big|hidden|home|"
    r"parent|same|two|in|of|to)\s)([\w.-]+)\s+(?:folder|directory|dir)\b",
    re.IGNORECASE,
)
_SHELL_SAFE: Final = re.compile(r"^[\w@%+=:,./~-]+$")


class Facts(msgspec.Struct, frozen=True):
    """What a question says that a placeholder may be filled with, by the placeholder's name."""

    values: dict[str, str]


def read_facts(query: str) -> Facts:
    """Return what `query` says."""
    values: dict[str, str] = {}
    url = _URL.search(query)
    if url:
        values["url"] = url[0]
        query = query.replace(url[0], " ")
    quoted = _QUOTED.search(query)
    if quoted:
        values["pattern"] = values["text"] = next(filter(None, quoted.groups()))
        query = query.replace(quoted[0], " ")
    values |= _numbers(query) | _names(query)
    sought = _SOUGHT.search(query)
    if sought and "pattern" not in values and sought[1].lower() not in ("a", "the", "files", "file", "text", "all"):
        values["pattern"] = sought[1]
    return Facts(values)


def _numbers(query: str) -> dict[str, str]:
    values: dict[str, str] = {}
    port, size, host = _PORT.search(query), _SIZE.search(query), _HOST.search(query)
    if port:
        values["port"] = port[1] or port[2]
    if size:
        values["size"] = size[1] + size[2].upper()
    if host:
        values["host"] = host[0]
    count = None if port or size or host else _COUNT.search(query)
    if count:
        values["number"] = values["count"] = count[1]
    return values


def _names(query: str) -> dict[str, str]:
    values: dict[str, str] = {}
    kind, extension = _KIND.search(query), _EXTENSION.search(query)
    if extension:
        values["extension"] = extension[1]
    elif kind:
        values["extension"] = _KINDS[kind[1].lower()]
    folder = _FOLDER.search(query)
    if folder:
        values["directory"] = folder[1]
    for path in _FILE.findall(query):
        if path in _ARCHIVES or _HOST.fullmatch(path):
            continue
        ending = path.rpartition("/")[2].partition(".")[2].lower()
        archive = ending in _ARCHIVES
        name = "directory" if not ending else "archive" if archive else "file"
        values.setdefault(name, path)
        if archive:
            values.setdefault("file", path)
    if "file" in values:
        values.setdefault("input", values["file"])
    return values


def fill(example: Example, facts: Facts) -> str:
    """Return the example's command with what the question says in place of its placeholders."""
    return PLACEHOLDER.sub(lambda hole: _filled(example.command, hole, facts), example.command)


def holes(command: str) -> int:
    """Return how many placeholders a command still has."""
    return len(PLACEHOLDER.findall(command))


def _filled(command: str, hole: re.Match[str], facts: Facts) -> str:
    value = facts.values.get(hole[1])
    if value is None:
        return hole[0]
    inside = _quote_around(command, hole.start())
    if inside:
        # Between quotes of the example's own only that quote, and in double quotes what still acts, could break out.
        acting = inside if inside == "'" else '"$`\\'
        return hole[0] if any(character in value for character in acting) else value
    return value if _SHELL_SAFE.match(value) else "'" + value.replace("'", "'\\''") + "'"


def _quote_around(command: str, position: int) -> str:
    """Return the quote character that is open at `position`, or an empty string."""
    quote = ""
    for character in command[:position]:
        if not quote and character in "'\"":
            quote = character
        elif character == quote:
            quote = ""
    return quote
