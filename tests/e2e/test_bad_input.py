"""Bad input to a real daemon: one clear error, nothing lost, and the next question is answered."""

from __future__ import annotations

import json
import os
import socket
import time

import msgspec
import pytest

from tests.daemon.engine_files import write_adapter
from toolrecd.engine import basemodel
from toolrecd.errors import ToolrecError

SECRET = "xylophone"
DEADLINE_S = 30.0


@pytest.fixture
def quick_daemon(daemon, monkeypatch):
    """A real daemon that runs without the model."""
    monkeypatch.setenv("TOOLREC_MODEL_ENABLED", "false")
    daemon.toolrecd("start", check=True)
    return daemon


def send(daemon, data: bytes, *, hang_up: bool = False) -> dict:
    """Send raw bytes on a connection of their own and return the reply."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(daemon.socket))
        connection.sendall(data)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        head = connection.recv(4, socket.MSG_WAITALL)
        return msgspec.msgpack.decode(connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))


def frame(**fields: object) -> bytes:
    """Return a request as a frame."""
    payload = msgspec.msgpack.encode({"v": 1, "id": 3, **fields})
    return len(payload).to_bytes(4, "big") + payload


def answered(daemon) -> bool:
    """Return whether the daemon recommends a tool, and is the one that was started."""
    done = daemon.toolrec("suggest", "--json", "find all python files", TOOLREC_NO_START="1")
    assert done.returncode == 0, done.stderr
    return bool(json.loads(done.stdout)["tools"])


def status(daemon) -> dict:
    """Return what the daemon says of itself."""
    return json.loads(daemon.toolrecd("status", "--json", check=True).stdout)


BAD = {
    "malformed": (b"\0\0\0\x04\xc1\xc1\xc1\xc1", "malformed", "not msgpack"),
    "oversized": ((1 << 21).to_bytes(4, "big") + SECRET.encode(), "frame_too_large", "send less"),
    "half-sent": (b"\0\0\0\x40" + SECRET.encode(), "incomplete_frame", "send it whole"),
    "unknown operation": (frame(op="launch"), "unknown_operation", "no operation 'launch'; there are suggest"),
    "wrong version": (frame(v=9, op="status"), "unsupported_version", "version 9 is not 1; install client and daemon"),
    "1 MB query": (frame(op="suggest", query=(SECRET * 112_000)[:1_000_000]), "query_too_long", "say it shorter"),
    "binary query": (frame(op="suggest", query=f"{SECRET}\0\x01\x02"), "query_not_text", "send plain text"),
    "query of bytes": (frame(op="suggest", query=SECRET.encode() + b"\xff"), "invalid", "Expected `str`, got `bytes`"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_request_is_refused_and_the_daemon_goes_on(quick_daemon, case):
    """The reply names what is wrong and the remedy; the process is the same and answers the next question."""
    data, code, words = BAD[case]
    pid = status(quick_daemon)["pid"]
    reply = send(quick_daemon, data, hang_up=case == "half-sent")
    assert (reply["code"], reply["final"]) == (code, True)
    assert words in reply["message"]
    assert answered(quick_daemon)
    found = status(quick_daemon)
    assert (found["pid"], found["errors"]) == (pid, {code: 1})


def test_the_client_refuses_or_passes_on_what_cannot_be_asked(quick_daemon):
    """A long or binary query gets one line of error and exit status 1, in --stdin for its own line only."""
    for query, said in (("x" * 100_000, "over the limit of 2000"), ("find\x01files", "control character")):
        done = quick_daemon.toolrec("suggest", query)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith("toolrec: query ")
        assert said in done.stderr
    done = quick_daemon.toolrec("suggest", "--stdin", stdin="x" * 3_000_000 + "\ncompress a folder\n")
    refused, good = map(json.loads, done.stdout.splitlines())
    assert "over the limit" in refused["error"]
    assert good["tools"]
    assert done.returncode == 1


def test_the_log_holds_nothing_that_was_typed(quick_daemon):
    """After good and bad questions of every kind no word of them is in any file that the daemon wrote."""
    for data, *_ in BAD.values():
        send(quick_daemon, data, hang_up=True)
    for words in (["suggest", SECRET], ["explain", f"find {SECRET} files"], ["resolve", SECRET]):
        quick_daemon.toolrec(*words)
    quick_daemon.toolrec("suggest", "--stdin", stdin=f"{SECRET}\n{SECRET}\0\n")
    assert SECRET not in json.dumps(status(quick_daemon))
    quick_daemon.toolrecd("stop", check=True)
    written = [file for file in quick_daemon.home.rglob("*") if file.is_file()]
    assert quick_daemon.socket.with_suffix(".log") in written
    assert [file for file in written if SECRET.encode() in file.read_bytes()] == []


def test_what_was_typed_is_logged_where_the_user_wants_it(daemon):
    """With log.queries the question is in the log: the test above can fail."""
    daemon.toolrecd("start", check=True, TOOLREC_MODEL_ENABLED="false", TOOLREC_LOG_QUERIES="yes")
    daemon.toolrec("suggest", SECRET)
    assert f"ask: '{SECRET}'" in daemon.toolrecd("logs").stdout


def model_problem(daemon) -> str:
    """Return why the model does not serve, as soon as the daemon knows."""
    deadline = time.monotonic() + DEADLINE_S
    while not (problem := status(daemon)["model"]["problem"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return problem


def test_a_missing_model_leaves_the_shortlist(daemon):
    """A model.path that names nothing is told by `status`, and questions are answered by word search."""
    daemon.toolrecd("start", check=True, TOOLREC_MODEL_PATH="/nowhere/model.gguf")
    assert "/nowhere/model.gguf (model.path) is not there; name an existing GGUF file" in model_problem(daemon)
    assert answered(daemon)
    found = json.loads(daemon.toolrec("suggest", "--json", "compress a folder").stdout)
    assert found["stage"] == "shortlist"


@pytest.mark.parametrize("length", [10, 100_000])
def test_a_truncated_model_leaves_the_shortlist(daemon, model_file, length):
    """A model file that ends within or right after its first bytes is named, and nothing crashes."""
    cut = daemon.home / "cut.gguf"
    with model_file.open("rb") as whole:
        cut.write_bytes(whole.read(length))
    daemon.toolrecd("start", check=True, TOOLREC_MODEL_PATH=str(cut))
    problem = model_problem(daemon)
    assert str(cut) in problem
    assert "too short" in problem or "is cut short" in problem
    assert answered(daemon)


def test_an_adapter_of_another_architecture_is_refused(daemon, model_file):
    """The model serves without the adapter, and `status` says what it was made for."""
    adapter = write_adapter(daemon.home / "llama.gguf", architecture="llama")
    daemon.toolrecd("start", check=True, TOOLREC_MODEL_ADAPTER=str(adapter))
    problem = model_problem(daemon)
    assert "made for the architecture 'llama', and the model is 'gemma3'" in problem
    found = status(daemon)["model"]
    assert (found["state"], found["adapter"]) == ("ready", None)
    answer = json.loads(daemon.toolrec("suggest", "--json", "find all python files", check=True).stdout)
    assert answer["stage"] == "model"


def test_an_unwritable_cache_leaves_the_shortlist(daemon):
    """A cache below a regular file cannot be made: place and remedy are named, questions are answered."""
    (daemon.home / "file").write_text("")
    daemon.toolrecd("start", check=True, TOOLREC_CACHE_DIR=str(daemon.home / "file/cache"))
    problem = model_problem(daemon)
    assert f"cannot write the model to {daemon.home}/file/cache/models: Not a directory" in problem
    assert "set TOOLREC_CACHE_DIR to another place" in problem
    assert answered(daemon)


def test_a_full_cache_is_named_and_leaves_no_half_a_file(isolated_home, monkeypatch):
    """When the disk is full while the model is written, the error says how much it needs, and nothing is left."""
    real = os.fdopen

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, block):
            if self.file.tell() > 3 << 20:
                raise OSError(28, "No space left on device")
            self.file.write(block)

    monkeypatch.setattr(basemodel.os, "fdopen", lambda handle, mode: Full(real(handle, mode)))
    cache = isolated_home / "cache"
    with pytest.raises(ToolrecError, match="No space left on device; it needs 253 MB there; set TOOLREC_CACHE_DIR"):
        basemodel.base_model(cache)
    assert [file for file in cache.rglob("*") if file.is_file() and file.stat().st_size] == []


def test_a_broken_configuration_at_the_start_is_told_and_survived(daemon, monkeypatch):
    """The daemon starts on the defaults; `start` and `status` name file, key, value and remedy."""
    monkeypatch.setenv("TOOLREC_MODEL_ENABLED", "false")
    file = daemon.home / ".config/toolrec/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[suggest]\nthreshold = 'high'")
    started = daemon.toolrecd("start")
    said = f"configuration {file}: suggest.threshold is 'high': Expected `float`, got `str`; see docs/configuration.md"
    assert (started.returncode, started.stderr) == (0, f"toolrecd: warning: {said}\n")
    assert status(daemon)["problems"] == [said]
    assert answered(daemon)
