"""What a running daemon serves from, and what differs between two of these: a reload's decisions."""

from __future__ import annotations

from pathlib import Path

import msgspec

from toolrec_kb.knowledge import Knowledge
from toolrecd.config import Config

Stamp = tuple[int, int] | None


class State(msgspec.Struct):
    """What a reload replaces."""

    config: Config
    knowledge: Knowledge
    model_stamp: Stamp
    adapter_stamp: Stamp


def named_path(text: str) -> Path:
    """Return the file that a configuration's text names."""
    return Path(text).expanduser().absolute()


def take_state(config: Config, knowledge: Knowledge) -> State:
    """Return the state with the files it names as they are now."""
    return State(config, knowledge, _stamp(config.model.path), _stamp(config.model.adapter))


def _stamp(text: str) -> Stamp:
    """Return what tells one version of a file named in the configuration from another."""
    if not text:
        return None
    try:
        found = named_path(text).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def needs_worker(old: State, new: State) -> bool:
    """Return whether the change is one that only another model process can serve."""
    return (
        old.config.model != new.config.model
        or (old.model_stamp, old.adapter_stamp) != (new.model_stamp, new.adapter_stamp)
        or old.knowledge.version != new.knowledge.version
    )


def changes(old: State, new: State) -> list[str]:
    """Return what changed, in words."""
    parts = {
        "configuration": old.config != new.config,
        "knowledge base": old.knowledge.version != new.knowledge.version,
        "model": old.model_stamp != new.model_stamp or old.config.model.path != new.config.model.path,
        "adapter": old.adapter_stamp != new.adapter_stamp or old.config.model.adapter != new.config.model.adapter,
    }
    return [name for name, changed in parts.items() if changed]
