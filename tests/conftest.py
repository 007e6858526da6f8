"""What every test stands on: an isolated home, and real daemons on the real model where a test asks for one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from toolrecd.engine.basemodel import FILE_NAME, base_model

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache" / "toolrec"  # git ignores it; the model is put together there once a checkout
REFERENCE = ROOT.parent / "shared" / "reference"  # facts to check against, where they are at hand


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Turn a skip into a failure where everything is meant to be there: under CI."""
    report = (yield).get_result()
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI skips nothing: {report.longrepr[-1]}"


@pytest.fixture(autouse=True)
def isolated_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give each test a home of its own, in a directory short enough for a socket's path."""
    home = Path(tempfile.mkdtemp(prefix="tr-", dir="/tmp"))
    for name in [name for name in os.environ if name.startswith(("TOOLREC_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TOOLREC_CACHE_DIR", str(CACHE))
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def model_file() -> Path:
    """The real base model, put together from its package the first time."""
    return base_model(CACHE)


class Daemon:
    """A real daemon in a home of its own, driven through its commands."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.socket = home / ".local/state/toolrec/toolrecd.sock"

    def toolrecd(self, *words: str, check: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `toolrecd` with `words`; more environment variables by name."""
        return self._run([sys.executable, "-I", "-m", "toolrecd", *words], check, environment)

    def toolrec(
        self, *words: str, check: bool = False, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the client with `words`."""
        return self._run([sys.executable, "-I", "-m", "toolrec_client.cli", *words], check, environment, stdin)

    def _run(
        self, command: list[str], check: bool, environment: dict[str, str], stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            check=check,
            capture_output=True,
            text=True,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            timeout=90,
            env={**os.environ, "HOME": str(self.home), **environment},
        )


@pytest.fixture
def daemon(isolated_home: Path) -> Iterator[Daemon]:
    """A daemon that is not started yet; whatever runs at the end is stopped. No model: see `model_daemon`."""
    made = Daemon(isolated_home)
    yield made
    made.toolrecd("stop")


@pytest.fixture
def model_daemon(daemon: Daemon, model_file: Path) -> Daemon:
    """A daemon started on the real model."""
    daemon.toolrecd("start", check=True)
    return daemon


@pytest.fixture(scope="session")
def shared_daemon(model_file: Path) -> Iterator[Daemon]:
    """One daemon on the real model for all tests that only ask it questions."""
    home = Path(tempfile.mkdtemp(prefix="tr-", dir="/tmp"))
    made = Daemon(home)
    environment = {"TOOLREC_CACHE_DIR": str(CACHE)}
    made.toolrecd("start", check=True, **environment)
    yield made
    made.toolrecd("stop", **environment)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that writes a text file below the test's folder and returns its path."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


__all__ = ["CACHE", "FILE_NAME", "REFERENCE", "ROOT", "Daemon"]
