"""The recorded messages bind the client's msgpack, msgspec, the daemon's messages and docs/protocol.md."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from toolrec_client import msgpack, wire
from toolrecd import messages

TESTS = Path(__file__).parent.parent
GOLDEN = TESTS / "golden"
PROTOCOL = TESTS.parent / "docs" / "protocol.md"


def load_recorder() -> ModuleType:
    """Return the generator of the recorded files as a module."""
    spec = importlib.util.spec_from_file_location("record_wire", GOLDEN / "record_wire.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RECORDER = load_recorder()


def recorded(name: str) -> bytes:
    """Return the payload of a recorded message; its frame header must say how long it is."""
    content = (GOLDEN / "wire" / f"{name}.bin").read_bytes()
    assert int.from_bytes(content[:4], "big") == len(content) - 4 <= wire.MAX_FRAME_BYTES
    return content[4:]


def test_files_are_what_the_generator_writes() -> None:
    """Every recorded file is what its generator would write today, and there is no other."""
    found = {path.name: path.read_bytes() for path in (GOLDEN / "wire").iterdir()}
    assert found == RECORDER.record()


@pytest.mark.parametrize("name", RECORDER.REQUESTS)
def test_client_packs_requests_as_recorded(name: str) -> None:
    """The client's msgpack writes each request byte for byte as it is recorded, as msgspec does."""
    message = RECORDER.REQUESTS[name]
    assert msgpack.pack(message) == recorded(name) == msgspec.msgpack.encode(message)


@pytest.mark.parametrize("name", RECORDER.REQUESTS)
def test_daemon_reads_requests(name: str) -> None:
    """The daemon reads each recorded request with all its fields, defaults where it has none."""
    message = RECORDER.REQUESTS[name]
    request = messages.decode(recorded(name), version=1)
    assert request.__struct_config__.tag == message["op"]
    assert {key: getattr(request, key) for key in message if key != "op"} == {
        key: value for key, value in message.items() if key != "op"
    }


@pytest.mark.parametrize("name", RECORDER.REPLIES)
def test_daemon_writes_replies_as_recorded(name: str) -> None:
    """The daemon writes each reply byte for byte as it is recorded, and it reads back as the same."""
    reply = RECORDER.REPLIES[name]
    assert messages.encode(reply) == recorded(name)
    assert msgspec.msgpack.decode(recorded(name), type=type(reply)) == reply


@pytest.mark.parametrize("name", [*RECORDER.REPLIES, *RECORDER.REQUESTS])
def test_client_unpacks_messages_as_msgspec_does(name: str) -> None:
    """The client's msgpack reads each recorded message as msgspec reads it."""
    assert msgpack.unpack(recorded(name)) == msgspec.msgpack.decode(recorded(name))


def test_every_kind_of_message_is_recorded() -> None:
    """There is a recorded request for every operation and a recorded reply of every kind."""
    operations = {kind.__struct_config__.tag for kind in messages.Request.__subclasses__()}
    assert {message["op"] for message in RECORDER.REQUESTS.values()} == operations
    assert {type(reply) for reply in RECORDER.REPLIES.values()} == set(messages.Reply.__subclasses__())


def test_example_in_the_specification_is_the_recorded_one() -> None:
    """Each message in hexadecimal in docs/protocol.md is the file named above it."""
    text = PROTOCOL.read_text(encoding="utf-8")
    examples = re.findall(r"`tests/golden/wire/(\w+)\.bin`:\n\n```hex\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in examples] == ["request_suggest_typing", "reply_hint_final"]
    for name, digits in examples:
        assert bytes.fromhex(digits) == (GOLDEN / "wire" / f"{name}.bin").read_bytes()


def fields_of(struct: type[msgspec.Struct], common: set[str]) -> set[str]:
    """Return a Struct's field names beyond the common ones."""
    return {field.name for field in msgspec.structs.fields(struct)} - common


def test_specification_names_every_field_and_operation() -> None:
    """docs/protocol.md names every operation and every field of every request and reply."""
    named = set(re.findall(r"`(\w+)`", PROTOCOL.read_text(encoding="utf-8")))
    kinds = [*messages.Request.__subclasses__(), *messages.Reply.__subclasses__()]
    kinds += [messages.Request, messages.Reply, messages.ToolHint, messages.ToolEntry]
    wanted = {name for kind in kinds for name in fields_of(kind, set())}
    wanted |= {str(kind.__struct_config__.tag) for kind in messages.Request.__subclasses__()}
    assert wanted <= named


def test_specification_names_every_error_code() -> None:
    """docs/protocol.md's table of errors holds exactly the codes that the daemon's sources use."""
    table = PROTOCOL.read_text(encoding="utf-8").split("## Errors")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    sources = "".join(path.read_text() for path in (TESTS.parent / "daemon/toolrecd").rglob("*.py"))
    raised = set(re.findall(r'RequestError\(\s*"(\w+)"', sources))
    assert listed == raised | {"failed", "internal"}
    assert "superseded" in listed
