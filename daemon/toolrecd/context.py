"""What machine is asked about: its operating system, distribution and package managers.

`read_facts` looks at the system, `detect` decides from what was seen, `for_os` answers for a machine
that is only named. Knows nothing of tools, and of the network nothing either: no manager is ever run.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from toolrec_kb.schema import Manager, Platform, Shell
from toolrecd.errors import RequestError

_OS_RELEASE_FILES = ("/etc/os-release", "/usr/lib/os-release")
_TERMUX = "/data/data/com.termux/files/usr/bin/apt"
# A daemon started by launchd or systemd has a short PATH; these are where the managers really lie.
_PLACES: dict[str, tuple[str, ...]] = {
    "brew": ("/opt/homebrew/bin/brew", "/usr/local/bin/brew", "/home/linuxbrew/.linuxbrew/bin/brew"),
    "port": ("/opt/local/bin/port",),
    "nix": ("/nix/var/nix/profiles/default/bin/nix", "/run/current-system/sw/bin/nix"),
}
_MARKERS = (_TERMUX, *(place for places in _PLACES.values() for place in places))

_LANGUAGE_MANAGERS: tuple[Manager, ...] = ("pipx", "npm", "cargo", "go")
_ANYWHERE: tuple[Manager, ...] = ("brew", "nix", *_LANGUAGE_MANAGERS)
_ON_MACOS: tuple[Manager, ...] = ("brew", "brew_cask", "macports")
_ON_WINDOWS: tuple[Manager, ...] = ("winget", "scoop", "choco")
# Debian first, as the family that most Linux machines at a prompt belong to.
_ON_LINUX: tuple[Manager, ...] = ("apt", "dnf", "pacman", "zypper", "apk", "xbps")
_PROGRAMS: dict[Manager, str] = {"brew_cask": "brew", "macports": "port", "xbps": "xbps-install"}

_MEMBERS: dict[Manager | None, str] = {
    "apt": "debian ubuntu linuxmint mint pop elementary zorin kali raspbian neon mx devuan deepin parrot termux",
    "dnf": "fedora rhel centos rocky almalinux ol amzn azurelinux mariner mageia openmandriva nobara bazzite",
    "pacman": "arch archarm manjaro endeavouros artix garuda cachyos steamos",
    "zypper": "opensuse opensuse-leap opensuse-tumbleweed opensuse-microos suse sles sled",
    "apk": "alpine postmarketos chimera wolfi",
    "xbps": "void",
    "nix": "nixos",
    # Their own managers are not in the knowledge base; one of another family lying about installs nothing useful.
    None: "gentoo slackware guix solus clear-linux-os",
}
_FAMILIES: dict[str, Manager | None] = {name: kind for kind, names in _MEMBERS.items() for name in names.split()}

_BSD: dict[str, tuple[Platform, Manager]] = {
    "freebsd": ("freebsd", "pkg"),
    "dragonfly": ("freebsd", "pkg"),
    "openbsd": ("openbsd", "pkg_add"),
    "netbsd": ("netbsd", "pkgin"),
}
_NAMED: dict[str, tuple[Platform, tuple[Manager, ...]]] = {
    "linux": ("linux", _ON_LINUX),
    "darwin": ("macos", _ON_MACOS),
    "macos": ("macos", _ON_MACOS),
    "windows": ("windows", _ON_WINDOWS),
    "freebsd": ("freebsd", ("pkg",)),
    "openbsd": ("openbsd", ("pkg_add",)),
    "netbsd": ("netbsd", ("pkgin",)),
}

_SHELLS: dict[str, Shell] = {
    "bash": "bash", "rbash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "powershell", "pwsh": "powershell",
    "sh": "sh", "dash": "sh", "ash": "sh", "busybox": "sh", "ksh": "sh", "mksh": "sh", "oksh": "sh", "yash": "sh",
}  # fmt: skip


class Machine(msgspec.Struct, frozen=True):
    """The machine a recommendation is for."""

    os: Platform
    distribution: str
    """The os-release ID in lower case; empty where there is none."""
    managers: tuple[Manager, ...]
    """In the order in which they are offered."""
    local: bool
    """Whether it is this machine, so that its PATH can be looked at."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is read from a system to tell what it is."""

    sys_platform: str
    which: Callable[[str], bool]
    """Whether a program of this system is on the PATH."""
    os_release: str = ""
    markers: frozenset[str] = frozenset()
    """The telling files that exist."""


