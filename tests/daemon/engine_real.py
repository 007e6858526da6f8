"""A supervisor on the real model, and waiting for what it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from toolrecd.engine.jobs import Question, Settings
from toolrecd.engine.plan import Choice, Plan
from toolrecd.engine.supervisor import Supervisor

NAMES = ["find", "fd", "grep", "ripgrep", "tar", "ps", "htop", "jq", "git", "git-lfs", "curl", "df"]
CATEGORIES = ["search", "archive", "process", "json_data", "disk"]
FIND = Question("find all python files", "linux", "zsh")
PACK = Question("make a tar.gz archive of a folder", "linux", "bash")
PATIENCE_S = 60


def plan_for(model: Path, adapter: Path | None = None) -> Plan:
    """Return what a worker has to load for these tests."""
    return Plan(choose=lambda: Choice(model, adapter, Settings(threads=2)), names=NAMES, categories=CATEGORIES)


@asynccontextmanager
async def serving(plan: Plan) -> AsyncIterator[Supervisor]:
    """Start a supervisor, wait for its first load, and close it in the end."""
    engine = Supervisor(plan)
    engine.start()
    try:
        await asyncio.wait_for(engine.settled(), PATIENCE_S)
        yield engine
    finally:
        await engine.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  what is waited for happens in other processes
            await asyncio.sleep(0.01)


def best(scores: dict[str, float]) -> str:
    """Return the name with the highest score."""
    return max(scores, key=lambda name: scores[name])


def alive(pid: int | None) -> bool:
    """Return whether the process runs, one that ended and was not waited for left out."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def with_names(plan: Plan, names: list[str]) -> Plan:
    """Return the plan with other names."""
    return msgspec.structs.replace(plan, names=names)
