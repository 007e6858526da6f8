"""What a machine is and offers, decided from facts recorded on each kind of system."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolrec_kb.schema import Manager, Platform, Shell
from toolrecd.context import Facts, Machine, detect, for_os, normal_shell, prompt_os, read_facts
from toolrecd.errors import RequestError

UBUNTU = 'PRETTY_NAME="Ubuntu 24.04.1 LTS"\nNAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n'
MINT = 'NAME="Linux Mint"\nVERSION_ID="22"\nID=linuxmint\nID_LIKE="ubuntu debian"\n'
ROCKY = 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n'
TUMBLEWEED = 'NAME="openSUSE Tumbleweed"\nID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n'
TERMUX = "/data/data/com.termux/files/usr/bin/apt"

LINUXES = [
    pytest.param('NAME="Debian GNU/Linux"\nID=debian\n', "apt dpkg", "debian", ["apt"], id="debian"),
    pytest.param(UBUNTU, "apt snap npm", "ubuntu", ["apt", "npm"], id="ubuntu"),
    pytest.param('NAME="Fedora Linux"\nID=fedora\n', "dnf cargo", "fedora", ["dnf", "cargo"], id="fedora"),
    pytest.param('NAME="Fedora Linux"\nID=fedora\n', "rpm-ostree", "fedora", ["dnf"], id="silverblue"),
    pytest.param('NAME="Fedora Linux"\nID=fedora\n', "dnf apt", "fedora", ["dnf"], id="fedora with apt"),
    pytest.param('NAME="Arch Linux"\nID=arch\n', "pacman go", "arch", ["pacman", "go"], id="arch"),
    pytest.param('NAME="Manjaro Linux"\nID=manjaro\nID_LIKE=arch\n', "pacman", "manjaro", ["pacman"], id="manjaro"),
    pytest.param('NAME="Alpine Linux"\nID=alpine\n', "apk", "alpine", ["apk"], id="alpine"),
    pytest.param("ID=postmarketos\nID_LIKE=alpine\n", "apk", "postmarketos", ["apk"], id="postmarketos"),
    pytest.param(TUMBLEWEED, "zypper", "opensuse-tumbleweed", ["zypper"], id="tumbleweed"),
    pytest.param('NAME="Void"\nID="void"\n', "xbps-install", "void", ["xbps"], id="void"),
    pytest.param("NAME=NixOS\nID=nixos\n", "nix cargo", "nixos", ["nix", "cargo"], id="nixos"),
    pytest.param(MINT, "apt", "linuxmint", ["apt"], id="mint"),
    pytest.param(ROCKY, "dnf", "rocky", ["dnf"], id="rocky"),
    pytest.param("NAME=Gentoo\nID=gentoo\n", "emerge apt pipx", "gentoo", ["pipx"], id="gentoo"),
    pytest.param("ID=Novelty\nID_LIKE='other suse'\n", "", "novelty", ["zypper"], id="unknown of a known family"),
    pytest.param("ID=novelty\n", "apk", "novelty", ["apk"], id="unknown of no family"),
    pytest.param("", "", "", [], id="nothing known"),
    pytest.param('NAME="Half"\n# ID=arch\nnonsense', "", "", [], id="no ID"),
]


def facts(sys_platform: str, programs: str = "", os_release: str = "", *markers: str) -> Facts:
    """Return the facts of a system that has these programs on its PATH."""
    return Facts(
        sys_platform=sys_platform,
        which=lambda name: name in programs.split(),
        os_release=os_release,
        markers=frozenset(markers),
    )


@pytest.mark.parametrize(("os_release", "programs", "distribution", "managers"), LINUXES)
def test_linux(os_release: str, programs: str, distribution: str, managers: list[Manager]) -> None:
    """A Linux system offers its family's manager and then what is present."""
    assert detect(facts("linux", programs, os_release)) == Machine("linux", distribution, tuple(managers), local=True)


