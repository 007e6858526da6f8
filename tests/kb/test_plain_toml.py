"""The quick reader of plain TOML: it says what `tomllib` says, or nothing."""

from __future__ import annotations

import tomllib

import pytest

from toolrec_kb import plain_toml
from toolrec_kb.load import DATA_DIR

PLAIN = {
    "nothing": "",
    "values": 'name = "fd"\nusage = 4\nnone = []\nzero = 0\nmany = ["a", "b","c"]\n',
    "escapes": r'command = "grep \"a\\tb\" \n\t"' + "\n",
    "literal": "command = 'awk \"{print $1}\"'\n",
    "comments and blank lines": "# one\n\nname = 1\n#\n",
    "no newline at the end": 'name = "fd"',
    "tables": '[install]\napt = "a"\n[program_names.apt]\nfd = "fdfind"\n[program_names.dnf]\nfd = "fdf"\n',
    "inner table first": '[names.apt]\na = "b"\n[install]\napt = "a"\n',
    "array of tables": '[[examples]]\ntask = "a"\n\n[[examples]]\ntask = "b"\n',
    "foreign letters": 'summary = "schnell, vite, 速い 💾"\n',
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN.keys())
def test_plain(text: str) -> None:
    """What is plain is read, to the same as `tomllib` reads."""
    assert plain_toml.read(text) == tomllib.loads(text)


NOT_PLAIN = [
    'a = "x" # comment', "a = [\n 1,\n]", 'a = """x"""', "a = {b = 1}", 'a.b = "c"', '"a" = 1', "a = true", "a = 1.5",
    "a = 01", "a = -1", "a = 1_000", " a = 1", "a = 1 ", "a = 1\r\n",
    'a = "\\u00e9"', 'a = "\\ud83d\\ude00"', 'a = "\\/"',
    'a = "\t"', 'a = "\x7f"', "# \x00", "a = null", 'a = {"b": 1}', "a = [1, [2]]", 'a = ["b",]', "[a.b.c]", "[[a.b]]",
    "[ a ]", "a = 1\na = 2", "[a]\n[a]", "[a.b]\n[a]", "a = 1\n[a]", "a = 1\n[a.b]", "a = []\n[[a]]", "[a]\n[[a]]",
    "[[a]]\n[a]", "[[a]]\n[a.b]", '[a]\nb = "1"\n[a.b]', "a", "= 1", "[a", 'a = "b', "a = 'b", "\ufeffa = 1", "é = 1",
    "a = ٣",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_not_plain(text: str) -> None:
    """What is not plain, or is not TOML, is left to `tomllib`."""
    assert plain_toml.read(text) is None


def test_our_own_files() -> None:
    """Nearly all of our files are plain, and are read to what `tomllib` reads."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(DATA_DIR.rglob("*.toml"))]
    plain = [(text, document) for text in texts if (document := plain_toml.read(text)) is not None]
    assert len(plain) >= 0.95 * len(texts)
    assert all(document == tomllib.loads(text) for text, document in plain[::7])
