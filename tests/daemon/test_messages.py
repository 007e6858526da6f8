"""Requests are decoded strictly where it matters and leniently where a newer client may say more."""

from __future__ import annotations

import msgspec
import pytest

from toolrecd import messages
from toolrecd.errors import RequestError


def payload(**fields: object) -> bytes:
    """Return a request's bytes."""
    return msgspec.msgpack.encode({"v": 1, "id": 1, **fields})


def test_a_field_of_a_newer_client_is_ignored():
    """An unknown field is no error: the rest of the request counts."""
    request = messages.decode(payload(op="suggest", query="find files", mood="urgent"), version=1)
    assert request == messages.Suggest(v=1, id=1, query="find files")


@pytest.mark.parametrize(("number", "read"), [(0, 0), (-5, -5), (2**64 - 1, 2**64 - 1), (True, 0), ("x", 0), (None, 0)])
def test_an_id_is_read_as_far_as_it_is_a_number(number, read):
    """Whatever stands in its place, a request can be answered."""
    assert messages.request_id(msgspec.msgpack.encode({"id": number})) == read


@pytest.mark.parametrize("query", ["", " ", "wo sind große Dateien?", "a\tb\nc", "\u200d\U0001f600", "a" * 2000])
def test_any_text_of_bearable_length_is_a_query(query):
    """Empty, in any script, over several lines and up to the limit."""
    messages.check_query(query)


@pytest.mark.parametrize(
    ("query", "code"), [("a" * 2001, "query_too_long"), ("a\x1b[2J", "query_not_text"), ("\x7f", "query_not_text")]
)
def test_other_queries_are_refused(query, code):
    """One character too many and control characters have their own codes."""
    with pytest.raises(RequestError) as refused:
        messages.check_query(query)
    assert refused.value.code == code


@pytest.mark.parametrize("kind", [messages.Suggest, messages.Resolve, messages.Tools, messages.Status, messages.Reload])
def test_every_request_survives_the_wire(kind):
    """A request encoded from its Struct is decoded to the same."""
    fields = {"query": "q"} if kind is messages.Suggest else {"name": "n"} if kind is messages.Resolve else {}
    request = kind(v=1, id=4, **fields)
    assert messages.decode(msgspec.msgpack.encode(request), version=1) == request