def test_order_of_other_managers() -> None:
    """After the system's own manager come brew, nix and those of the languages, in that order."""
    found = detect(facts("linux", "go cargo npm pipx nix brew apt", UBUNTU))
    assert found.managers == ("apt", "brew", "nix", "pipx", "npm", "cargo", "go")


def test_manager_off_the_path() -> None:
    """Homebrew on Linux is offered where it lies in its usual place but not on the PATH."""
    assert detect(facts("linux", "", UBUNTU, "/home/linuxbrew/.linuxbrew/bin/brew")).managers == ("apt", "brew")


def test_termux() -> None:
    """Termux has no os-release and is told by its prefix, on either name Python gives the platform."""
    expected = Machine("linux", "termux", ("apt",), local=True)
    assert [detect(facts(name, "apt pkg", "", TERMUX)) for name in ("linux", "android")] == [expected, expected]


def test_distribution_inside_termux() -> None:
    """A distribution run inside Termux is itself, although the prefix of Termux can be seen."""
    assert detect(facts("linux", "", "ID=alpine", TERMUX)).managers == ("apk",)


@pytest.mark.parametrize(
    ("programs", "markers", "managers"),
    [
        ("brew", [], ("brew", "brew_cask")),
        ("", ["/opt/homebrew/bin/brew"], ("brew", "brew_cask")),
        ("port", [], ("macports",)),
        ("", ["/opt/local/bin/port"], ("macports",)),
        ("port npm brew nix", [], ("brew", "brew_cask", "macports", "nix", "npm")),
        ("", [], ()),
    ],
)
def test_macos(programs: str, markers: list[str], managers: tuple[Manager, ...]) -> None:
    """A Mac offers Homebrew and MacPorts only where they are present, and has no distribution."""
    assert detect(facts("darwin", programs, "", *markers)) == Machine("macos", "", managers, local=True)


@pytest.mark.parametrize(
    ("sys_platform", "system", "managers"),
    [
        ("freebsd14", "freebsd", ("pkg", "cargo")),
        ("openbsd7", "openbsd", ("pkg_add", "cargo")),
        ("netbsd10", "netbsd", ("pkgin", "cargo")),
    ],
)
def test_bsd(sys_platform: str, system: Platform, managers: tuple[Manager, ...]) -> None:
    """A BSD offers its own manager first."""
    found = detect(facts(sys_platform, "cargo pkg_add"))
    assert (found.os, found.managers) == (system, managers)


@pytest.mark.parametrize("sys_platform", ["win32", "cygwin", "msys"])
@pytest.mark.parametrize(
    ("programs", "managers"),
    [
        ("choco scoop winget", ("winget", "scoop", "choco")),
        ("scoop", ("scoop",)),
        ("choco npm", ("choco", "npm")),
        ("pacman brew nix go", ("go",)),
        ("", ()),
    ],
)
def test_windows(sys_platform: str, programs: str, managers: tuple[Manager, ...]) -> None:
    """Windows offers those of winget, scoop and choco that are present, also to a Unix-like Python."""
    found = detect(facts(sys_platform, programs))
    assert (found.os, found.managers) == ("windows", managers)


def test_wsl_ignores_windows_programs() -> None:
    """In WSL a manager on Windows's part of the PATH is not offered, one of the Linux system is."""
    places = {"npm": "/mnt/c/Program Files/nodejs/npm", "cargo": "/home/me/.cargo/bin/cargo"}
    found = read_facts(places.get, release="5.15.153.1-microsoft-standard-WSL2", files=[])
    assert (found.which("npm"), found.which("cargo"), found.which("go")) == (False, True, False)
    wsl = Facts(sys_platform="linux", which=found.which, os_release=UBUNTU)
    assert detect(wsl) == Machine("linux", "ubuntu", ("apt", "cargo"), local=True)


def test_mounted_programs_outside_wsl() -> None:
    """A program under /mnt counts on a Linux that is not WSL."""
    assert read_facts({"npm": "/mnt/tools/npm"}.get, release="6.8.0-generic", files=[]).which("npm")


