"""Reads what a question says besides the task: the files, types, numbers and words it is about.

"search for TODO comments in app.py" is about searching; TODO and app.py are its operands. The search
gives operands little weight, and an example's `{placeholders}` are filled with them.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_ARCHIVES: Final = frozenset(
    ["tar.gz", "tgz", "tar.xz", "tar.bz2", "tar.zst", "zip", "7z", "rar", "tar", "gz", "xz", "zst", "bz2"]
)
# Names and paths are bounded where they could start anywhere in a long run: each start reads to its end.
_FILE: Final = re.compile(
    r"(?<![\w.])((?:[~.]?/)?[\w@+-][\w@+./-]{0,250}\.[A-Za-z][A-Za-z0-9]{0,5}|[~.]?/[\w@+./-]{1,250})(?![\w.])"
)
_EXTENSION: Final = re.compile(r"(?<![\w])\*?\.([A-Za-z][A-Za-z0-9]{0,5}(?:\.[a-z0-9]{1,3})?)\b")
_URL: Final = re.compile(r"\bhttps?://[^\s'\"`$;|&<>()]+")
_QUOTED: Final = re.compile(r"\"([^\"]+)\"|(?<!\w)'([^']+)'|`([^`]+)`")
_PORT: Final = re.compile(r"\bport\s+(\d{2,5})\b|:(\d{2,5})\b")
_SIZE: Final = re.compile(r"\b(\d+)\s?([kmgt])(?:i?b)?\b", re.IGNORECASE)
_COUNT: Final = re.compile(r"\b(\d{1,6})\b")
_HOST: Final = re.compile(
    r"\b((?:\d{1,3}\.){3}\d{1,3}|(?:[a-z0-9-]{1,63}\.){1,8}(?:com|org|net|io|dev|local|lan|de|uk))\b", re.IGNORECASE
)
# "search for TODO comments in code": what stands between the verb and the place.
_SOUGHT: Final = re.compile(
    r"\b(?:search|serch|grep|look|find|lines?)\b.*?\b(?:for|containing|matching)\s+"
    r"(?:the\s+(?:word|text|string)\s+)?(\S+)"
    r"(?:\s+(?:comments?|messages?|lines?|strings?))?(?=\s+(?:in|inside|across|from|recursively)\b|$)",
    re.IGNORECASE,
)
_NOT_SOUGHT: Final = frozenset(
    ["a", "an", "the", "any", "all", "file", "files", "text", "word", "words", "string", "folder", "folders"]
)
_FOLDER: Final = re.compile(
    r"\b(?!(?:a|an|the|this|that|my|our|your|current|whole|entire|every|each|all|any|empty|new|large|big|hidden|home|"
    r"parent|same|two|in|of|to|from|and|between|local|remote|shared|delete|remove|create|make|compress|zip|copy|move|"
    r"list|find|show|open|change|rename|sync|backup|archive|tar|encrypt|share|into|per|by|working|root|temp)\s)"
    r"([\w.-]{1,100})\s+(?:folder|directory|dir)\b",
    re.IGNORECASE,
)
_HERE: Final = re.compile(r"\b(?:this|current|present|working)\s+(?:folder|directory|dir)\b|\bhere\b", re.IGNORECASE)
# Kinds of file that people call by a language's or format's name.
KINDS: Final = {
    "python": "py", "javascript": "js", "typescript": "ts", "java": "java", "rust": "rs", "golang": "go", "ruby": "rb",
    "markdown": "md", "shell": "sh", "bash": "sh", "csharp": "cs", "kotlin": "kt", "swift": "swift", "perl": "pl",
    "php": "php", "html": "html", "css": "css", "json": "json", "yaml": "yaml", "toml": "toml", "xml": "xml",
    "csv": "csv", "text": "txt", "txt": "txt", "pdf": "pdf", "log": "log", "jpg": "jpg", "jpeg": "jpg", "png": "png",
    "gif": "gif", "mp3": "mp3", "mp4": "mp4", "mkv": "mkv", "wav": "wav", "zip": "zip", "sql": "sql", "lua": "lua",
    "js": "js", "ts": "ts", "py": "py",
}  # fmt: skip
_KIND: Final = re.compile(
    r"\b(" + "|".join(KINDS) + r")\s+(?:source\s+|script\s+|code\s+)?(?:files?|scripts?|code|source|projects?)\b",
    re.IGNORECASE,
)


# Programs or parts of their names, but said to tell where it is asked.
_LINUXES: Final = ("linux", "ubuntu", "debian", "fedora", "arch", "alpine", "unix")
_OTHERS: Final = ("mac", "macos", "osx", "windows", "win10", "win11", "freebsd", "openbsd", "netbsd", "bsd")
SYSTEMS: Final = frozenset([*_LINUXES, *_OTHERS, "powershell", "pwsh"])
# "install firefox", "restart nginx", "logs of sshd": something is done to what has the name.
_HANDLED: Final = (
    re.compile(
        r"\b(?:install|instal|uninstall|reinstall|restart|reload|pid of|logs? (?:of|for|from)|version of|latest)"
        r" (?:the )?(?!(?:packages?|software|programs?|apps?|updates?|everything)\b)([\w.+-]+)"
        r"(?=$| (?:on|from|with|without|no|using|via|service|server)\b)"
    ),
    re.compile(r"\b(?:service|server|daemon) ([\w.+-]+)$"),
)
# What is done to files of any type alike: the type tells no tool.
_ANY_TYPE: Final = re.compile(
    r"\b(?:rename|copy|cp|mv|move|delete|remove|rm|list|count|(?:find|show|sync) (?:all|every|the|my))\b", re.IGNORECASE
)
_COMPARED: Final = (
    re.compile(r"\b(?:better|modern|faster|nicer|prettier|newer|friendlier|simpler|improved|fancier) ([\w.+-]+)$"),
    re.compile(r"\b([\w.+-]{1,48}) (?:alternatives?|replacements?|substitute|clone)\b"),
    re.compile(
        r"\b(?:alternatives? (?:to|for)|replacements? (?:of|for)|instead of|similar to|(?:better|faster|nicer) than)"
        r" (?:the )?([\w.+-]+)"
    ),
    re.compile(r"^(?:something |a |sth )?(?:like )?([\w.+-]+) but\b"),
)


class Operands(msgspec.Struct, frozen=True):
    """What a question is about."""

    values: dict[str, str]
    """By the name of the placeholder they fill: file, extension, port, pattern, …"""
    words: frozenset[str]
    """Words of the question, in lower case, that say what it is about and not what is to be done."""
    compared: str = ""
    """The tool that another one is wanted for: "find" in "like find but faster"."""


def read(query: str) -> Operands:
    """Return the operands of `query`."""
    values: dict[str, str] = {}
    rest = query
    url = _URL.search(rest)
    if url:
        values["url"] = url[0]
        rest = rest.replace(url[0], " ")
    quoted = _QUOTED.search(rest)
    if quoted:
        values["pattern"] = values["text"] = next(filter(None, quoted.groups()))
        rest = rest.replace(quoted[0], " ")
    values |= _numbers(rest) | _names(rest)
    sought = _SOUGHT.search(rest)
    if sought and "pattern" not in values and sought[1].lower() not in _NOT_SOUGHT:
        values["pattern"] = sought[1]
    compared = next(filter(None, (match for pattern in _COMPARED for match in pattern.findall(rest.lower()))), "")
    return Operands(values, _words(values, rest), compared)


def _words(values: dict[str, str], query: str) -> frozenset[str]:
    about = [values.get(name, "") for name in ("pattern", "url", "host", "directory")]
    about += [word for pattern in _HANDLED for word in pattern.findall(query.lower())]
    words = re.findall(r"[a-z0-9_+#]+", " ".join(about).lower())
    kind = _KIND.search(query)
    if kind:
        words.append(kind[1].lower())
    if _ANY_TYPE.search(query):
        words += [word for ending in _EXTENSION.findall(query) for word in (ending.lower(), f".{ending.lower()}")]
    return frozenset(words)


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
    kind, extension, folder = _KIND.search(query), _EXTENSION.search(query), _FOLDER.search(query)
    if extension:
        values["extension"] = extension[1]
    elif kind:
        values["extension"] = KINDS[kind[1].lower()]
    if folder:
        values["directory"] = folder[1]
    elif _HERE.search(query):
        values["directory"] = "."
    for path in _FILE.findall(query):
        if path in _ARCHIVES or _HOST.fullmatch(path):
            continue
        ending = path.rpartition("/")[2].partition(".")[2].lower()
        name = "directory" if not ending else "archive" if ending in _ARCHIVES else "file"
        values.setdefault(name, path)
        if name == "archive":
            values.setdefault("file", path)
    if "file" in values:
        values.setdefault("input", values["file"])
    return values
