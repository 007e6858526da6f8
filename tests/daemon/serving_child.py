"""Puts a recipe of the test's own into the process that makes serving models: quick, and it may fail in any way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from toolrecd.engine import serving

_SCRIPT = """#!{python} -I
import errno, os, signal, sys, time
from pathlib import Path
from toolrecd.engine import build, serving

def make(base, out, adapter, progress):
    with open({log!r}, "a") as log:
        log.write(out.name + "\\n")
    progress("making", 0.5)
    whole = b"made of " + base.read_bytes() + (adapter.read_bytes() if adapter else b"")
{recipe}

build.build = make
sys.argv = sys.argv[3:]
serving.main()
"""
MAKES = "    out.write_bytes(whole)"
DIES_HALFWAY = "    out.write_bytes(whole[:9])\n    os.kill(os.getpid(), signal.SIGKILL)"
DISK_IS_FULL = "    out.write_bytes(whole[:9])\n    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))"
HITS_A_LIMIT = (
    "    import resource\n    resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9))\n    out.write_bytes(whole * 100)"
)
TAKES_LONG = "    time.sleep(0.5)\n    out.write_bytes(whole)"
CRASHES = "    raise ZeroDivisionError('what is this')"
IS_REFUSED = "    from toolrecd.engine.gguf import GgufError\n    raise GgufError(f'{base} is a llama model')"


class Child:
    """The process that makes models, with a recipe that can be changed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._script, self._log, self._python = folder / "child", folder / "makes", sys.executable
        monkeypatch.setattr(serving.sys, "executable", str(self._script))
        self.does(MAKES)

    def does(self, recipe: str) -> None:
        """Set the recipe."""
        self._script.write_text(_SCRIPT.format(python=self._python, log=str(self._log), recipe=recipe))
        self._script.chmod(0o755)

    @property
    def makes(self) -> int:
        """How often a model was made, or begun."""
        return len(self._log.read_text().splitlines()) if self._log.exists() else 0
