"""Setting one value in the configuration file leaves the rest as it stands."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from toolrecd.errors import ToolrecError
from toolrecd.settings_file import set_value

PLACES = {
    "no file": None,
    "empty": "",
    "another table": "# mine\n[suggest]\nthreshold = 0.4 # high\n",
    "the table without the key": "[model]\nthreads = 2\n\n[log]\nqueries = false\n",
    "the key": '[model]\nthreads = 2\npath = "/old" # an old one\n[log]\nqueries = false\n',
    "a comment that looks like it": '[model]\n# path = "/never"\nthreads = 2\n',
    "the same key elsewhere": '[knowledge]\npath = "/tools"\n',
}


@pytest.mark.parametrize("before", PLACES.values(), ids=PLACES)
def test_value_is_set_and_nothing_else(tmp_path: Path, before: str | None) -> None:
    """The value is there afterwards, and every other value and comment is what it was."""
    file = tmp_path / "conf" / "config.toml"
    if before is not None:
        file.parent.mkdir()
        file.write_text(before)
    set_value(file, "model", "path", '/a "model".gguf')
    expected = tomllib.loads(before or "")
    expected.setdefault("model", {})["path"] = '/a "model".gguf'
    assert tomllib.loads(file.read_text()) == expected
    for line in (before or "").splitlines():
        if not line.startswith("path = ") or "tools" in line:
            assert line in file.read_text().splitlines()


def test_set_twice(tmp_path: Path) -> None:
    """The second value takes the first one's place."""
    file = tmp_path / "config.toml"
    set_value(file, "model", "path", "/one")
    set_value(file, "model", "path", "/two")
    assert file.read_text() == '[model]\npath = "/two"\n'


@pytest.mark.parametrize("text", ["[model\n", 'model = { path = "/x" }\n', 'model.path = "/x"\n'])
def test_file_that_is_not_understood_stays(tmp_path: Path, text: str) -> None:
    """A broken file, or one that says it in another way, is refused with its name and left as it is."""
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ToolrecError, match=r"config\.toml"):
        set_value(file, "model", "path", "/new")
    assert file.read_text() == text
