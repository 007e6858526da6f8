"""Finds the integration text of a shell. It reads the shell folder's files and knows nothing of them.

What the configuration says under [shell] goes before the text, as defaults of the TOOLREC_* variables:
a shell that starts has no time to read TOML.
"""

import os
import sys

from toolrec_client import wire

FILES = {
    "zsh": "toolrec.zsh",
    "bash": "toolrec.bash",
    "fish": "toolrec.fish",
    "powershell": "toolrec.ps1",
    "pwsh": "toolrec.ps1",
}

VARIABLES = {
    "trigger": "TOOLREC_TRIGGER",
    "accept_key": "TOOLREC_ACCEPT_KEY",
    "list_key": "TOOLREC_LIST_KEY",
    "highlight": "TOOLREC_HIGHLIGHT",
    "history": "TOOLREC_HISTORY",
    "enabled": "TOOLREC_OFF",
}
REMOVE = {
    "zsh": "(( ! ${+functions[__toolrec_uninit]} )) || __toolrec_uninit",
    "bash": "! declare -F __toolrec_uninit >/dev/null || __toolrec_uninit",
    "fish": "if functions -q __toolrec_uninit; __toolrec_uninit; end",
    "powershell": "if (Test-Path Function:__toolrec_uninit) { __toolrec_uninit }",
}


def hook(shell):
    """Return the integration for `shell`, the configuration's settings before it.

    Raises:
        wire.ToolrecError: there is none for it, or the installation is incomplete.
    """
    text = _text(shell)
    return "\n".join([*(_default(shell, *setting) for setting in _settings()), text])


def unhook(shell):
    """Return what a running shell evaluates to be rid of the integration.

    Raises:
        wire.ToolrecError: there is none for that shell.
    """
    _check(shell)
    return REMOVE["powershell" if shell == "pwsh" else shell]


def config_file():
    """Return the path of the daemon's configuration file, found as the daemon finds it."""
    folder = wire.env("TOOLREC_CONFIG_DIR")
    if not folder and sys.platform == "darwin":
        folder = wire.home() + "/Library/Application Support/toolrec"
    return (folder or (wire.env("XDG_CONFIG_HOME") or wire.home() + "/.config") + "/toolrec") + "/config.toml"


def _check(shell):
    if shell not in FILES:
        raise wire.ToolrecError(f"no integration for {shell!r}; there is one for zsh, bash, fish and powershell")


def _settings():
    """Return the [shell] section as names and values of variables; of a faulty file, say so and return none."""
    import tomllib

    path = config_file()
    try:
        with open(path, "rb") as file:
            section = tomllib.load(file).get("shell", {})
        return [_setting(key, section[key]) for key in VARIABLES if key in section]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, AttributeError, TypeError) as error:
        # A shell that starts should rather have the integration with its defaults than none.
        sys.stderr.write(f"toolrec: configuration {path}: {error}; the shell's defaults are used\n")
        return []


def _setting(key, value):
    if not isinstance(value, bool if key in ("enabled", "history") else str):
        raise ValueError(f"shell.{key} is {value!r}")
    if key == "enabled":
        return VARIABLES[key], "" if value else "1"
    if key == "history":
        return VARIABLES[key], "1" if value else ""
    if any(ord(character) < 32 or ord(character) == 127 for character in str(value)):
        raise ValueError(f"shell.{key} holds a control character")
    return VARIABLES[key], value


def _default(shell, name, value):
    """Return the line that gives a variable its value where the user has set none."""
    if shell == "fish":
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -q {name}; or set -g {name} '{quoted}'"
    if shell in ("powershell", "pwsh"):
        quoted = value.replace("'", "''")
        return f"if ($null -eq $env:{name}) {{ $env:{name} = '{quoted}' }}"
    quoted = value.replace("'", "'\\''")
    return f"[ -n \"${{{name}+set}}\" ] || {name}='{quoted}'"


def _text(shell):
    """Return the file of a shell.

    Raises:
        wire.ToolrecError: there is none for it, or the installation is incomplete.
    """
    _check(shell)
    # Beside this package in an installation; two folders up in a checkout.
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in ("../toolrec_shell", "../../shell/toolrec_shell"):
        path = os.path.join(here, folder, FILES[shell])
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                return file.read().rstrip("\n")
    raise wire.ToolrecError(f"{FILES[shell]} is missing from this installation; install toolrec again")
