"""A running daemon takes up changed files, and keeps the last good state of broken ones."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time

import pytest

from toolrecd import app as app_module
from toolrecd import lifecycle, ownership
from toolrecd.config import Paths
from toolrecd.errors import ToolrecError
from toolrecd.models import plan_for

DEADLINE_S = 15.0
TOOL = """
name = "frobnicate"
summary = "Frobnicate the local gizmos"
programs = ["frobnicate"]
categories = ["files"]
platforms = ["linux", "macos", "windows", "freebsd", "openbsd", "netbsd"]
standardness = "niche"
usage = 1

[[examples]]
task = "frobnicate a gizmo"
command = "frobnicate {file}"

[[examples]]
task = "frobnicate all gizmos"
command = "frobnicate --all"
"""


@pytest.fixture(autouse=True)
def without_model(monkeypatch):
    """No test here needs the model."""
    monkeypatch.setenv("TOOLREC_MODEL_ENABLED", "false")


@pytest.fixture
def config(daemon):
    """The configuration file of a daemon that runs; its folder exists."""
    file = daemon.home / ".config/toolrec/config.toml"
    file.parent.mkdir(parents=True)
    daemon.toolrecd("start", check=True)
    return file


def status(daemon) -> dict:
    """Return what the running daemon says of itself."""
    return json.loads(daemon.toolrecd("status", "--json", check=True).stdout)


def tools(daemon) -> set[str]:
    """Return the names in the daemon's knowledge base."""
    return {tool["name"] for tool in json.loads(daemon.toolrec("tools", "--json", check=True).stdout)["tools"]}


def first_tools(daemon, query: str) -> list[str]:
    """Return the names recommended for a query."""
    answer = json.loads(daemon.toolrec("suggest", "--json", query, check=True).stdout)
    return [tool["name"] for tool in answer["tools"]]


def wait_until(condition) -> None:
    """Wait for the daemon to notice something by itself."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_changed_configuration_takes_effect(daemon, config):
    """After `reload` a blocked tool is no longer recommended, and the reload says what changed."""
    blocked = first_tools(daemon, "compress a folder")[0]
    config.write_text(f"[suggest]\nblocked_tools = ['{blocked}']")
    reloaded = daemon.toolrecd("reload")
    assert (reloaded.returncode, reloaded.stderr) == (0, "")
    assert "configuration" in reloaded.stdout or status(daemon)["last_reload"]
    assert blocked not in first_tools(daemon, "compress a folder")


def test_a_broken_configuration_keeps_the_last_good_one(daemon, config):
    """`reload` exits 1 with file, key and value; the earlier settings stay, and mending it clears the problem."""
    blocked = first_tools(daemon, "compress a folder")[0]
    config.write_text(f"[suggest]\nblocked_tools = ['{blocked}']")
    daemon.toolrecd("reload", check=True)
    config.write_text("[suggest]\nthreshold = 7")
    broken = daemon.toolrecd("reload")
    said = f"configuration {config}: suggest.threshold is 7: Expected `float` <= 1.0; see docs/configuration.md"
    assert (broken.returncode, broken.stderr) == (1, f"toolrecd: {said}\n")
    assert blocked not in first_tools(daemon, "compress a folder")
    assert (status(daemon)["problems"], status(daemon)["last_error"]) == ([said], said)
    assert said in daemon.toolrecd("logs").stdout
    config.write_text("")
    assert daemon.toolrecd("reload").returncode == 0
    assert status(daemon)["problems"] == []
    assert blocked in first_tools(daemon, "compress a folder")


def test_a_tool_of_the_users_is_added_and_removed(daemon, config):
    """A file in the tools folder makes a tool that is listed and recommended; without the file it is gone."""
    file = config.parent / "tools" / "mine.toml"
    file.parent.mkdir()
    file.write_text(TOOL)
    assert daemon.toolrecd("reload").returncode == 0
    assert "frobnicate" in tools(daemon)
    assert first_tools(daemon, "frobnicate a gizmo")[0] == "frobnicate"
    file.unlink()
    assert daemon.toolrecd("reload").returncode == 0
    assert "frobnicate" not in tools(daemon)


def test_a_broken_tool_file_is_named_and_the_rest_loads(daemon, config):
    """File, field and reason stand in the reload's errors and in `status`; the good file beside it is used."""
    folder = config.parent / "tools"
    folder.mkdir()
    (folder / "good.toml").write_text(TOOL)
    (folder / "bad.toml").write_text(TOOL.replace('"frobnicate"', '"other"').replace("usage = 1", "usage = 'much'"))
    reloaded = daemon.toolrecd("reload")
    assert reloaded.returncode == 1
    assert f"{folder}/bad.toml:8: usage: " in reloaded.stderr
    assert "frobnicate" in tools(daemon)
    assert "other" not in tools(daemon)
    assert f"{folder}/bad.toml:8: usage: " in status(daemon)["problems"][0]
    assert "bad.toml:8: usage: " in daemon.toolrecd("status").stdout


