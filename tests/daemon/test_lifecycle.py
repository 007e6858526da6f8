"""Starting, stopping and looking at real daemon processes."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

DEADLINE_S = 20.0


@pytest.fixture(autouse=True)
def without_model(monkeypatch):
    """No test here needs the model; daemons start sooner without."""
    monkeypatch.setenv("TOOLREC_MODEL_ENABLED", "false")


def pid_of(daemon) -> int:
    """Return the pid of the daemon that answers."""
    return json.loads(daemon.toolrecd("status", "--json", check=True).stdout)["pid"]


def alive(pid: int) -> bool:
    """Return whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition) -> None:
    """Wait for something another process brings about."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_second_start_finds_the_first(daemon):
    """Starting twice leaves one daemon, and the second start says which."""
    first = daemon.toolrecd("start", check=True).stdout
    second = daemon.toolrecd("start", check=True).stdout
    pid = pid_of(daemon)
    assert (first, second) == (f"toolrecd: started, pid {pid}\n", f"toolrecd: already running, pid {pid}\n")


def test_starts_at_the_same_time_make_one_daemon(daemon):
    """Of several starts in a race all succeed, and all name the one daemon that runs."""
    command = [sys.executable, "-I", "-m", "toolrecd", "start"]
    starts = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        for _ in range(4)
    ]
    said = [process.communicate(timeout=60) for process in starts]
    pid = pid_of(daemon)
    assert [process.returncode for process in starts] == [0] * 4, said
    assert {out.rpartition(" ")[2] for out, _ in said} == {f"{pid}\n"}


def test_status_tells_running_from_not_running_by_its_exit_status(daemon):
    """`status` exits 3 without a daemon and 0 with one; --json is one line either way."""
    absent, absent_json = daemon.toolrecd("status"), daemon.toolrecd("status", "--json")
    assert (absent.returncode, absent_json.returncode) == (3, 3)
    assert absent.stdout == "toolrecd: not running; start it with: toolrecd start\n"
    assert absent_json.stdout == '{"running": false}\n'
    daemon.toolrecd("start", check=True)
    present = daemon.toolrecd("status", "--json")
    assert present.returncode == 0
    assert present.stdout.count("\n") == 1
    found = json.loads(present.stdout)
    assert (found["running"], found["socket"], found["model"]["state"]) == (True, str(daemon.socket), "off")


def test_stop_ends_the_process_and_removes_its_socket(daemon):
    """After `stop` neither process nor socket is left, and a second stop says there is nothing to stop."""
    daemon.toolrecd("start", check=True)
    pid = pid_of(daemon)
    assert daemon.toolrecd("stop", check=True).stdout == "toolrecd: stopped\n"
    wait_until(lambda: not alive(pid))
    assert not daemon.socket.exists()
    again = daemon.toolrecd("stop")
    assert (again.returncode, again.stdout) == (0, "toolrecd: not running\n")


def test_restart_makes_another_process(daemon):
    """`restart` replaces a running daemon, and starts one where none runs."""
    assert daemon.toolrecd("restart").returncode == 0
    before = pid_of(daemon)
    daemon.toolrecd("restart", check=True)
    assert pid_of(daemon) != before
    wait_until(lambda: not alive(before))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_in_order(daemon, number):
    """SIGTERM and SIGINT stop the daemon and take its socket with it."""
    daemon.toolrecd("start", check=True)
    pid = pid_of(daemon)
    os.kill(pid, number)
    wait_until(lambda: not alive(pid))
    assert not daemon.socket.exists()
    assert daemon.toolrecd("status").returncode == 3


def test_a_socket_left_by_a_killed_daemon_is_no_obstacle(daemon):
    """After kill -9 the stale socket stays behind; `status` is not fooled and `start` replaces it."""
    daemon.toolrecd("start", check=True)
    pid = pid_of(daemon)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid))
    assert daemon.socket.exists()
    assert daemon.toolrecd("status").returncode == 3
    assert daemon.toolrecd("start").returncode == 0
    assert pid_of(daemon) != pid


def test_a_frozen_daemon_is_reported_and_replaced_by_restart(daemon):
    """A stopped process makes `status` name the remedy, and the remedy works."""
    daemon.toolrecd("start", check=True)
    pid = pid_of(daemon)
    os.kill(pid, signal.SIGSTOP)
    stuck = daemon.toolrecd("status")
    assert stuck.returncode == 1
    assert stuck.stderr.startswith(f"toolrecd: the daemon at {daemon.socket} does not answer")
    assert stuck.stderr.endswith("run: toolrecd restart\n")
    assert daemon.toolrecd("restart").returncode == 0
    assert pid_of(daemon) != pid
    wait_until(lambda: not alive(pid))


def test_a_daemon_survives_the_terminal_it_was_started_from(daemon):
    """The hang-up of the terminal that ran `toolrecd start` does not reach the daemon."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-I", "-m", "toolrecd", "start", "--quiet"])
    os.waitpid(child, 0)
    pid = pid_of(daemon)
    os.close(terminal)
    assert os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[4] == "0", "it has a terminal"
    assert pid_of(daemon) == pid


def test_the_lock_names_its_holder_and_goes_with_it(daemon):
    """The lock file is held and names the pid while the daemon runs; a killed daemon leaves it free."""
    daemon.toolrecd("start", check=True)
    pid, lock = pid_of(daemon), daemon.socket.with_suffix(".lock")
    assert lock.read_text() == f"{pid}\n"
    with lock.open() as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.kill(pid, signal.SIGKILL)
        fcntl.flock(file, fcntl.LOCK_EX)  # returns once the process has let go; the test's time limit stands behind it


def test_the_daemons_files_are_its_owners_alone(daemon):
    """Socket, log and lock can be read by nobody else, whatever the umask."""
    before = os.umask(0)
    try:
        daemon.toolrecd("start", check=True)
    finally:
        os.umask(before)
    files = [daemon.socket, daemon.socket.with_suffix(".log"), daemon.socket.with_suffix(".lock")]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
    assert stat.S_IMODE(daemon.socket.parent.stat().st_mode) == 0o700


def test_run_beside_a_running_daemon_says_so(daemon):
    """`run` in the foreground gives way to the daemon that already listens."""
    daemon.toolrecd("start", check=True)
    done = daemon.toolrecd("run")
    assert (done.returncode, done.stdout) == (0, f"toolrecd: already running at {daemon.socket}\n")


def test_the_client_starts_an_absent_daemon(daemon):
    """`toolrec suggest` without a daemon starts one and is answered by it."""
    done = daemon.toolrec("suggest", "--json", "find", "all", "python", "files")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stage"] == "shortlist"
    assert pid_of(daemon) > 0


def test_the_client_starts_nothing_when_told_so(daemon):
    """With TOOLREC_NO_START the client reports the absent daemon and leaves it absent."""
    done = daemon.toolrec("suggest", "find", "files", TOOLREC_NO_START="1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "start it with: toolrecd start" in done.stderr
    assert daemon.toolrecd("status").returncode == 3


def test_logs_prints_the_end_of_the_log(daemon):
    """`logs` prints the last lines, and without a log names the remedy."""
    missing = daemon.toolrecd("logs")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.endswith("start the daemon with: toolrecd start\n")
    daemon.socket.parent.mkdir(parents=True)
    daemon.socket.with_suffix(".log").write_text("one\ntwo\nthree\n")
    assert daemon.toolrecd("logs", "-n", "2").stdout == "two\nthree\n"
