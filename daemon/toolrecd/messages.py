"""Every request and reply of the wire protocol, version 1, as Structs. docs/protocol.md specifies them.

Unknown fields are ignored on purpose: a newer client may send more than this daemon knows.
"""

from __future__ import annotations

import reprlib
from typing import Annotated, Final, Literal

import msgspec

from toolrecd.errors import RequestError

Mode = Literal["typing", "ask", "explain"]
Stage = Literal["shortlist", "reasoning", "model"]

MAX_QUERY_CHARS = 2000  # a long paragraph; the model's context holds no more beside its prompt
MAX_LIMIT = 50
# What cannot be read: not msgpack, nested deeper than the decoder follows, or bytes that are no text.
_UNREADABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Request(msgspec.Struct, frozen=True, tag_field="op"):
    """What every request carries. `id` is echoed; a connection may have several under way."""

    v: int
    id: int


class Suggest(Request, frozen=True, tag="suggest"):
    """Recommend tools for a query."""

    query: str
    mode: Mode = "ask"
    os: str | None = None
    """linux or a distribution's name, macos or darwin, windows, freebsd, …; None: this machine's."""
    shell: str | None = None
    path: str | None = None
    """The PATH of the shell that asks, to tell what is installed; None: the daemon's own."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)] = 5
    session: str | None = None
    """Names the shell that asks: of one session only the newest request is answered."""
    seq: int = 0
    """Grows with each request of a session."""


class Resolve(Request, frozen=True, tag="resolve"):
    """Say what to install for a command that was not found."""

    name: Annotated[str, msgspec.Meta(max_length=256)]
    os: str | None = None
    shell: str | None = None
    path: str | None = None


class Tools(Request, frozen=True, tag="tools"):
    """List the knowledge base."""


class Status(Request, frozen=True, tag="status"):
    """Describe the daemon."""


class Reload(Request, frozen=True, tag="reload"):
    """Read configuration, knowledge base and adapter again."""


class Shutdown(Request, frozen=True, tag="shutdown"):
    """Answer, then stop."""


AnyRequest = Suggest | Resolve | Tools | Status | Reload | Shutdown


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What every reply carries; `final` closes the request."""

    v: int = 1
    id: int
    final: bool = True


class ToolHint(msgspec.Struct, frozen=True, kw_only=True):
    """A recommended tool on the machine asked about."""

    name: str
    installed: bool | None
    """None where the machine asked about is not this one."""
    install: str | None
    """The command that installs it there; None where it is installed or no package is known."""
    example: str
    """An invocation for the task; `{placeholders}` are what only the person knows."""
    score: float
    """The fused score as a share of one among all candidates."""
    summary: str
    caution: str = ""


class Suggestion(Reply, frozen=True, kw_only=True):
    """Answer to `suggest`; `stage` says what made it."""

    stage: Stage
    query: str
    is_task: bool
    confidence: float
    """The chance that the first tool is a right one, from 0 to 1."""
    task_category: str | None
    tools: list[ToolHint]
    related: list[str]
    note: str
    """Why the model had no part in a final answer; empty where it had."""
    latency_ms: float


class Hint(Reply, frozen=True, kw_only=True):
    """Answer to `suggest` in mode `typing`: flat strings, ready to show; all empty means show nothing."""

    stage: Stage
    hint: str
    """Tool, state and summary, without any character a shell would act on."""
    insert: str
    """The invocation that the accepting key puts on the line."""
    below: str
    """What stands below the prompt: the invocation, and a caution if there is one."""
    confidence: float
    latency_ms: float


class Reasoning(Reply, frozen=True, kw_only=True):
    """A piece of the model's thinking, in mode `explain`; never final."""

    final: bool = False
    stage: Stage = "reasoning"
    text: str


class Resolved(Reply, frozen=True, kw_only=True):
    """Answer to `resolve`."""

    name: str
    tools: list[ToolHint]
    similar: list[str]
    """Program names a keystroke or two away."""


class ToolEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A tool of the knowledge base as `toolrec tools --json` prints it."""

    name: str
    programs: list[str]
    categories: list[str]
    platforms: list[str]
    standardness: str
    examples: list[dict[str, str]]
    install: dict[str, str]
    summary: str


class ToolList(Reply, frozen=True, kw_only=True):
    """A part of the answer to `tools`; the parts together hold the base, in order of name."""

    tools: list[ToolEntry]


class StatusReport(Reply, frozen=True, kw_only=True):
    """Answer to `status`; the fields are described in docs/protocol.md."""

    status: dict[str, object]


class Reloaded(Reply, frozen=True, kw_only=True):
    """Answer to `reload`: what changed, and what is wrong with what did not."""

    changed: list[str]
    problems: list[str]


class Done(Reply, frozen=True, kw_only=True):
    """Answer to `shutdown`."""


class Failure(Reply, frozen=True, kw_only=True):
    """Answer to any request that cannot be served. It is always final."""

    code: str
    message: str


_decoder: msgspec.msgpack.Decoder[AnyRequest] = msgspec.msgpack.Decoder(AnyRequest)
_encoder = msgspec.msgpack.Encoder()


class _Envelope(msgspec.Struct):
    """The fields needed to answer even a request that makes no sense."""

    v: object = None
    id: object = 0
    op: object = None


_envelope = msgspec.msgpack.Decoder(_Envelope)


def encode(reply: Reply) -> bytes:
    """Return a reply as msgpack, without the frame."""
    return _encoder.encode(reply)


def request_id(payload: bytes) -> int:
    """Return the `id` of a request, as far as it can be read; 0 otherwise."""
    try:
        found = _envelope.decode(payload).id
    except _UNREADABLE:
        return 0
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def decode(payload: bytes, *, version: int) -> AnyRequest:
    """Return the request in `payload`.

    Raises:
        RequestError: malformed, unsupported_version, unknown_operation or invalid.
    """
    try:
        envelope = _envelope.decode(payload)
    except msgspec.ValidationError as error:
        raise RequestError("malformed", f"a request is one msgpack map: {error}") from None
    except _UNREADABLE as error:
        raise RequestError("malformed", f"not msgpack: {error}; see docs/protocol.md") from None
    if envelope.v != version:
        raise RequestError(
            "unsupported_version",
            f"protocol version {reprlib.repr(envelope.v)} is not {version}; install client and daemon of one version, "
            "then: toolrecd restart",
        )
    return _decode_operation(payload, envelope.op)


def _decode_operation(payload: bytes, operation: object) -> AnyRequest:
    known = [kind.__struct_config__.tag for kind in (Suggest, Resolve, Tools, Status, Reload, Shutdown)]
    if operation not in known:
        # Cut short: the reply must fit a frame, however long the word was.
        raise RequestError(
            "unknown_operation", f"no operation {reprlib.repr(operation)}; there are {', '.join(map(str, known))}"
        )
    try:
        request = _decoder.decode(payload)
    except UnicodeDecodeError:
        raise RequestError("invalid", "a string is not UTF-8 text; send text") from None
    except msgspec.DecodeError as error:
        raise RequestError("invalid", f"{operation}: {error}") from None
    if isinstance(request, Suggest):
        check_query(request.query)
    return request


def check_query(query: str) -> None:
    """Refuse a query that is too long or not text.

    Raises:
        RequestError: query_too_long or query_not_text.
    """
    if len(query) > MAX_QUERY_CHARS:
        raise RequestError(
            "query_too_long", f"query of {len(query)} characters is over the limit of {MAX_QUERY_CHARS}; say it shorter"
        )
    for character in query:
        if (ord(character) < 32 and character not in "\t\n\r") or ord(character) == 127:
            raise RequestError("query_not_text", f"query holds the control character {character!r}; send plain text")
