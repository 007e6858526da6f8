"""Finds the integration text of a shell. It reads the shell folder's files and knows nothing of them."""

import os

from toolrec_client import wire

FILES = {
    "zsh": "toolrec.zsh",
    "bash": "toolrec.bash",
    "fish": "toolrec.fish",
    "powershell": "toolrec.ps1",
    "pwsh": "toolrec.ps1",
}


def hook(shell):
    """Return the integration for `shell`.

    Raises:
        wire.ToolrecError: there is none for it, or the installation is incomplete.
    """
    if shell not in FILES:
        raise wire.ToolrecError(f"no integration for {shell!r}; there is one for zsh, bash, fish and powershell")
    # Beside this package in an installation; two folders up in a checkout.
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in ("../toolrec_shell", "../../shell/toolrec_shell"):
        path = os.path.join(here, folder, FILES[shell])
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                return file.read().rstrip("\n")
    raise wire.ToolrecError(f"{FILES[shell]} is missing from this installation; install toolrec again")
