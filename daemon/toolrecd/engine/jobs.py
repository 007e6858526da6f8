"""What passes between the daemon and its worker: jobs one way, results the other, one at a time.

Frames are a 4-byte big-endian length and msgpack, as on the wire, over a socket pair.
"""

from __future__ import annotations

import msgspec

LENGTH_BYTES = 4


class Question(msgspec.Struct, frozen=True):
    """What is asked, and by whom."""

    query: str
    os: str
    shell: str


class Settings(msgspec.Struct, frozen=True):
    """How a model is run on this machine; `selftest` chooses."""

    threads: int = 1
    repack: bool = False
    """Whether weights are rearranged for the processor's instructions while loading."""

    def __str__(self) -> str:
        """Return the settings in words."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{threads}, {'repacked weights' if self.repack else 'weights as they are'}"


class Load(msgspec.Struct, frozen=True, tag=True):
    """Load a model, an adapter on it if one is named, and the names that may come out."""

    model: str
    adapter: str | None
    names: list[str]
    categories: list[str]
    settings: Settings = Settings()
    warmth: str | None = None
    """The folder where evaluated prefixes are kept; None keeps none."""


class Rank(msgspec.Struct, frozen=True, tag=True):
    """Score all names for a question; `candidates` are worth telling apart."""

    question: Question
    candidates: list[int]
    typing: bool = False
    """Whether the next key may follow: the shorter form and fewer steps."""


class Categorise(msgspec.Struct, frozen=True, tag=True):
    """Score all categories for a question that `name` answers."""

    question: Question
    name: str


class Think(msgspec.Struct, frozen=True, tag=True):
    """Write a thought about a question."""

    question: Question


Job = Load | Rank | Categorise | Think


class ModelInfo(msgspec.Struct, frozen=True):
    """What a worker serves; for `status`."""

    path: str
    description: str
    size_bytes: int
    parameters: int
    vocabulary: int
    functiongemma: bool
    """Whether the vocabulary names FunctionGemma's control tokens."""
    form: str
    """How the model is asked: `call` or `plain`."""
    typing_form: str
    """How it is asked while somebody types."""
    trained: bool
    """Whether an adapter of ours taught it the tools."""
    adapter: str | None
    merged: bool
    """Whether the adapter is part of the model's weights."""
    adapter_problem: str
    """Why the adapter that was named is not in use; empty where it is."""
    settings: Settings
    warm: bool
    """Whether the prompt's prefix came from a file."""
    system: str


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The worker is ready."""

    info: ModelInfo
    load_ms: float


class Scores(msgspec.Struct, frozen=True, tag=True):
    """Scores in nats, in the order of the names or categories."""

    values: list[float]
    evaluated: int
    """Tokens that had to be evaluated."""


class Thought(msgspec.Struct, frozen=True, tag=True):
    """A piece of a thought; the empty one is the last."""

    text: str


class Stopped(msgspec.Struct, frozen=True, tag=True):
    """The job was aborted on request."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The job cannot be done; the worker goes on."""

    reason: str


Result = Loaded | Scores | Thought | Stopped | Failed

job_decoder: msgspec.msgpack.Decoder[Job] = msgspec.msgpack.Decoder(Job)
result_decoder: msgspec.msgpack.Decoder[Result] = msgspec.msgpack.Decoder(Result)
_encode = msgspec.msgpack.Encoder().encode


def frame(message: Job | Result) -> bytes:
    """Return a message with its length before it."""
    payload = _encode(message)
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload
