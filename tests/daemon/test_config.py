"""The configuration file and the variables that override it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from tests.conftest import ROOT
from toolrec_client import init
from toolrecd import config
from toolrecd.config import Config, LogConfig, ModelConfig, SuggestConfig
from toolrecd.errors import ToolrecError

DOCUMENT = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z]+)\.([a-z_]+)` \| `([^`]*)` \| `(TOOLREC_[A-Z_]+)` \| (\S.*) \|$", re.MULTILINE)
INTERNAL = {"TOOLREC_", "TOOLREC_CARO_HANDED_TO"}  # the common beginning; a message of the shim to itself


def keys() -> dict[tuple[str, str], object]:
    """Return every key of the Structs with its default."""
    return {
        (section.name, field.name): field.default
        for section in msgspec.structs.fields(Config)
        for field in msgspec.structs.fields(type(section.default))
    }


def test_the_document_lists_every_key_and_no_other():
    """docs/configuration.md and the Structs agree on keys and defaults, in both directions."""
    listed = {
        (section, key): tomllib.loads(f"x = {default}")["x"] for section, key, default, *_ in ROW.findall(DOCUMENT)
    }
    assert listed == {name: list(value) if isinstance(value, tuple) else value for name, value in keys().items()}


def test_the_document_names_each_keys_variable():
    """The variable beside a key is the one that overrides it, or the one that `toolrec init` writes."""
    for section, key, _, variable, _ in ROW.findall(DOCUMENT):
        if section == "shell":
            assert variable == init.VARIABLES[key]
            continue
        default = keys()[section, key]
        text = {bool: str(not default), int: "3", float: "0.75", str: "/x", tuple: "a,b"}[type(default)]
        changed = config.read(Path("/nowhere/config.toml"), {variable: text})
        assert getattr(getattr(changed, section), key) != default, variable


def test_the_document_names_every_variable_of_daemon_and_client():
    """A variable that the code reads is described, and one that is described is read."""
    source = "".join(
        path.read_text(encoding="utf-8") for folder in ("daemon", "client") for path in (ROOT / folder).rglob("*.py")
    )
    read = set(re.findall(r"TOOLREC_[A-Z_]*", source)) - INTERNAL
    made = {variable for *_, variable, _ in ROW.findall(DOCUMENT)}
    assert set(re.findall(r"TOOLREC_[A-Z_]+", DOCUMENT)) == read | made


def test_the_documents_example_is_valid(write):
    """The example file is read without a complaint and changes what it says."""
    example = re.search(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    assert example
    found = config.read(write("config.toml", example[1]), {})
    assert (found.suggest.threshold, found.suggest.blocked_tools, found.model.threads) == (0.4, ("nano", "locate"), 2)


@pytest.mark.parametrize("name", ["missing.toml", "file/below/config.toml", "empty.toml"])
def test_a_missing_or_empty_file_means_the_defaults(write, tmp_path, name):
    """Without a file, with a path that leads through a file, and with an empty file the defaults apply."""
    write("file", "")
    write("empty.toml", "")
    assert config.read(tmp_path / name, {}) == Config()


def test_the_environment_goes_before_the_file(write):
    """A variable overrides its key; an empty one does not."""
    file = write("config.toml", "[model]\nenabled = true\nthreads = 2\n[suggest]\nblocked_tools = ['x']")
    environment = {
        "TOOLREC_MODEL_ENABLED": "off",
        "TOOLREC_MODEL_THREADS": "",
        "TOOLREC_SUGGEST_BLOCKED_TOOLS": "a,,b",
        "TOOLREC_LOG_QUERIES": "YES",
    }
    assert config.read(file, environment) == Config(
        model=ModelConfig(enabled=False, threads=2),
        suggest=SuggestConfig(blocked_tools=("a", "b")),
        log=LogConfig(queries=True),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[suggest]\nthreshold = 2", "suggest.threshold is 2: Expected `float` <= 1.0"),
        ("[suggest]\nthreshold = 'high'", "suggest.threshold is 'high': Expected `float`, got `str`"),
        ("[suggest]\nthreshold = nan", "suggest.threshold is nan: Expected `float` >= 0.0"),
        ("[suggest]\nblocked_tools = ['a', 1]", "suggest.blocked_tools[1] is ['a', 1]: Expected `str`, got `int`"),
        ("[model]\nthreads = -1", "model.threads is -1: Expected `int` >= 0"),
        ("[model]\nthread = 1", "model: Object contains unknown field `thread`"),
        ("[modell]\nthreads = 1", "top level: Object contains unknown field `modell`"),
        ("model = 3", "model is 3: Expected `object`, got `int`"),
        ("[model\n", "is not valid TOML: "),
    ],
)
def test_a_mistake_is_named_with_its_file_key_and_value(write, text, said):
    """The error holds the file, the key, the value and what is accepted, and points to the document."""
    file = write("config.toml", text)
    # With a variable set as well: it must not hide or worsen what is wrong with the file.
    with pytest.raises(ToolrecError) as refused:
        config.read(file, {"TOOLREC_MODEL_ENABLED": "false"})
    assert str(refused.value).startswith(f"configuration {file}")
    assert said in str(refused.value)
    assert "not valid TOML" in said or str(refused.value).endswith("; see docs/configuration.md")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TOOLREC_MODEL_ENABLED", "maybe", "TOOLREC_MODEL_ENABLED is 'maybe'; use true or false"),
        ("TOOLREC_MODEL_THREADS", "1.5", "TOOLREC_MODEL_THREADS is '1.5'; use a number"),
        ("TOOLREC_MODEL_THREADS", "99", "TOOLREC_MODEL_THREADS: model.threads is 99: Expected `int` <= 64"),
        ("TOOLREC_SUGGEST_THRESHOLD", "nan", "TOOLREC_SUGGEST_THRESHOLD: suggest.threshold is nan"),
    ],
)
def test_a_bad_variable_is_named(name, value, said):
    """The error names the variable, not the file, which may be without fault."""
    with pytest.raises(ToolrecError) as refused:
        config.read(Path("/nowhere/config.toml"), {name: value})
    assert str(refused.value).startswith(said)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    """Bytes that are no UTF-8 are a mistake of the file's."""
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ToolrecError, match=f"configuration {file} is not valid TOML"):
        config.read(file, {})


def test_a_directory_in_place_of_the_file_is_refused(tmp_path):
    """What cannot be read is named with the system's reason."""
    with pytest.raises(ToolrecError, match=f"configuration {tmp_path} cannot be read: Is a directory"):
        config.read(tmp_path, {})


def test_the_directories_come_from_the_environment():
    """Both directories can be moved; `~` is the home directory."""
    found = config.find_paths({"TOOLREC_CONFIG_DIR": "~/c", "TOOLREC_CACHE_DIR": "/k"})
    assert (found.config_file, found.cache_dir) == (Path.home() / "c/config.toml", Path("/k"))
    assert found.tools_dir(Config()) == Path.home() / "c/tools"


@pytest.mark.parametrize("name", ["TOOLREC_CONFIG_DIR", "TOOLREC_CACHE_DIR"])
def test_a_relative_directory_is_refused(name):
    """The daemon stands elsewhere than the shell: a relative path would mean two places."""
    with pytest.raises(ToolrecError, match=f"{name} is 'x/y'; use a path that begins with /"):
        config.find_paths({name: "x/y"})
