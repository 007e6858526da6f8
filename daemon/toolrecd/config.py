"""Configuration: one TOML file, overridden by `TOOLREC_*` variables; every key has its default here.

The only module of the daemon that reads environment variables. docs/configuration.md is the list of
keys for users; a test holds the two together.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import platformdirs

from toolrecd.errors import ToolrecError

FILE_NAME = "config.toml"
_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class ModelConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model answers, and how much of the machine it may take."""

    enabled: bool = True
    path: str = ""
    adapter: str = ""
    threads: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    idle_minutes: Annotated[float, msgspec.Meta(ge=0.0, le=10080.0)] = 30.0


class SuggestConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is recommended."""

    threshold: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.3
    prefer_installed: bool = True
    prefer_modern: bool = False
    blocked_tools: tuple[str, ...] = ()


class KnowledgeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the user's own tools lie."""

    path: str = ""


class LogConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is written to the log."""

    queries: bool = False


class ShellConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the prompt behaves: `toolrec init` hands these to the shells, the daemon only checks them."""

    enabled: bool = True
    trigger: str = "#"
    accept_key: str = "right ctrl-]"
    list_key: str = "alt-/"
    highlight: str = "fg=8"
    history: bool = False


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration."""

    model: ModelConfig = ModelConfig()
    suggest: SuggestConfig = SuggestConfig()
    knowledge: KnowledgeConfig = KnowledgeConfig()
    log: LogConfig = LogConfig()
    shell: ShellConfig = ShellConfig()


class Paths(msgspec.Struct, frozen=True):
    """The directories that the daemon reads and writes."""

    config_dir: Path
    cache_dir: Path

    @property
    def config_file(self) -> Path:
        """The configuration file; it need not exist."""
        return self.config_dir / FILE_NAME

    def tools_dir(self, config: Config) -> Path:
        """The directory of the user's own tools; it need not exist."""
        return Path(config.knowledge.path).expanduser() if config.knowledge.path else self.config_dir / "tools"


def find_paths(environment: Mapping[str, str] = os.environ) -> Paths:
    """Return the directories: the platform's, or those the environment names.

    Raises:
        ToolrecError: the environment names a relative path.
    """
    return Paths(
        _directory("TOOLREC_CONFIG_DIR", environment, platformdirs.user_config_dir),
        _directory("TOOLREC_CACHE_DIR", environment, platformdirs.user_cache_dir),
    )


def _directory(name: str, environment: Mapping[str, str], usual: Callable[..., str]) -> Path:
    path = Path(environment.get(name) or usual("toolrec", appauthor=False)).expanduser()
    if not path.is_absolute():  # the daemon and whoever starts it stand in different directories
        raise ToolrecError(f"{name} is {str(path)!r}; use a path that begins with /")
    return path


def read(file: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration in `file`, defaults where it is silent or missing, then the environment's.

    Raises:
        ToolrecError: file, field or variable, the value and what is accepted.
    """
    document = _document(file)
    _convert(document, f"configuration {file}")
    for section, fields in _fields().items():
        for field, kind in fields.items():
            name = f"TOOLREC_{section}_{field}".upper()
            if environment.get(name):
                document.setdefault(section, {})[field] = _from_text(name, environment[name], kind)
                _convert(document, name)
    return _convert(document, f"configuration {file}")


def _convert(document: dict[str, Any], source: str) -> Config:
    try:
        return msgspec.convert(document, Config)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$.")
        where = where.rstrip("`")
        value = _value_at(document, where)
        found = f"{where} is {value}" if value else where or "top level"
        raise ToolrecError(f"{source}: {found}: {reason}; see docs/configuration.md") from None


def _value_at(document: dict[str, Any], where: str) -> str:
    """Return the value at `section.key` as written in an error; nothing where a whole table is meant."""
    value: Any = document
    for key in where.split("[")[0].split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return "" if value is None or isinstance(value, dict) else repr(value)


def _document(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ToolrecError(f"configuration {file} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToolrecError(f"configuration {file} is not valid TOML: {error}") from None


def _fields() -> dict[str, dict[str, object]]:
    return {
        section.name: {field.name: field.default for field in msgspec.structs.fields(type(section.default))}
        for section in msgspec.structs.fields(Config)
    }


def _from_text(name: str, text: str, default: object) -> object:
    """Return an environment variable's text as the type of the key's default."""
    if isinstance(default, bool):
        if text.lower() not in _WORDS:
            raise ToolrecError(f"{name} is {text!r}; use true or false")
        return _WORDS[text.lower()]
    if isinstance(default, (int, float)):
        try:
            return type(default)(text)
        except ValueError:
            raise ToolrecError(f"{name} is {text!r}; use a number") from None
    return [word for word in text.split(",") if word] if isinstance(default, tuple) else text
