"""Starts the daemon that belongs to this installation and waits until it listens."""

import subprocess

from toolrec_client import wire

START_TIMEOUT_S = 20.0
"""The daemon listens well within a second; a machine under load may need more."""


def start_daemon(python):
    """Run `toolrecd start` with the interpreter `python`; return when the daemon listens.

    Raises:
        wire.ToolrecError: it did not start; the message carries the daemon's own words.
    """
    if not python:
        raise wire.DaemonAbsent("no daemon is running and no interpreter is known to start it; run: toolrecd start")
    try:
        done = subprocess.run(
            [python, "-I", "-m", "toolrecd", "start", "--quiet"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise wire.ToolrecError(f"the daemon did not start: cannot run {python}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise wire.ToolrecError(f"the daemon did not start in {START_TIMEOUT_S:.0f} s; see: toolrecd logs") from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1].removeprefix("toolrecd: ") if lines else f"exit status {done.returncode}"
        raise wire.ToolrecError(f"the daemon did not start: {reason}")
