"""The rule about the tools that an entry names."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from toolrec_kb.load import Source
from toolrec_kb.rules import Base, relations

MakeSource = Callable[..., Source]
FIELDS = ("alternative_to", "replaces", "piped_with")


def test_clean(make_source: MakeSource, base: Base) -> None:
    """Names of other tools in the knowledge base are in order."""
    source = make_source("fd", alternative_to=["find"], replaces=["find"], piped_with=["rg"])
    assert list(relations.check(source, base)) == []


@pytest.mark.parametrize("field", FIELDS)
def test_unknown_tool(make_source: MakeSource, base: Base, field: str) -> None:
    """A name that no entry has is reported, in each of the fields."""
    (problem,) = relations.check(make_source("fd", **{field: ["find", "fimd"]}), base)
    assert (problem.file, problem.field) == ("data/search/fd.toml", field)
    assert problem.reason == "'fimd' is not in the knowledge base"


@pytest.mark.parametrize("field", FIELDS)
def test_itself(make_source: MakeSource, base: Base, field: str) -> None:
    """An entry that names itself is reported."""
    (problem,) = relations.check(make_source("fd", **{field: ["fd"]}), base)
    assert (problem.field, problem.reason) == (field, "names the tool itself")
