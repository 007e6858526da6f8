"""The JSON Schema that editors check tool files with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from toolrec_kb import __main__ as command
from toolrec_kb.schema import MANAGERS, Tool


@pytest.fixture
def schema() -> dict[str, Any]:
    """The shipped schema's definitions."""
    definitions: dict[str, Any] = json.loads(command.SCHEMA_FILE.read_text(encoding="utf-8"))["$defs"]
    return definitions


def test_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped schema is the one that the Structs give today."""
    assert command.main(["schema", "--check"]) == 0, capsys.readouterr().out


def test_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A stale or missing schema is reported with the command that makes it, which then makes it."""
    target = tmp_path / "tool.schema.json"
    monkeypatch.setattr(command, "SCHEMA_FILE", target)
    assert command.main(["schema", "--check"]) == 1
    target.write_text("{}")
    assert command.main(["schema", "--check"]) == 1
    assert target.read_text() == "{}"
    assert capsys.readouterr().out.count("run: python -m toolrec_kb schema\n") == 2
    assert command.main(["schema"]) == 0
    assert command.main(["schema", "--check"]) == 0


def test_fields(schema: dict[str, Any]) -> None:
    """The schema knows every field, refuses others and asks for the same ones as the Struct."""
    tool = schema["Tool"]
    assert set(tool["properties"]) == set(Tool.__struct_fields__)
    assert tool["additionalProperties"] is False
    assert schema["Example"]["additionalProperties"] is False
    assert set(tool["required"]) == {
        "name", "summary", "programs", "categories", "platforms", "standardness", "usage", "examples"
    }  # fmt: skip


def test_managers(schema: dict[str, Any]) -> None:
    """An editor can offer each manager's name."""
    assert set(schema["Tool"]["properties"]["install"]["propertyNames"]["enum"]) == set(MANAGERS)


def test_patterns(schema: dict[str, Any]) -> None:
    """Its patterns keep to what other languages' regular expressions know: no \\A, \\Z or named groups."""
    patterns = re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', json.dumps(schema))
    assert len(patterns) >= 8
    assert not [pattern for pattern in patterns if re.search(r"\\\\[AZ]|\(\?P", pattern)]
