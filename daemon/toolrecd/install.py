"""How to get a tool on a machine: the command a person would type, and the name typed after it.

Commands come without sudo: whether it is needed, and what it is called, is the person's to know.
Nothing here runs anything.
"""

from __future__ import annotations

from toolrec_kb.schema import Manager, Tool
from toolrecd.context import Machine

COMMANDS: dict[Manager, str] = {
    "apt": "apt install {}",
    "dnf": "dnf install {}",
    "pacman": "pacman -S {}",
    "zypper": "zypper install {}",
    "apk": "apk add {}",
    "xbps": "xbps-install {}",
    "nix": "nix profile install nixpkgs#{}",
    "brew": "brew install {}",
    "brew_cask": "brew install --cask {}",
    "macports": "port install {}",
    "pkg": "pkg install {}",
    "pkg_add": "pkg_add {}",
    "pkgin": "pkgin install {}",
    "winget": "winget install {}",
    "scoop": "scoop install {}",
    "choco": "choco install {}",
    "pipx": "pipx install {}",
    "npm": "npm install -g {}",
    "cargo": "cargo install {}",
    "go": "go install {}",
}


def install_command(tool: Tool, machine: Machine) -> str | None:
    """Return the command that installs the tool there; None where no package is known or it does not run there."""
    manager = _manager(tool, machine)
    if manager is None:
        return None
    package = tool.install[manager]
    if manager == "go" and "@" not in package:
        package += "@latest"  # outside a module, go refuses a package without a version
    return COMMANDS[manager].format(package)


def program_after_install(tool: Tool, machine: Machine) -> str:
    """Return what is typed once `install_command` was run."""
    usual = tool.programs[0]
    manager = _manager(tool, machine)
    return usual if manager is None else tool.program_names.get(manager, {}).get(usual, usual)


def _manager(tool: Tool, machine: Machine) -> Manager | None:
    if machine.os not in tool.platforms:
        return None
    return next((manager for manager in machine.managers if manager in tool.install), None)
