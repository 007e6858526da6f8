"""llama-cpp-python's low-level functions, without the rest of its package.

The package's own import brings its chat formats, jinja2 and a server's parts along: a third of the time from the
worker's start to its first answer, and megabytes that stay. Its low-level module needs none of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from typing import Any

_PACKAGE = "llama_cpp"


def _low_level() -> Any:
    if _PACKAGE not in sys.modules:
        found = importlib.util.find_spec(_PACKAGE)
        if found is None or found.submodule_search_locations is None:
            raise ModuleNotFoundError("No module named 'llama_cpp'; run install.sh again", name=_PACKAGE)
        bare = types.ModuleType(_PACKAGE)
        bare.__path__ = list(found.submodule_search_locations)
        bare.__spec__ = found
        sys.modules[_PACKAGE] = bare
    return importlib.import_module(f"{_PACKAGE}.llama_cpp")


ll: Any = _low_level()
