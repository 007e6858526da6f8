"""What `toolrec suggest` loads: start-up time is the client's reason to be as it is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import FakeDaemon


def test_hot_path_imports_nothing_from_disk_but_itself(fake: FakeDaemon, launch: Callable[[str], Path]) -> None:
    """`suggest` loads its own modules and what is built into the interpreter, and nothing else."""
    launcher = launch("toolrec_client.cli")
    text = launcher.read_text().replace("from toolrec", "before = set(sys.modules)\nfrom toolrec")
    listed = "main()\nprint(*set(sys.modules) - before, file=sys.stderr)"
    launcher.write_text(text.replace("raise SystemExit(main())", listed))
    done = subprocess.run([launcher, "suggest", "--json", "x"], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert {name for name in loaded if not name.startswith("toolrec_client")} == {"_socket"}
    assert "toolrec_client.rpc" in loaded
    assert "toolrec_client.starter" not in loaded
