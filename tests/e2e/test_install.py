"""install.sh from outside: a stand-in checkout with a daemon and a client that only record what they are asked.

The stand-in builds with a back end of its own, so nothing is downloaded or compiled.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

Run = subprocess.CompletedProcess[str]

ROOT = Path(__file__).parents[2]
SHELL_FILES = {"zsh": "toolrec.zsh", "bash": "toolrec.bash", "fish": "toolrec.fish", "powershell": "toolrec.ps1"}
STARTUP_FILES = {
    "zsh": ".zshrc",
    "bash": ".bashrc",
    "fish": ".config/fish/config.fish",
    "powershell": ".config/powershell/profile.ps1",
}

BACKEND = """
import os, pathlib, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "toolrec-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for top in ("client", "daemon"):
            for path in sorted(pathlib.Path(top).rglob("*.py")):
                wheel.write(path, path.relative_to(top))
        info = "toolrec-0.1.0.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: toolrec\\nVersion: 0.1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""

DAEMON = """
import os, sys

here = os.path.expanduser("~/daemon-")
with open(here + "calls", "a") as calls:
    print(*sys.argv[1:], file=calls)
verb = sys.argv[1]
if verb == "status":
    sys.exit(0 if os.path.exists(here + "runs") else 3)
if verb in ("start", "restart"):
    open(here + "runs", "w").close()
if verb == "stop" and os.path.exists(here + "runs"):
    os.remove(here + "runs")
"""

CLIENT = """
import os, sys

def main():
    if sys.argv[1] == "init":
        if sys.argv[2] == "powershell":
            return 1
        print("hook of", sys.argv[2])
        return 0
    print("asked:", *sys.argv[1:], sys.flags.isolated, sys.flags.no_site)
    return 1 if os.path.exists(os.path.expanduser("~/no-answer")) else 0
"""


class Machine:
    """A home directory, a checkout and a PATH."""

    def __init__(self, home: Path, checkout: Path) -> None:
        self.home = home
        self.checkout = checkout
        self.path = "/usr/bin:/bin"
        home.mkdir(parents=True)

    @property
    def data(self) -> Path:
        return self.home / ".local/share/toolrec"

    @property
    def bin(self) -> Path:
        return self.home / ".local/bin"

    def environment(self) -> dict[str, str]:
        passed = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        return {**passed, "HOME": str(self.home), "PATH": self.path, "SHELL": "/bin/zsh", "LC_ALL": "C.UTF-8"}

    def install(self, *arguments: str, python: str | None = sys.executable) -> Run:
        chosen = ["--python", python] if python else []
        return self.run(str(self.checkout / "install.sh"), *chosen, *arguments)

    def run(self, *command: str) -> Run:
        return subprocess.run(
            command, env=self.environment(), cwd=self.home, capture_output=True, text=True, check=False, timeout=100
        )

    def calls(self) -> list[str]:
        """Return what the daemon was asked since the last time."""
        record = self.home / "daemon-calls"
        lines = record.read_text().splitlines() if record.exists() else []
        record.unlink(missing_ok=True)
        return [line for line in lines if line != "status"]

    def foreign(self, name: str) -> Path:
        """Put somebody else's program into the user's folder of commands."""
        self.bin.mkdir(parents=True, exist_ok=True)
        return script(self.bin / name, "echo somebody else")


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))


def make_checkout(folder: Path) -> Path:
    write(folder / "backend.py", BACKEND)
    write(folder / "pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    write(folder / "daemon/toolrecd/__init__.py", "")
    write(folder / "daemon/toolrecd/__main__.py", DAEMON)
    write(folder / "client/toolrec_client/__init__.py", "")
    write(folder / "client/toolrec_client/cli.py", CLIENT)
    write(folder / "client/toolrec_client/caro.py", CLIENT)
    shutil.copy(ROOT / "client/toolrec_client/wire.py", folder / "client/toolrec_client/wire.py")
    shutil.copy(ROOT / "install.sh", folder / "install.sh")
    (folder / "scripts").mkdir()
    script(folder / "scripts/build-llama", "exit 0")
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "home", make_checkout(tmp_path / "checkout"))


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Run]]:
    """A machine whose home directory has a space in it and nothing else, and what `--shell zsh` said on it."""
    folder = tmp_path_factory.mktemp("installed")
    machine = Machine(folder / "a home", make_checkout(folder / "check out"))
    yield machine, machine.install("--shell", "zsh")
    machine.install("--uninstall")


