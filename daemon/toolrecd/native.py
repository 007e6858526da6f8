"""What speaks for a tool on a system besides the question's words: that it was made for it, or manages it."""

from __future__ import annotations

from typing import Final

from toolrec_kb.schema import Manager, Shell, Tool
from toolrecd.context import Machine

# Fitted on the tuning questions (docs/measurements.md, "Shortlist").
NATIVE_BONUS: Final = 1.6  # shared out over a tool's systems: who was made for this one alone knows it best
CMDLET_BONUS: Final = 2.0  # at a PowerShell prompt "zip a folder" wants Compress-Archive more than a port of zip
# "update all packages" has another answer on each system.
SYSTEM_MANAGERS: Final[dict[str, Manager]] = {
    "apt": "apt", "apt-get": "apt", "apt-cache": "apt", "apt-file": "apt", "aptitude": "apt", "dpkg": "apt",
    "dnf": "dnf", "yum": "dnf", "rpm": "dnf", "pacman": "pacman", "yay": "pacman", "zypper": "zypper", "apk": "apk",
    "xbps-install": "xbps", "brew": "brew", "port": "macports", "pkg": "pkg", "pkg_add": "pkg_add",
    "pkg_info": "pkg_add", "pkg_delete": "pkg_add", "pkgin": "pkgin", "winget": "winget", "scoop": "scoop",
    "choco": "choco",
}  # fmt: skip
OWN_MANAGER_BONUS: Final = 3.0
OTHER_MANAGER_MALUS: Final = -14.0


def native_bonus(tool: Tool, machine: Machine, shell: Shell) -> float:
    """Return what counts for `tool` on `machine` in `shell`, below nothing for another system's package manager."""
    bonus = NATIVE_BONUS / len(tool.platforms) + _manager_bonus(tool, machine)
    if shell == "powershell" and tool.shells:
        bonus += CMDLET_BONUS
    return bonus


def _manager_bonus(tool: Tool, machine: Machine) -> float:
    """Return what speaks for a package manager here: the system's own, or another system's."""
    manager = SYSTEM_MANAGERS.get(tool.name)
    if manager is None or not machine.managers:
        return 0.0
    if manager == machine.managers[0]:
        return OWN_MANAGER_BONUS
    return 0.0 if manager in machine.managers else OTHER_MANAGER_MALUS
