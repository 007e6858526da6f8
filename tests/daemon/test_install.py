"""The command that installs a tool on a machine, and the name typed after it."""

from __future__ import annotations

import pytest

from toolrec_kb.schema import MANAGERS, Example, Manager, Platform, Program, Tool
from toolrecd.context import Machine
from toolrecd.install import COMMANDS, install_command, program_after_install

COMMAND_OF: dict[Manager, str] = {
    "apt": "apt install thing",
    "dnf": "dnf install thing",
    "pacman": "pacman -S thing",
    "zypper": "zypper install thing",
    "apk": "apk add thing",
    "xbps": "xbps-install thing",
    "nix": "nix profile install nixpkgs#thing",
    "brew": "brew install thing",
    "brew_cask": "brew install --cask thing",
    "macports": "port install thing",
    "pkg": "pkg install thing",
    "pkg_add": "pkg_add thing",
    "pkgin": "pkgin install thing",
    "winget": "winget install thing",
    "scoop": "scoop install thing",
    "choco": "choco install thing",
    "pipx": "pipx install thing",
    "npm": "npm install -g thing",
    "cargo": "cargo install thing",
    "go": "go install thing@latest",
}


def tool(
    install: dict[Manager, str],
    renamed: dict[Manager, dict[Program, Program]] | None = None,
    platforms: tuple[Platform, ...] = ("linux", "macos"),
) -> Tool:
    """Return a tool `fd` with these packages."""
    return Tool(
        name="fd",
        summary="Find files by name",
        programs=("fd", "fd-two"),
        categories=("files",),
        platforms=platforms,
        standardness="popular",
        usage=3,
        examples=(Example("find a file", "fd {name}"),),
        install=install,
        program_names=renamed or {},
    )


def machine(*managers: Manager) -> Machine:
    """Return a Linux machine that offers these managers."""
    return Machine("linux", "", managers, local=True)


@pytest.mark.parametrize("manager", MANAGERS)
def test_command_of_each_manager(manager: Manager) -> None:
    """Every manager has its own command, without sudo."""
    assert install_command(tool({manager: "thing"}), machine(manager)) == COMMAND_OF[manager]
    assert manager in COMMANDS


def test_first_manager_of_the_machine() -> None:
    """The machine's order decides, not the tool's, and managers without a package are passed over."""
    packages: dict[Manager, str] = {"cargo": "fd-find", "brew": "fd", "apt": "fd-find"}
    assert install_command(tool(packages), machine("dnf", "brew", "apt", "cargo")) == "brew install fd"


def test_go_version_is_kept() -> None:
    """A go package that names its version keeps it."""
    package: dict[Manager, str] = {"go": "example.org/fd/v2@v2.1.0"}
    assert install_command(tool(package), machine("go")) == "go install example.org/fd/v2@v2.1.0"


def test_scoped_npm_package() -> None:
    """An npm scope is no version and stays as it is."""
    assert install_command(tool({"npm": "@scope/fd"}), machine("npm")) == "npm install -g @scope/fd"


@pytest.mark.parametrize("offered", [(), ("dnf",)])
def test_no_package(offered: tuple[Manager, ...]) -> None:
    """Where no manager of the machine has the tool there is no command."""
    assert install_command(tool({"apt": "fd-find"}), machine(*offered)) is None


def test_other_platform() -> None:
    """A tool that does not run there is not installed there, whatever packages it has."""
    mac_only = tool({"apt": "fd-find"}, {"apt": {"fd": "fdfind"}}, platforms=("macos",))
    assert install_command(mac_only, machine("apt")) is None
    assert program_after_install(mac_only, machine("apt")) == "fd"


def test_program_is_renamed_by_its_manager() -> None:
    """What is typed afterwards is the name given by the manager that the command uses, no other's."""
    packages: dict[Manager, str] = {"apt": "fd-find", "brew": "fd"}
    renamed = tool(packages, {"apt": {"fd": "fdfind"}})
    assert program_after_install(renamed, machine("apt", "brew")) == "fdfind"
    assert program_after_install(renamed, machine("brew", "apt")) == "fd"


def test_other_program_is_renamed() -> None:
    """Where only another of its programs is renamed the first one is typed."""
    assert program_after_install(tool({"apt": "fd-find"}, {"apt": {"fd-two": "fd2"}}), machine("apt")) == "fd"


def test_program_without_package() -> None:
    """Without a package the first program's own name stands."""
    assert program_after_install(tool({}, {"apt": {"fd": "fdfind"}}), machine("apt")) == "fd"