@pytest.fixture
def installed(first_run: tuple[Machine, Run]) -> Machine:
    return first_run[0]


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the identity and the time of change of every file, but for the log and what the stand-ins write."""
    passed_over = ("daemon-", "install.log")
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(passed_over) and "__pycache__" not in path.parts
    }


def test_ends_with_an_answer(first_run: tuple[Machine, Run]) -> None:
    """A first run in an empty home directory ends by asking a question, isolated and without site."""
    first = first_run[1]
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == "asked: suggest find all python files 1 1"


def test_says_what_it_does(first_run: tuple[Machine, Run]) -> None:
    """Each step has its line, and a folder of commands that is not on the PATH is pointed out."""
    first = first_run[1]
    for words in ("Python: 3.", "environment: making", "commands: toolrec, toolrecd, caro", "daemon: started"):
        assert words in first.stdout
    assert 'export PATH="$HOME/.local/bin:$PATH"' in first.stdout


def test_second_run_changes_nothing(installed: Machine) -> None:
    """A run with nothing to do leaves every file as it is, is quick, and still asks its question."""
    before = snapshot(installed.home)
    installed.calls()
    begun = time.monotonic()
    second = installed.install("--shell", "zsh")
    assert second.returncode == 0, second.stderr
    assert time.monotonic() - begun < 20
    assert snapshot(installed.home) == before
    assert installed.calls() == ["model prepare"]
    assert "asked: suggest find all python files" in second.stdout


def test_startup_line_stands_once(installed: Machine) -> None:
    """--shell adds its line once, however often it is given, and the line runs where the hook is missing too."""
    installed.install("--shell", "zsh", "--shell", "bash")
    installed.install("--shell", "zsh", "--shell", "bash")
    for shell in ("zsh", "bash"):
        text = (installed.home / STARTUP_FILES[shell]).read_text()
        assert text.count("# toolrec") == 1, text
    hook = installed.data / "shell/toolrec.bash"
    assert hook.read_text() == "hook of bash\n"
    hook.write_text("echo loaded")
    line = installed.run("bash", "-eu", str(installed.home / ".bashrc"))
    assert (line.returncode, line.stdout, line.stderr) == (0, "loaded\n", "")
    hook.unlink()
    assert installed.run("bash", "-eu", str(installed.home / ".bashrc")).returncode == 0


def test_shell_without_integration(installed: Machine) -> None:
    """A shell whose file is missing from the installation is passed over, and refused where it was asked for."""
    assert not (installed.data / "shell" / SHELL_FILES["powershell"]).exists()
    refused = installed.install("--shell", "powershell")
    assert refused.returncode == 1
    assert "no integration for powershell" in refused.stderr


def test_caro_launcher_is_known_as_the_shim(installed: Machine) -> None:
    """The caro launcher carries the mark by which the shim knows itself, and runs."""
    launcher = installed.bin / "caro"
    assert b"toolrec_client.caro" in launcher.read_bytes()
    assert stat.S_IMODE(launcher.stat().st_mode) == 0o755
    assert installed.run(str(launcher), "hello", "a  b").stdout == "asked: hello a  b 1 1\n"


def test_changed_source_is_installed_and_restarts(installed: Machine) -> None:
    """A changed source file of the same version is installed, and the running daemon restarted."""
    source = installed.checkout / "client/toolrec_client/cli.py"
    source.write_text(source.read_text().replace("asked:", "asked again:"))
    installed.calls()
    again = installed.install()
    assert again.returncode == 0, again.stderr
    assert "environment: updating" in again.stdout
    assert "asked again: suggest" in again.stdout
    assert installed.calls() == ["model prepare", "restart"]


def test_no_answer_is_a_failure(installed: Machine) -> None:
    """The exit status is not 0 when the question at the end is not answered."""
    (installed.home / "no-answer").touch()
    failed = installed.install()
    (installed.home / "no-answer").unlink()
    assert failed.returncode == 1
    assert "toolrecd doctor" in failed.stderr


def test_broken_off_run_is_made_anew(installed: Machine) -> None:
    """Where the build fails the run ends, unstamped and unlocked; the next one does not trust what it left behind."""
    build = installed.checkout / "scripts/build-llama"
    script(build, "echo build-llama: no compiler >&2; exit 1")
    failed = installed.install()
    assert (failed.returncode, failed.stderr) == (1, "build-llama: no compiler\n")
    assert not (installed.data / "venv/toolrec-complete").exists()
    assert not (installed.data / "install.lock").exists()
    (installed.data / "venv/half").touch()
    script(build, "exit 0")
    again = installed.install()
    assert again.returncode == 0, again.stderr
    assert "environment: making" in again.stdout
    assert not (installed.data / "venv/half").exists()


def test_short_home_gets_a_plain_shebang(machine: Machine) -> None:
    """Where the path allows it, the client's launchers start Python without a shell in between."""
    home = Path("/tmp", f"toolrec-{os.getpid()}")
    short = Machine(home, machine.checkout)
    try:
        short.foreign("caro")
        done = short.install()
        assert done.returncode == 0, done.stderr
        assert (short.bin / "toolrec").read_text().splitlines()[0] == f"#!{short.data}/venv/bin/python3 -IS"
        assert short.run(str(short.bin / "toolrec"), "x").stdout == "asked: x 1 1\n"
        assert "stays as it is" in done.stdout
        assert "somebody else" in (short.bin / "caro").read_text()
    finally:
        shutil.rmtree(home)


