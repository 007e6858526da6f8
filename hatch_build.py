"""Ships the knowledge base compiled into one file: a thousand small TOML files would be slow to read at start."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILED = "toolrec_kb/compiled.msgpack"


class CompileKnowledgeBase(BuildHookInterface[Any]):
    """Adds `toolrec_kb/compiled.msgpack` to a wheel; an editable installation reads kb/toolrec_kb/data itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into a temporary folder, so that the checkout stays as it is; a broken entry ends the build."""
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root, "kb")))
        from toolrec_kb import compile

        self._folder = tempfile.TemporaryDirectory(prefix="toolrec-kb-")
        target = Path(self._folder.name, Path(COMPILED).name)
        compile.write(target)
        build_data["force_include"][str(target)] = COMPILED

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what `initialize` made."""
        if version != "editable":
            self._folder.cleanup()
