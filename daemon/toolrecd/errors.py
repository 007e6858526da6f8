"""What can go wrong in ways a person has to be told; caught once, in `cli`, or answered by `server`."""

from __future__ import annotations


class ToolrecError(Exception):
    """A message for people: lower case, names the value and the remedy."""


class RequestError(ToolrecError):
    """A request that cannot be served; `code` is the protocol's word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class EngineUnavailable(ToolrecError):
    """The model cannot answer now; the shortlist can."""
