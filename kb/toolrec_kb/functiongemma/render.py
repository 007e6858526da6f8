"""FunctionGemma's language: declarations, prompts, calls and responses, rendered and parsed.

One renderer for serving, training and evaluation, so that they cannot drift apart. It knows the
format and no model: a rendering is a sequence of pieces, and whoever has a tokeniser turns text
pieces into tokens with special parsing off, so that `<escape>` in a query stays a word.

Format: Google's FunctionGemma documentation (https://ai.google.dev/gemma/docs/functiongemma).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

PROMPT_VERSION: Final = 2
"""Raised whenever a rendering changes; adapters say which one they were trained for."""

TRIGGER: Final = "You are a model that can do function calling with the following functions"

# Parameters of these names are dropped by the format's own templates, so they must not be used.
RESERVED_PARAMETERS: Final = frozenset({"description", "type", "properties", "required", "nullable"})


class Control(enum.Enum):
    """The control tokens, with their ids in Gemma 3's vocabulary.

    The seven of function calling take the places of `<unused40>` to `<unused46>` there.
    """

    EOS = "<eos>", 1
    BOS = "<bos>", 2
    START_DECLARATION = "<start_function_declaration>", 46
    END_DECLARATION = "<end_function_declaration>", 47
    START_CALL = "<start_function_call>", 48
    END_CALL = "<end_function_call>", 49
    START_RESPONSE = "<start_function_response>", 50
    END_RESPONSE = "<end_function_response>", 51
    ESCAPE = "<escape>", 52
    START_TURN = "<start_of_turn>", 105
    END_TURN = "<end_of_turn>", 106

    def __init__(self, text: str, token: int) -> None:
        self.text = text
        self.token = token


STOP_TOKENS: Final = frozenset({Control.EOS.token, Control.END_TURN.token, Control.START_RESPONSE.token})

Piece = Control | str
Value = str | bool | int | float | Sequence["Value"] | Mapping[str, "Value"] | None
Schema = Mapping[str, object]


class Call(msgspec.Struct, frozen=True):
    """A function call: the function's name and its arguments."""

    name: str
    arguments: dict[str, Value]


class Response(msgspec.Struct, frozen=True):
    """What a called function returned."""

    name: str
    result: dict[str, Value]


class ModelTurn(msgspec.Struct, frozen=True):
    """One turn of the model: thinking, parallel calls, their responses, closing text; each optional."""

    think: str = ""
    calls: tuple[Call, ...] = ()
    responses: tuple[Response, ...] = ()
    text: str = ""


class UserTurn(msgspec.Struct, frozen=True):
    """What the person asked."""

    text: str


Turn = UserTurn | ModelTurn


def text_of(pieces: Iterable[Piece]) -> str:
    """Return a rendering as one string."""
    return "".join(piece.text if isinstance(piece, Control) else piece for piece in pieces)


def tokens_of(pieces: Iterable[Piece], tokenize: Callable[[str], list[int]]) -> list[int]:
    """Return a rendering as token ids; `tokenize` must have special parsing and <bos> off.

    Neighbouring texts are joined first: a word cut in two would get other tokens.
    """
    tokens: list[int] = []
    run = ""
    for piece in pieces:
        if isinstance(piece, str):
            run += piece
            continue
        tokens += tokenize(run) if run else []
        tokens.append(piece.token)
        run = ""
    return tokens + (tokenize(run) if run else [])


def render_prompt(tools: Sequence[Schema], turns: Sequence[Turn]) -> list[Piece]:
    """Return the whole prompt, up to where the model speaks next.

    `tools` are function declarations in the Hugging Face tools form. If the last turn is the
    model's it is left open after its calls and responses, for the model to go on.
    """
    pieces = [*render_prefix(tools)]
    for turn in turns[:-1]:
        pieces += render_turn(turn)
    last = turns[-1]
    if isinstance(last, ModelTurn):
        return [*pieces, *_start("model"), *_model_body(last)]
    return [*pieces, *render_turn(last), *_start("model")]


def render_prefix(tools: Sequence[Schema]) -> list[Piece]:
    """Return what stays the same for every question: <bos> and the developer turn."""
    return [Control.BOS, *_start("developer"), TRIGGER, *_flat(map(_declaration, tools)), *_END]


def render_turn(turn: Turn) -> list[Piece]:
    """Return a finished turn. A user's text is stripped, as the format's own template does."""
    if isinstance(turn, UserTurn):
        return [*_start("user"), turn.text.strip(), *_END]
    return [*_start("model"), *_model_body(turn), *_END]


def render_target(turn: ModelTurn) -> list[Piece]:
    """Return what the model has to write: the training target after `render_prompt`.

    One that ends in calls ends where the response would start, which is where decoding stops.
    """
    body = _model_body(turn)
    return [*body, Control.START_RESPONSE] if body and body[-1] is Control.END_CALL else [*body, *_END]


