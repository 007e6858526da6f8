"""What the daemon does for each operation of the protocol. Knows no sockets: replies go to a callable.

`handle_VERB` serves the request of that name; `serve` is the dispatch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Protocol

import msgspec

from toolrec_kb.knowledge import Knowledge
from toolrec_kb.schema import Tool, all_programs
from toolrecd import messages, render
from toolrecd.answers import Answers
from toolrecd.config import Config
from toolrecd.context import Machine
from toolrecd.engine.supervisor import Engine
from toolrecd.errors import EngineUnavailable
from toolrecd.installed import ProgramIndex
from toolrecd.messages import Reply
from toolrecd.metrics import Metrics
from toolrecd.recommend import Draft, Recommender, Situation, situation_for
from toolrecd.sessions import Sessions

# How long a request waits for the model before it is answered from the shortlist, by mode. Typing has
# moved on after a second; someone who asked would rather wait for a model that is just being loaded.
MODEL_DEADLINE_S = {"typing": 1.0, "ask": 8.0, "explain": 30.0}
MODEL_OFF = "the model is switched off (model.enabled)"
NOTHING_TO_RANK = "no word of the question is known"
TOOLS_A_REPLY = 200  # about 200 kB a frame, well under the limit

Send = Callable[[Reply], Awaitable[None]]


class Control(Protocol):
    """What the service asks of the process it runs in."""

    async def reload(self) -> tuple[list[str], list[str]]:
        """Read everything again; return what changed and what is wrong."""

    def shutdown(self) -> None:
        """Stop after this reply."""

    def note(self, text: str) -> None:
        """Write a line to the log."""

    def status(self) -> dict[str, object]:
        """Describe the process."""


class Service:
    """Serves requests from one knowledge base, one engine and one configuration at a time."""

    def __init__(
        self,
        *,
        machine: Machine,
        path: str,
        knowledge: Knowledge,
        config: Config,
        engine: Engine | None,
        control: Control,
    ) -> None:
        self._machine, self._path, self._control = machine, path, control
        self._programs = ProgramIndex()
        self.metrics = Metrics()
        self.sessions = Sessions()
        self.engine = engine
        self.use(knowledge, config)

    def use(self, knowledge: Knowledge, config: Config) -> None:
        """Serve from another knowledge base or configuration from now on."""
        self.recommender = Recommender(knowledge, config.suggest)
        self.config = config
        # New, not emptied: a request under way still has numbers of the old knowledge base to put away.
        self.answers = Answers()

    async def serve(self, request: messages.AnyRequest, send: Send) -> None:
        """Answer a request: none or more frames, the last one final."""
        name = str(request.__struct_config__.tag)
        self.metrics.requests[name] += 1
        if self.config.log.queries and isinstance(request, messages.Suggest):
            self._control.note(f"{request.mode}: {request.query!r}")
        await getattr(self, f"handle_{name}")(request, send)

    async def handle_suggest(self, request: messages.Suggest, send: Send) -> None:
        """Send the shortlist's answer at once, then the model's."""
        task = asyncio.current_task()
        if request.session is None or task is None:
            return await self._suggest(request, send)
        self.sessions.enter(request.session, request.seq, task)
        try:
            await self._suggest(request, send)
        finally:
            self.sessions.leave(request.session, task)

    async def handle_resolve(self, request: messages.Resolve, send: Send) -> None:
        """Say what to install for a command that was not found."""
        situation = self._situation(request)
        tools, similar = self.recommender.resolve(request.name, situation)
        await send(messages.Resolved(id=request.id, name=request.name, tools=tools, similar=similar))

    async def handle_tools(self, request: messages.Tools, send: Send) -> None:
        """List the knowledge base, in parts that fit a frame."""
        tools = self.recommender.knowledge.tools
        starts = range(0, max(len(tools), 1), TOOLS_A_REPLY)
        for start in starts:
            part = [_entry(tool) for tool in tools[start : start + TOOLS_A_REPLY]]
            await send(messages.ToolList(id=request.id, final=start == starts[-1], tools=part))

    async def handle_status(self, request: messages.Status, send: Send) -> None:
        """Describe the daemon."""
        await send(messages.StatusReport(id=request.id, status=self._control.status()))

    async def handle_reload(self, request: messages.Reload, send: Send) -> None:
        """Read configuration, knowledge base and adapter again."""
        changed, problems = await self._control.reload()
        await send(messages.Reloaded(id=request.id, changed=changed, problems=problems))

    async def handle_shutdown(self, request: messages.Shutdown, send: Send) -> None:
        """Stop, once this is answered."""
        await send(messages.Done(id=request.id))
        self._control.shutdown()

    async def _suggest(self, request: messages.Suggest, send: Send) -> None:
        started = time.perf_counter()
        situation = self._situation(request)
        # A reload may replace these while the model thinks; a request is answered from those it began with.
        recommender, answers, engine = self.recommender, self.answers, self.engine
        show = render.Renderer(recommender, request, started, self.config.suggest.threshold)
        if request.mode == "explain":
            await self._explain(request, recommender.shortlist(request.query, situation), send, show)
            return
        key = (request.query, situation.machine, situation.shell, request.path, request.mode == "ask")
        known = answers.get(key)
        if known:
            self.metrics.cache_hits += 1
            await self._send(msgspec.structs.replace(known, situation=situation), "model", send, show)
            return
        self.metrics.cache_misses += 1
        draft = recommender.shortlist(request.query, situation)
        if engine is None or not draft.ranked:
            await self._send(draft, "shortlist", send, show, note=NOTHING_TO_RANK if engine else MODEL_OFF)
            return
        await self._send(draft, "shortlist", send, show, final=False)
        ranked, note = await _rank(recommender, engine, draft, request.mode)
        if not note:
            answers.put(key, ranked)
        await self._send(ranked, "shortlist" if note else "model", send, show, note=note)

    async def _explain(self, request: messages.Suggest, draft: Draft, send: Send, show: render.Renderer) -> None:
        recommender, engine = self.recommender, self.engine
        if engine is None or not draft.ranked:
            await self._send(draft, "shortlist", send, show, note=NOTHING_TO_RANK if engine else MODEL_OFF)
            return
        note = ""
        try:
            async with asyncio.timeout(MODEL_DEADLINE_S["explain"]):
                async with aclosing(recommender.think(draft, engine)) as thought:  # type: ignore[type-var]
                    async for text in thought:
                        if text:
                            await send(messages.Reasoning(id=request.id, text=text))
        except (EngineUnavailable, TimeoutError) as error:
            note = str(error) or "the model took too long"
        if not note:
            draft, note = await _rank(recommender, engine, draft, "explain")
        await self._send(draft, "shortlist" if note else "model", send, show, note=note)

    async def _send(
        self,
        draft: Draft,
        stage: messages.Stage,
        send: Send,
        show: render.Renderer,
        *,
        final: bool = True,
        note: str = "",
    ) -> None:
        reply = show.answer(draft, stage, final=final, note=note)
        self.metrics.observe("final" if final else "provisional", reply.latency_ms)
        await send(reply)

    def _situation(self, request: messages.Suggest | messages.Resolve) -> Situation:
        return situation_for(
            os=request.os,
            shell=request.shell,
            path=self._path if request.path is None else request.path,
            machine=self._machine,
            index=self._programs,
        )


async def _rank(recommender: Recommender, engine: Engine, draft: Draft, mode: str) -> tuple[Draft, str]:
    """Return the model's ranking, or the draft and why the model had no part in it."""
    try:
        async with asyncio.timeout(MODEL_DEADLINE_S[mode]):
            return await recommender.with_model(draft, engine, categorise=mode != "typing"), ""
    except EngineUnavailable as error:
        return draft, str(error)
    except TimeoutError:
        return draft, f"the model did not answer within {MODEL_DEADLINE_S[mode]:.0f} s"


def _entry(tool: Tool) -> messages.ToolEntry:
    return messages.ToolEntry(
        name=tool.name,
        programs=list(all_programs(tool)),
        categories=list(tool.categories),
        platforms=list(tool.platforms),
        standardness=tool.standardness,
        examples=[{"task": example.task, "command": example.command} for example in tool.examples],
        install={manager: package for manager, package in tool.install.items()},
        summary=tool.summary,
    )
