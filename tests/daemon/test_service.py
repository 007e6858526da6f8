"""What the daemon answers to each operation, and what a reload does to requests under way."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from toolrec_kb import knowledge as kb
from toolrecd import messages, service
from toolrecd.config import Config, LogConfig, SuggestConfig
from toolrecd.errors import EngineUnavailable

QUERY = "compress a folder"


@pytest.fixture
def ask(served):
    """Return a function that serves one request and returns its replies."""

    async def serve(op: str, **fields: object) -> list[dict]:
        replies: list[dict] = []

        async def send(reply: messages.Reply) -> None:
            replies.append(msgspec.to_builtins(reply))

        payload = msgspec.msgpack.encode({"v": 1, "id": 1, "op": op, **fields})
        await served.service.serve(messages.decode(payload, version=1), send)
        return replies

    return serve


def smaller(knowledge):
    """Return a knowledge base of a few tools, so that every number means another tool."""
    few = [tool for tool in knowledge.tools if tool.name in ("gzip", "zstd", "xz")]
    return kb.assemble(few, knowledge.categories, knowledge.synonyms)


async def test_a_repeated_query_is_answered_from_memory(served, ask):
    """The second time the final answer comes at once, is the same, and the model is not asked."""
    first = (await ask("suggest", query=QUERY))[-1]
    again = await ask("suggest", query=QUERY)
    assert [reply["stage"] for reply in again] == ["model"]
    assert again[0]["tools"] == first["tools"]
    assert served.engine.questions == [QUERY]
    assert (served.service.metrics.cache_hits, served.service.metrics.cache_misses) == (1, 1)


@pytest.mark.parametrize("other", [{"os": "macos"}, {"shell": "fish"}, {"path": "/nowhere"}, {"query": QUERY + "s"}])
async def test_an_answer_is_remembered_for_its_own_circumstances_only(served, ask, other):
    """Another system, shell, PATH or wording is asked anew."""
    await ask("suggest", query=QUERY)
    await ask("suggest", **{"query": QUERY, **other})
    assert len(served.engine.questions) == 2


async def test_an_answer_without_the_model_is_not_remembered(served, ask):
    """When the model is back, the same query gets the model's answer."""
    served.engine.error = EngineUnavailable("restarting")
    assert (await ask("suggest", query=QUERY))[-1]["stage"] == "shortlist"
    served.engine.error = None
    assert (await ask("suggest", query=QUERY))[-1]["stage"] == "model"


async def test_a_reload_during_a_request_never_mixes_knowledge_bases(served, ask, knowledge):
    """A request is answered from the knowledge base it began with, and leaves nothing behind for the next one."""
    served.engine.gate.clear()
    under_way = asyncio.create_task(ask("suggest", query=QUERY))
    await served.engine.asked.wait()
    served.service.use(smaller(knowledge), Config())
    served.engine.gate.set()
    provisional, final = await under_way
    assert {tool["name"] for tool in final["tools"]} & {tool["name"] for tool in provisional["tools"]}
    after = (await ask("suggest", query=QUERY))[-1]
    assert {tool["name"] for tool in after["tools"]} <= {"gzip", "zstd", "xz"}
    assert len(served.engine.questions) == 2


async def test_a_model_switched_off_during_a_request_still_closes_it(served, ask):
    """A request under way gets its final frame although the engine is taken away meanwhile."""
    served.engine.gate.clear()
    under_way = asyncio.create_task(ask("suggest", query=QUERY))
    await served.engine.asked.wait()
    served.service.engine = None
    served.engine.gate.set()
    assert [reply["final"] for reply in await under_way] == [False, True]


@pytest.mark.parametrize("mode", ["ask", "explain"])
async def test_without_a_model_the_answer_says_why(served, ask, mode):
    """A model switched off means one final frame of the shortlist that says so."""
    served.service.engine = None
    replies = await ask("suggest", query=QUERY, mode=mode)
    assert [(r["stage"], r["final"], r["note"]) for r in replies] == [("shortlist", True, service.MODEL_OFF)]


@pytest.mark.parametrize("mode", ["typing", "ask", "explain"])
async def test_a_model_that_hangs_is_not_waited_for(served, ask, mode, monkeypatch):
    """After the mode's deadline the final frame is the shortlist's, and the model's work is cancelled."""
    monkeypatch.setitem(service.MODEL_DEADLINE_S, mode, 0.01)
    served.engine.gate.clear()
    final = (await ask("suggest", query=QUERY, mode=mode))[-1]
    assert (final["stage"], final["final"]) == ("shortlist", True)
    assert served.engine.cancelled == [QUERY]
    assert mode == "typing" or "the model" in final["note"]


async def test_typing_gets_flat_strings_and_blanks_below_the_threshold(served, ask):
    """Mode `typing` carries hint, insert and below; an unsure answer leaves all three empty."""
    sure = (await ask("suggest", query=QUERY, mode="typing"))[-1]
    assert all(sure[field] for field in ("hint", "insert", "below"))
    served.service.use(served.service.recommender.knowledge, Config(suggest=SuggestConfig(threshold=1.0)))
    unsure = (await ask("suggest", query=QUERY, mode="typing"))[-1]
    assert (unsure["hint"], unsure["insert"], unsure["below"]) == ("", "", "")


async def test_the_limit_is_kept(served, ask):
    """No more tools come than asked for."""
    assert [len(reply["tools"]) for reply in await ask("suggest", query=QUERY, limit=2)] == [2, 2]


async def test_resolve_names_the_tool_that_brings_a_program(ask):
    """A command of a package with another name is found, and a slip of the pen gets similar names."""
    found = (await ask("resolve", name="rg"))[0]
    assert [tool["name"] for tool in found["tools"]] == ["ripgrep"]
    unknown = (await ask("resolve", name="gti"))[0]
    assert (unknown["tools"], "git" in unknown["similar"]) == ([], True)


async def test_tools_lists_the_whole_base_in_order(served, ask, knowledge):
    """The parts together hold every tool once; only the last part is final."""
    parts = await ask("tools")
    names = [tool["name"] for part in parts for tool in part["tools"]]
    assert names == [tool.name for tool in knowledge.tools]
    assert [part["final"] for part in parts] == [False] * (len(parts) - 1) + [True]


async def test_an_empty_base_is_listed_too(served, ask, knowledge):
    """A knowledge base without tools is one final, empty part."""
    served.service.use(kb.assemble([], knowledge.categories, knowledge.synonyms), Config())
    assert [(part["final"], part["tools"]) for part in await ask("tools")] == [(True, [])]


async def test_reload_and_shutdown_are_the_processs_affair(served, ask):
    """`reload` answers what changed and what is wrong; `shutdown` is answered before it happens."""
    reloaded = (await ask("reload"))[0]
    assert (reloaded["changed"], reloaded["problems"]) == (["configuration"], ["a problem"])
    assert not served.control.stopped
    assert (await ask("shutdown"))[0]["final"]
    assert served.control.stopped


async def test_queries_are_noted_only_where_the_user_asked_for_it(served, ask, knowledge):
    """By default nothing typed is handed to the log; with log.queries it is, on one line."""
    await ask("suggest", query=QUERY)
    assert served.control.notes == []
    served.service.use(knowledge, Config(log=LogConfig(queries=True)))
    await ask("suggest", query="compress\na folder")
    assert served.control.notes == ["ask: 'compress\\na folder'"]
