"""Our one function, `recommend_tools`, and the turns that ask for it and answer with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from toolrec_kb.functiongemma.render import Call, ModelTurn, Piece, UserTurn, Value, render_prefix

NAME: Final = "recommend_tools"
PRIMARY: Final = "primary_tools"
RELATED: Final = "related_tools"
CATEGORY: Final = "task_category"

# Sorted by key the ranking comes first in the call, so one evaluation after the query ranks.
RECOMMEND_TOOLS: Final = {
    "type": "function",
    "function": {
        "name": NAME,
        "description": "Recommend command-line tools for a task at a shell prompt.",
        "parameters": {
            "type": "object",
            "properties": {
                PRIMARY: {
                    "type": "array",
                    "description": "Names of the tools that do the task, best first.",
                    "items": {"type": "string"},
                },
                RELATED: {
                    "type": "array",
                    "description": "Names of alternatives and of tools to combine them with.",
                    "items": {"type": "string"},
                },
                CATEGORY: {"type": "string", "description": "The kind of task."},
            },
            "required": [PRIMARY, CATEGORY],
        },
    },
}


def prefix() -> list[Piece]:
    """Return the part of the prompt that never changes."""
    return render_prefix([RECOMMEND_TOOLS])


def question(query: str, *, os: str, shell: str) -> UserTurn:
    """Return the user turn for `query`; `os` and `shell` are the protocol's words (darwin, zsh)."""
    return UserTurn(f"OS: {os}, Shell: {shell}\nQuery: {query}")


def answer(primary: Sequence[str], related: Sequence[str], category: str, think: str = "") -> ModelTurn:
    """Return the model turn that recommends `primary`, best first."""
    arguments: dict[str, Value] = {PRIMARY: list(primary), RELATED: list(related), CATEGORY: category}
    return ModelTurn(think=think, calls=(Call(NAME, arguments),))