def test_two_runs_do_not_clash(machine: Machine) -> None:
    """While one run is under way another one stops with its process's number."""
    lock = machine.data / "install.lock"
    lock.mkdir(parents=True)
    other = subprocess.Popen(["sh", "-c", "sleep 60; :", "install.sh"], start_new_session=True)
    try:
        (lock / "pid").write_text(f"{other.pid}\n")
        refused = machine.install()
    finally:
        os.killpg(other.pid, signal.SIGKILL)
        other.wait()
    assert refused.returncode == 1
    assert f"another installation is under way (process {other.pid})" in refused.stderr
    assert lock.is_dir()


@pytest.mark.parametrize("pid", ["", "999999999\n", f"{os.getppid()}\n", "rubbish\n"])
def test_stale_lock_is_taken_over(machine: Machine, pid: str) -> None:
    """A lock whose owner is gone, or whose number is another program's by now, is no obstacle."""
    lock = machine.data / "install.lock"
    lock.mkdir(parents=True)
    (lock / "pid").write_text(pid)
    done = machine.install("--uninstall")
    assert done.returncode == 0, done.stderr
    assert not lock.exists()


@pytest.mark.parametrize("name", ["toolrec", "toolrecd"])
def test_foreign_command_is_not_overwritten(machine: Machine, name: str) -> None:
    """Another program called toolrec or toolrecd stops the run before anything is made, with the remedy."""
    foreign = machine.foreign(name)
    refused = machine.install()
    assert refused.returncode == 1
    assert f"{foreign} is not toolrec's" in refused.stderr
    assert "move it elsewhere" in refused.stderr
    assert foreign.read_text().endswith("echo somebody else\n")
    assert not machine.data.exists()


