"""Makes replies of rankings: the full answer, and the flat strings a prompt shows."""

from __future__ import annotations

import re
import time
from typing import Final

from toolrecd import messages
from toolrecd.messages import Hint, Suggestion, ToolHint
from toolrecd.recommend import Draft, Recommender

# Other plugins accept any ghost text into the line; so it holds nothing that a shell would act on.
_SHELL_ACTIVE: Final = re.compile(r"[`$\\|&;<>(){}\[\]*?!~#'\"^%=\x00-\x1f\x7f-\x9f]")
HINT_CHARS: Final = 100


class Renderer:
    """Renders the answers to one request."""

    def __init__(self, recommender: Recommender, request: messages.Suggest, started: float, threshold: float) -> None:
        self._recommender, self._request = recommender, request
        self._started, self._threshold = started, threshold

    def answer(self, draft: Draft, stage: messages.Stage, *, final: bool, note: str = "") -> Suggestion | Hint:
        """Return the reply in the form that the request's mode wants."""
        if self._request.mode == "typing":
            return self._hint(draft, stage, final)
        is_task, confidence = self._recommender.confidence(draft)
        return Suggestion(
            id=self._request.id,
            final=final,
            stage=stage,
            query=self._request.query,
            is_task=is_task,
            confidence=confidence,
            task_category=draft.category,
            tools=self._recommender.hints(draft, self._request.limit),
            related=self._recommender.related(draft, self._request.limit),
            note=note,
            latency_ms=self._elapsed_ms(),
        )

    def _hint(self, draft: Draft, stage: messages.Stage, final: bool) -> Hint:
        _, confidence = self._recommender.confidence(draft)
        tools = self._recommender.hints(draft, 1) if confidence >= self._threshold else []
        tool = tools[0] if tools else None
        return Hint(
            id=self._request.id,
            final=final,
            stage=stage,
            hint=inert(f"{tool.name}: {_state(tool)}. {tool.summary}") if tool else "",
            insert=tool.example if tool else "",
            below=_below(tool) if tool else "",
            confidence=confidence,
            latency_ms=self._elapsed_ms(),
        )

    def _elapsed_ms(self) -> float:
        return round((time.perf_counter() - self._started) * 1e3, 3)


def inert(text: str) -> str:
    """Return `text` with everything left out that a shell would act on, cut to one line's length."""
    return " ".join(_SHELL_ACTIVE.sub(" ", text).split())[:HINT_CHARS].rstrip()


def _state(tool: ToolHint) -> str:
    if tool.installed:
        return "installed"
    return tool.install or ("not installed" if tool.installed is False else "comes with the system")


def _below(tool: ToolHint) -> str:
    return tool.example + (f"   (careful: {tool.caution})" if tool.caution else "")