def test_read_facts_takes_the_first_os_release(tmp_path: Path) -> None:
    """The first os-release file that can be read is taken, whatever bytes it holds."""
    first, second = f"{tmp_path}/one", f"{tmp_path}/two"
    for file, text in ((first, b"ID=arch\nNAME=\xff\n"), (second, b"ID=debian\n")):
        with open(file, "wb") as stream:
            stream.write(text)
    assert read_facts(files=[f"{tmp_path}/none", first, second]).os_release.startswith("ID=arch\n")
    assert read_facts(files=[f"{tmp_path}/none"]).os_release == ""


LANGUAGES: tuple[Manager, ...] = ("pipx", "npm", "cargo", "go")


@pytest.mark.parametrize(
    ("name", "system", "distribution", "managers"),
    [
        ("linux", "linux", "", ("apt", "dnf", "pacman", "zypper", "apk", "xbps")),
        ("Ubuntu", "linux", "ubuntu", ("apt",)),
        ("fedora", "linux", "fedora", ("dnf",)),
        ("arch", "linux", "arch", ("pacman",)),
        ("opensuse", "linux", "opensuse", ("zypper",)),
        ("alpine", "linux", "alpine", ("apk",)),
        ("void", "linux", "void", ("xbps",)),
        ("nixos", "linux", "nixos", ("nix",)),
        ("gentoo", "linux", "gentoo", ()),
        ("macos", "macos", "", ("brew", "brew_cask", "macports")),
        ("DARWIN", "macos", "", ("brew", "brew_cask", "macports")),
        ("Windows", "windows", "", ("winget", "scoop", "choco")),
        ("freebsd", "freebsd", "", ("pkg",)),
        ("openbsd", "openbsd", "", ("pkg_add",)),
        ("netbsd", "netbsd", "", ("pkgin",)),
    ],
)
def test_for_os(name: str, system: Platform, distribution: str, managers: tuple[Manager, ...]) -> None:
    """A named system has its usual managers, then those of the languages, and is not this machine."""
    assert for_os(name) == Machine(system, distribution, managers + LANGUAGES, local=False)


@pytest.mark.parametrize("name", ["", "templeos", "win", "linux2"])
def test_for_unknown_os(name: str) -> None:
    """Any other word is refused with the value and the accepted words."""
    with pytest.raises(RequestError) as refusal:
        for_os(name)
    assert refusal.value.code == "unknown_os"
    assert repr(name) in str(refusal.value)
    assert all(word in str(refusal.value) for word in ("linux", "darwin", "windows", "netbsd", "ubuntu", "alpine"))


@pytest.mark.parametrize(
    ("text", "shell"),
    [
        ("pwsh", "powershell"),
        ("pwsh-preview", "powershell"),
        (r"C:\Windows\System32\WindowsPowerShell\v1.0\PowerShell.exe", "powershell"),
        ("/bin/zsh", "zsh"),
        ("-zsh", "zsh"),
        ("zsh-5.9", "zsh"),
        ("BASH", "bash"),
        ("/usr/local/bin/bash5", "bash"),
        ("fish", "fish"),
        *((name, "sh") for name in ("sh", "dash", "ksh", "ksh93", "ash", "busybox")),
    ],
)
def test_normal_shell(text: str, shell: Shell) -> None:
    """Paths, login marks, versions and other names of a shell all mean the shell."""
    assert normal_shell(text, "fish" if shell != "fish" else "sh") == shell


@pytest.mark.parametrize("text", [None, "", " ", "nu", "/bin/tcsh", "-", "bashful"])
def test_unknown_shell(text: str | None) -> None:
    """An unknown shell is taken for the usual one, and for sh where none is said."""
    assert (normal_shell(text, "powershell"), normal_shell(text)) == ("powershell", "sh")


def test_prompt_os() -> None:
    """The model's word for macOS is darwin; the others are called what they are."""
    words = [prompt_os(for_os(name)) for name in ("macos", "ubuntu", "windows", "freebsd")]
    assert words == ["darwin", "linux", "windows", "freebsd"]