def test_missing_venv_module_names_its_package(machine: Machine, tmp_path: Path) -> None:
    """Without the venv module the exact command that installs it is said, and nothing is left behind."""
    folder = tmp_path / "path"
    folder.mkdir()
    for name in ("sh", "cat", "dirname", "uname", "mkdir", "rm", "date"):
        (folder / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    script(folder / "python3", "exit 11")
    script(folder / "apt-get", "exit 0")
    script(folder / "id", "echo 1000")
    machine.path = str(folder)
    refused = machine.install(python=None)
    assert refused.returncode == 1
    assert refused.stderr.rstrip().endswith("install it with: sudo apt-get install python3-venv")
    assert not machine.data.exists()


def test_old_python_is_refused_by_its_version(machine: Machine, tmp_path: Path) -> None:
    """A Python that is too old is named with its version."""
    old = script(tmp_path / "python3.9", '[ "$2" != -V ] || { echo Python 3.9.2; exit 0; }; exit 10')
    refused = machine.install(python=str(old))
    assert refused.returncode == 1
    assert "Python 3.11 or newer is needed, found only Python 3.9.2" in refused.stderr


def test_python_that_does_not_run(machine: Machine) -> None:
    """A --python that is no Python is said to be none."""
    refused = machine.install(python="/nonexistent/python")
    assert refused.returncode == 1
    assert "/nonexistent/python is not a Python that runs" in refused.stderr


@pytest.mark.parametrize(("root", "command"), [("1000", "sudo apt-get install g++"), ("0", "apt-get install g++")])
def test_missing_compiler_names_its_package(machine: Machine, tmp_path: Path, root: str, command: str) -> None:
    """Without a compiler build-llama says the command that installs one, with sudo for whoever is not root."""
    folder = tmp_path / "path"
    folder.mkdir()
    for name in ("sh", "cat", "dirname", "uname", "mkdir", "rm", "grep", "mktemp"):
        (folder / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    script(folder / "apt-get", "exit 0")
    script(folder / "id", f"echo {root}")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    machine.path = str(folder)
    refused = machine.run(str(ROOT / "scripts/build-llama"), str(tmp_path / "venv/bin/python"))
    assert refused.returncode == 1
    assert refused.stderr == f"build-llama: no working C and C++ compiler found; install one with: {command}\n"


def test_uninstall_removes_only_what_is_ours(machine: Machine) -> None:
    """--uninstall removes the environment, hooks, launchers, lines, state and cache, and nothing beside them."""
    foreign = machine.foreign("caro")
    for name in ("toolrec", "toolrecd"):
        script(machine.bin / name, "# toolrec launcher (x)")
    for shell, name in SHELL_FILES.items():
        write(machine.data / "shell" / name, "hook")
        line = f'source "$HOME/.local/share/toolrec/shell/{name}"  # toolrec\n'
        write(machine.home / STARTUP_FILES[shell], f"alias a=b\n{line}# toolrec is loaded above\nalias c=d")
    ours = [
        machine.data / "venv/lib/x",
        machine.home / ".cache/toolrec/wheels/x",
        machine.home / ".local/state/toolrec/log",
    ]
    kept = [
        machine.home / ".config/toolrec/config.toml",
        machine.home / ".cache/other/x",
        machine.home / ".local/state/other/x",
        machine.data / "mine.txt",
    ]
    for path in [*ours, *kept]:
        write(path, "x")
    done = machine.install("--uninstall")
    assert done.returncode == 0, done.stderr
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in kept)
    assert [path.name for path in machine.bin.iterdir()] == [foreign.name]
    for name in STARTUP_FILES.values():
        assert (machine.home / name).read_text().splitlines() == ["alias a=b", "# toolrec is loaded above", "alias c=d"]
    assert "stays" in done.stdout
    assert sorted(path.name for path in machine.data.iterdir()) == ["mine.txt"]


def test_uninstall_writes_through_a_linked_startup_file(machine: Machine) -> None:
    """A start-up file that is a link stays one."""
    real = machine.home / "dotfiles/zshrc"
    write(real, 'x\nsource "/h/.local/share/toolrec/shell/toolrec.zsh"  # toolrec\n')
    (machine.home / ".zshrc").symlink_to(real)
    machine.install("--uninstall")
    assert (machine.home / ".zshrc").is_symlink()
    assert real.read_text() == "x\n"


def test_uninstall_of_nothing(machine: Machine) -> None:
    """--uninstall in an empty home directory does nothing and says so without an error."""
    done = machine.install("--uninstall")
    assert (done.returncode, done.stderr) == (0, "")
    assert not machine.data.exists()


def test_truncated_copy_does_nothing(machine: Machine) -> None:
    """A download that broke off runs no command at all."""
    whole = (ROOT / "install.sh").read_text()
    (machine.checkout / "install.sh").write_text(whole.removesuffix('main "$@"\n'))
    done = machine.install()
    assert (done.returncode, done.stdout) == (0, "")
    assert list(machine.home.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--frobnicate"], "unknown argument --frobnicate"),
        (["--shell"], "--shell needs a value"),
        (["--shell", "tcsh"], "unknown shell tcsh"),
        (["--wheel-index="], "--wheel-index needs a value"),
    ],
)
def test_wrong_usage(machine: Machine, arguments: list[str], words: str) -> None:
    """Wrong usage ends with status 2, the word that is wrong, and how to call it."""
    done = machine.install(*arguments, python=None)
    assert done.returncode == 2
    assert words in done.stderr
    assert "usage: ./install.sh" in done.stderr


def test_help(machine: Machine) -> None:
    """--help names every option and touches nothing."""
    done = machine.install("--help", python=None)
    assert done.returncode == 0
    for option in ("--wheel-index", "--shell", "--python", "--uninstall"):
        assert option in done.stdout
    assert list(machine.home.iterdir()) == []


def test_without_home(machine: Machine) -> None:
    """Without HOME one line says what to set."""
    done = subprocess.run(
        [machine.checkout / "install.sh"], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "install.sh: HOME is not set; set it to your home directory\n")