def render_call(call: Call) -> list[Piece]:
    """Return one call, arguments sorted by name."""
    return [Control.START_CALL, f"call:{call.name}", *_arguments(call.arguments), Control.END_CALL]


def render_response(response: Response) -> list[Piece]:
    """Return one response, fields sorted by name."""
    return [Control.START_RESPONSE, f"response:{response.name}", *_arguments(response.result), Control.END_RESPONSE]


_END: Final[tuple[Piece, ...]] = (Control.END_TURN, "\n")


def _start(role: str) -> list[Piece]:
    return [Control.START_TURN, f"{role}\n"]


def _model_body(turn: ModelTurn) -> list[Piece]:
    think: list[Piece] = [f"<think>{turn.think}</think>"] if turn.think else []
    calls = _flat(map(render_call, turn.calls))
    responses = _flat(map(render_response, turn.responses))
    return [*think, *calls, *responses, *([turn.text] if turn.text else [])]


def _flat(parts: Iterable[Iterable[Piece]]) -> Iterator[Piece]:
    return (piece for part in parts for piece in part)


def _sorted(items: Mapping[str, object]) -> list[tuple[str, object]]:
    # Jinja's dictsort, which the format's template uses, disregards case.
    return sorted(items.items(), key=lambda item: item[0].lower())


def _quoted(text: object) -> list[Piece]:
    return [Control.ESCAPE, str(text), Control.ESCAPE]


def _listed(parts: Iterable[Sequence[Piece]], opening: str, closing: str) -> list[Piece]:
    pieces: list[Piece] = [opening]
    for number, part in enumerate(parts):
        pieces += [*([","] if number else []), *part]
    return [*pieces, closing]


def _arguments(arguments: Mapping[str, Value]) -> list[Piece]:
    present = [(key, value) for key, value in _sorted(arguments) if value is not None]
    return _listed(([f"{key}:", *_value(value)] for key, value in present), "{", "}")


def _value(value: object) -> list[Piece]:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, Mapping):
        return _arguments(value)
    if isinstance(value, Sequence):
        return _listed((_value(item) for item in value if item is not None), "[", "]")
    return [str(value)]


def _declaration(tool: Schema) -> list[Piece]:
    function = _mapping(tool.get("function", tool))
    pieces: list[Piece] = [
        Control.START_DECLARATION,
        f"declaration:{function['name']}{{description:",
        *_quoted(function.get("description", "")),
    ]
    parameters = _mapping(function.get("parameters"))
    if parameters:
        pieces += [",parameters:", *_object({"type": "object", **parameters})]
    return [*pieces, "}", Control.END_DECLARATION]


def _object(schema: Schema) -> list[Piece]:
    fields = [*_object_fields(schema), ["type:", *_quoted(str(schema["type"]).upper())]]
    return _listed(fields, "{", "}")


def _object_fields(schema: Schema, *, nested: bool = False) -> Iterator[list[Piece]]:
    properties = _mapping(schema.get("properties"))
    if properties or nested:  # below the top the template writes empty ones too
        shown = [(name, _mapping(p)) for name, p in _sorted(properties) if name not in RESERVED_PARAMETERS]
        yield ["properties:", *_listed(([f"{name}:", *_property(p)] for name, p in shown), "{", "}")]
    required = schema.get("required")
    if isinstance(required, Sequence) and required:
        yield ["required:", *_listed(map(_quoted, required), "[", "]")]


def _property(schema: Schema) -> list[Piece]:
    kind = str(schema.get("type", "")).upper()
    fields: list[list[Piece]] = [["description:", *_quoted(schema.get("description", ""))]]
    choices = schema.get("enum")
    if kind == "STRING" and isinstance(choices, Sequence) and choices:
        fields.append(["enum:", *_value(choices)])
    if kind == "OBJECT":
        fields += _object_fields(schema, nested=True)
    items = _mapping(schema.get("items"))
    if kind == "ARRAY" and items:
        fields.append(["items:", *_items(items)])
    return _listed([*fields, ["type:", *_quoted(kind)]], "{", "}")


def _items(schema: Schema) -> list[Piece]:
    """Return an array's `items`: keys sorted, only `type` in upper case."""
    fields: list[list[Piece]] = []
    for key, value in sorted(schema.items()):
        if key == "properties":
            fields += _object_fields({"properties": value}, nested=True)
        elif key == "type":
            kinds = [str(kind).upper() for kind in value] if isinstance(value, list) else str(value).upper()
            fields.append(["type:", *_value(kinds)])
        elif value is not None:
            fields.append([f"{key}:", *_value(value)])
    return _listed(fields, "{", "}")


def _mapping(value: object) -> Schema:
    return value if isinstance(value, Mapping) else {}