def read_facts(
    find: Callable[[str], str | None] = shutil.which,
    release: str | None = None,
    files: Iterable[str] = _OS_RELEASE_FILES,
) -> Facts:
    """Look at this system; `find` locates a program, `release` is the kernel's (`uname -r`)."""
    wsl = "microsoft" in (platform.release() if release is None else release).lower()

    def which(program: str) -> bool:
        place = find(program)
        # In WSL the PATH goes on with Windows's directories; its npm is not this system's.
        return place is not None and not (wsl and place.startswith("/mnt/"))

    return Facts(
        sys_platform=sys.platform,
        which=which,
        os_release=_first_text(files),
        markers=frozenset(place for place in _MARKERS if os.path.exists(place)),
    )


def _first_text(files: Iterable[str]) -> str:
    for file in files:
        try:
            return Path(file).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
    return ""


def detect(facts: Facts) -> Machine:
    """Return the machine that the facts tell of, with the managers it really offers."""
    names = _release_names(facts.os_release)
    distribution = names[0] if names else ""
    if not names and _TERMUX in facts.markers:
        distribution = "termux"
    system, own = _system(facts, [distribution, *names[1:]])
    managers = [*own, *(manager for manager in _ANYWHERE if system != "windows" or manager in _LANGUAGE_MANAGERS)]
    offered = [manager for manager in managers if manager in own or _present(manager, facts)]
    return Machine(system, distribution, tuple(dict.fromkeys(offered)), local=True)


def _release_names(text: str) -> list[str]:
    """Return the ID of an os-release text and then its ID_LIKE, in lower case; empty where it has no ID."""
    fields = {}
    for line in text.splitlines():
        key, _, value = line.strip().partition("=")
        fields[key] = value.strip().strip("\"'").lower()
    return [fields["ID"], *fields.get("ID_LIKE", "").split()] if fields.get("ID") else []


def _system(facts: Facts, names: list[str]) -> tuple[Platform, tuple[Manager, ...]]:
    """Return the platform and the managers of its own, present or always its own."""
    kernel = facts.sys_platform.lower()
    if kernel == "darwin":
        return "macos", tuple(manager for manager in _ON_MACOS if _present(manager, facts))
    if kernel in ("win32", "cygwin", "msys"):
        return "windows", tuple(manager for manager in _ON_WINDOWS if _present(manager, facts))
    for prefix, (system, manager) in _BSD.items():
        if kernel.startswith(prefix):
            return system, (manager,)
    return "linux", _linux_managers(facts, names)


def _linux_managers(facts: Facts, names: list[str]) -> tuple[Manager, ...]:
    """Return the family's manager, even where an image or a container lacks it; else those present."""
    for name in names:
        if name in _FAMILIES:
            return _family(name)
    return tuple(manager for manager in _ON_LINUX if _present(manager, facts))


def _family(name: str) -> tuple[Manager, ...]:
    manager = _FAMILIES[name]
    return () if manager is None else (manager,)


def _present(manager: Manager, facts: Facts) -> bool:
    program = _PROGRAMS.get(manager, manager)
    return facts.which(program) or any(place in facts.markers for place in _PLACES.get(program, ()))


def for_os(name: str) -> Machine:
    """Return the usual machine of an operating system or Linux distribution.

    Raises:
        RequestError: unknown_os.
    """
    word = name.strip().lower()
    if word in _NAMED:
        system, managers = _NAMED[word]
        return Machine(system, "", managers + _LANGUAGE_MANAGERS, local=False)
    if word in _FAMILIES:
        return Machine("linux", word, _family(word) + _LANGUAGE_MANAGERS, local=False)
    known = ", ".join([*_NAMED, *sorted(_FAMILIES)])
    raise RequestError("unknown_os", f"unknown operating system {name[:64]!r}; say one of {known}")


def normal_shell(text: str | None, usual: Shell = "sh") -> Shell:
    """Return the shell that a name, path or process title such as `-zsh` means; `usual` for any other."""
    base = re.split(r"[/\\]", (text or "").strip())[-1].lower()
    word = re.match(r"-?([a-z]+)", base)
    return _SHELLS.get(word[1], usual) if word else usual


def prompt_os(machine: Machine) -> str:
    """Return the model's word for the machine's operating system."""
    return "darwin" if machine.os == "macos" else machine.os