def test_a_daemon_starts_on_broken_files_and_says_so(daemon):
    """A mistake in configuration or tools is a warning of `start`, never a reason not to run."""
    folder = daemon.home / ".config/toolrec"
    (folder / "tools").mkdir(parents=True)
    (folder / "config.toml").write_text("[suggest]\nthresold = 0.5")
    (folder / "tools" / "bad.toml").write_text("name = ")
    started = daemon.toolrecd("start")
    assert started.returncode == 0
    assert "unknown field `thresold`" in started.stderr
    assert "bad.toml" in started.stderr
    assert first_tools(daemon, "compress a folder")


def test_changed_files_are_noticed_without_being_told(daemon, config):
    """Configuration and tools are taken up by themselves."""
    config.write_text("[suggest]\nthreshold = 9")
    wait_until(lambda: status(daemon)["problems"])
    file = config.parent / "tools" / "mine.toml"
    file.parent.mkdir()
    file.write_text(TOOL)
    wait_until(lambda: "frobnicate" in tools(daemon))


def test_files_in_a_folder_made_later_are_noticed(daemon):
    """The daemon needs no configuration folder to start with, and notices it when it is made."""
    daemon.toolrecd("start", check=True)
    file = daemon.home / ".config/toolrec/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[suggest]\nthreshold = 9")
    wait_until(lambda: status(daemon)["problems"])


def test_a_hang_up_signal_reloads(daemon, config):
    """SIGHUP reads everything again and ends nothing."""
    pid = status(daemon)["pid"]
    os.kill(pid, signal.SIGHUP)
    wait_until(lambda: status(daemon)["last_reload"])
    assert status(daemon)["pid"] == pid


def test_reload_without_a_daemon_names_the_remedy(daemon):
    """Nothing runs: exit status 1 and the command that starts it."""
    done = daemon.toolrecd("reload")
    assert (done.returncode, done.stderr) == (1, "toolrecd: not running; start it with: toolrecd start\n")


def test_reload_of_a_daemon_of_another_protocol_tells_its_words(daemon, monkeypatch):
    """A refusal is passed on as the error it is."""
    from click.testing import CliRunner

    from toolrecd.cli import main

    reply = {"code": "unsupported_version", "message": "protocol version 1 is not 2"}
    monkeypatch.setattr(lifecycle, "ask", lambda *_, **__: reply)
    done = CliRunner().invoke(main, ["reload"])
    assert (done.exit_code, done.stderr) == (1, "toolrecd: protocol version 1 is not 2\n")


async def test_a_reload_whose_asker_hangs_up_is_finished(isolated_home, monkeypatch):
    """Cancelling the request does not leave half a reload behind."""
    folder = isolated_home / "c"
    folder.mkdir()
    app = app_module.App(Paths(folder, folder), ownership.Files(isolated_home / "d.sock"), "1")
    (folder / "config.toml").write_text("[suggest]\nthreshold = 0.9")
    asked = asyncio.create_task(app.reload())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait([asked])
    assert asked.cancelled()
    async with asyncio.timeout(DEADLINE_S):
        while not app.last_reload:  # noqa: ASYNC110  the daemon tells nobody
            await asyncio.sleep(0.01)
    assert app.service.config.suggest.threshold == app.state.config.suggest.threshold == 0.9


async def test_a_model_that_could_not_be_had_is_tried_again(isolated_home, monkeypatch):
    """The problem of an earlier reload is not forgotten by the next one, and goes when the model comes."""
    monkeypatch.delenv("TOOLREC_MODEL_ENABLED")
    folder = isolated_home / "c"
    folder.mkdir()
    app = app_module.App(Paths(folder, folder), ownership.Files(isolated_home / "d.sock"), "1")
    app.engine.state = "ready"
    outcomes = ["model x is not there", "model x is not there", ""]

    async def replace(plan: object) -> str:
        return outcomes.pop(0)

    monkeypatch.setattr(app.engine, "replace", replace)
    (folder / "config.toml").write_text("[model]\npath = '/nowhere/x.gguf'")
    assert (await app.reload())[1] == ["model x is not there"]
    assert await app.reload() == ([], ["model x is not there"])
    assert await app.reload() == ([], [])


async def test_a_model_that_cannot_be_had_names_its_key(isolated_home):
    """The plan for a missing model file raises an error with path, key and remedy."""
    folder = isolated_home / "c"
    folder.mkdir()
    (folder / "config.toml").write_text("[model]\npath = '/nowhere/x.gguf'")
    app = app_module.App(Paths(folder, folder), ownership.Files(isolated_home / "d.sock"), "1")
    with pytest.raises(ToolrecError, match=r"model /nowhere/x.gguf \(model.path\) is not there; name an existing"):
        plan_for(app.state.config, app.paths, app.state.knowledge).choose()
