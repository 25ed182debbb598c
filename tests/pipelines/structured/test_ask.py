"""Conversations, against the real client and a real local server that invents or spoils replies."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from pipelines.completion import Completion, CompletionRequest, State
from pipelines.engine.client import Client
from pipelines.engine.endpoints import EngineSettings
from pipelines.fake_endpoint.api import FakeSettings
from pipelines.fake_endpoint.server import read_faults, serve
from pipelines.structured.ask import ListQuestion, ask_until_parsed, gather_items
from pipelines.structured.parsing import UnparsedError, tagged
from pipelines.structured.schemas import IdeaReply


class Scripted:
    """Answers requests from a list: for what a server cannot be made to say. Records what it was asked."""

    def __init__(self, *replies: str | State | Completion) -> None:
        self.replies, self.asked = list(replies), []

    async def ask(self, request: CompletionRequest) -> Completion:
        self.asked.append(request)
        reply = self.replies.pop(0) if self.replies else '{"items": []}'
        if isinstance(reply, Completion):
            return reply
        state = reply if isinstance(reply, State) else State.OK
        return Completion(f"{len(self.asked):064x}", state, "" if isinstance(reply, State) else reply)


def question(want: int, batch: int, attempts: int = 2, **changes) -> ListQuestion:
    def render(count: int, existing: list[str]) -> list:
        return [{"role": "user", "content": f"{count} more than {existing}"}]

    values = {
        "stage": "ideas", "row_id": "r", "form": IdeaReply, "want": want, "batch": batch, "attempts": attempts,
        "render": render, "name_of": lambda item: item.idea,
    }  # fmt: skip
    return ListQuestion(**{**values, **changes})


def ideas(*names: str) -> str:
    return '{"items": [' + ", ".join(f'{{"idea": "{name}"}}' for name in names) + "]}"


async def test_batches_are_told_what_exists_and_repeats_do_not_count() -> None:
    asker = Scripted(ideas("one", "two"), ideas("Two ", "three"), ideas("four", "five"))
    found = await gather_items(asker, question(4, 2))
    assert [item.idea for item, _ in found.items] == ["one", "two", "three", "four"]
    assert [item.idea for item, _ in found.repeats] == ["Two"]
    assert "['one', 'two']" in asker.asked[1].messages[0]["content"]
    assert [request.sample for request in asker.asked] == [0, 1, 2]


async def test_a_bad_reply_is_asked_again_with_the_error_then_recorded() -> None:
    asker = Scripted("nonsense", "still nonsense")
    found = await gather_items(asker, question(3, 3))
    assert not found.items and [f.state for f in found.failures] == [State.UNPARSED]
    assert [request.attempt for request in asker.asked] == [0, 1]
    assert [m["role"] for m in asker.asked[1].messages] == ["user", "assistant", "user"]
    assert "not valid JSON" in asker.asked[1].messages[2]["content"]


async def test_a_list_that_was_cut_off_is_asked_for_in_smaller_batches() -> None:
    asker = Scripted(State.TRUNCATED, ideas("one", "two"), ideas("three", "four"))
    found = await gather_items(asker, question(4, 4))
    assert len(found.items) == 4 and [f.state for f in found.failures] == [State.TRUNCATED]
    assert [request.json_schema["properties"]["items"]["maxItems"] for request in asker.asked] == [4, 2, 2]


@pytest.mark.parametrize("reply", [State.REFUSED, State.FAILED, State.OVER_BUDGET, State.STOPPED])
async def test_a_refused_topic_ends(reply: State) -> None:
    asker = Scripted(*[reply] * 50)
    found = await gather_items(asker, question(20, 5))
    assert len(asker.asked) == 1 and found.failures[0].state is reply


async def test_a_model_that_repeats_itself_ends_the_list() -> None:
    asker = Scripted(*[ideas("same")] * 50)
    found = await gather_items(asker, question(20, 5))
    assert len(asker.asked) == 2 and len(found.items) == 1


async def test_a_model_that_drips_one_item_at_a_time_ends_the_list() -> None:
    asker = Scripted(*[ideas(f"idea {n}") for n in range(50)])
    found = await gather_items(asker, question(20, 5))
    assert len(asker.asked) == len(found.items) == 8, "twice the batches of a perfect run, no more"


def no_bad(item: IdeaReply) -> None:
    if item.idea.startswith("bad"):
        raise UnparsedError("there is no such thing.")


async def test_one_bad_item_does_not_spoil_the_list() -> None:
    asker = Scripted(ideas("bad", "good"), ideas("fine"))
    found = await gather_items(asker, question(2, 2, check=no_bad))
    assert [item.idea for item, _ in found.items] == ["good", "fine"]
    assert [(item.idea, problem) for item, _, problem in found.unfit] == [("bad", "there is no such thing.")]
    assert len(asker.asked) == 2


async def test_an_item_without_the_form_does_not_spoil_the_list() -> None:
    """One of ten ideas is too long; nine are paid for and kept, and the tenth is asked for."""
    long = "x" * 801
    asker = Scripted(ideas(*(f"idea {n}" for n in range(8)), long, "idea 8"), ideas("idea 9"))
    found = await gather_items(asker, question(10, 10))
    assert [item.idea for item, _ in found.items] == [f"idea {n}" for n in range(10)]
    [(unfit, request_id, problem)] = found.unfit
    assert json.loads(unfit.model_dump()["item"]) == {"idea": long} and request_id == f"{1:064x}"
    assert problem.startswith("items.8.idea: ") and not found.failures
    assert [request.attempt for request in asker.asked] == [0, 0]


async def test_a_list_without_one_item_of_the_form_is_asked_for_again() -> None:
    asker = Scripted(ideas("x" * 801, "y" * 900), ideas("good"))
    found = await gather_items(asker, question(1, 2))
    assert [item.idea for item, _ in found.items] == ["good"]
    assert "items.0.idea" in asker.asked[1].messages[2]["content"]


@pytest.mark.parametrize("echo", [True, False])
@pytest.mark.parametrize("why", ["an empty reply", "tool calls instead of text"])
async def test_an_empty_reply_is_asked_again_with_the_reason(why: str, echo: bool) -> None:
    """And without an empty message of the assistant, which some servers refuse."""
    asker = Scripted(Completion("0" * 64, State.UNPARSED, error=why), "<document>Fine.</document>")
    request = CompletionRequest("documents", "i", [{"role": "user", "content": "write"}])
    answer = await ask_until_parsed(asker, request, lambda text: tagged(text, "document"), 3, echo=echo)
    assert answer.value == "Fine." and answer.attempts == 2
    [message] = asker.asked[1].messages
    assert f"could not be used: {why}. Answer again" in message["content"]


async def test_what_stays_empty_is_unparsed() -> None:
    asker = Scripted(*[Completion("0" * 64, State.UNPARSED, error="an empty reply")] * 5)
    request = CompletionRequest("documents", "i", [{"role": "user", "content": "write"}])
    answer = await ask_until_parsed(asker, request, str, 3)
    assert (answer.state, answer.problem, answer.attempts) == (State.UNPARSED, "an empty reply.", 3)
    assert [one.attempt for one in asker.asked] == [0, 1, 2]


async def test_a_topic_whose_reply_was_empty_comes_back_in_a_rerun(tmp_path: Path) -> None:
    """The empty reply stays in the ledger and is not paid for again; the next attempt is asked once."""
    found, asked = [], []
    for number, faults in enumerate([['{"kind": "tool_calls", "times": 0}'], [], []]):
        log = tmp_path / f"server-{number}.jsonl"
        runner, port = await serve(FakeSettings(log=log, faults=read_faults(faults)))
        endpoint = {"base_url": f"http://127.0.0.1:{port}/v1", "model": "fake"}
        settings = {"endpoints": {"e": endpoint}, "roles": {"writer": {"endpoints": ["e"]}}}
        async with Client(EngineSettings.model_validate(settings).role("writer"), tmp_path / "ledger.sqlite") as client:
            found.append(await gather_items(client, question(2, 2, attempts=1 if faults else 2)))
        await runner.cleanup()
        asked.append(log.read_text().count('"event": "asked"'))
    assert asked == [1, 1, 0]
    assert found[0].failures[0].problem == "tool calls instead of text."
    assert len(found[1].items) == 2 and found[2] == found[1]


async def test_a_list_of_bad_items_is_asked_for_again() -> None:
    asker = Scripted(ideas("bad", "bad too"), ideas("good"))
    found = await gather_items(asker, question(1, 2, check=no_bad))
    assert [item.idea for item, _ in found.items] == ["good"]
    assert "no such thing" in asker.asked[1].messages[2]["content"]


async def test_a_long_bad_reply_is_not_sent_back() -> None:
    asker = Scripted("a document without tags " * 500, "<document>Fine.</document>")
    request = CompletionRequest(
        "documents", "i", [{"role": "system", "content": "spec"}, {"role": "user", "content": "write"}]
    )
    answer = await ask_until_parsed(asker, request, lambda text: tagged(text, "document"), 3, echo=False)
    assert answer.value == "Fine." and answer.attempts == 2
    again = asker.asked[1].messages
    assert [m["role"] for m in again] == ["system", "user"] and again[0] == request.messages[0]
    assert again[1]["content"].startswith("write\n") and len(again[1]["content"]) < 400


async def test_identical_prompts_stay_separate_requests(tmp_path: Path) -> None:
    """docs/method.md, 5.3: a cache keyed by the prompt's text replayed the same document into every batch."""
    log = tmp_path / "server.jsonl"
    faults = read_faults(['{"kind": "500", "share": 0.3}'])
    runner, port = await serve(FakeSettings(log=log, faults=faults))
    endpoint = {"base_url": f"http://127.0.0.1:{port}/v1", "model": "fake", "retries": 3}
    settings = {"endpoints": {"e": endpoint}, "roles": {"writer": {"endpoints": ["e"], "send_seed": True}}}
    role = EngineSettings.model_validate(settings).role("writer")
    same = [{"role": "user", "content": "Write 60 words in <document> tags."}]
    async with Client(role, tmp_path / "ledger.sqlite") as client:
        requests = [CompletionRequest("documents", f"row {n % 4}", same, sample=n // 4) for n in range(12)]
        first = await asyncio.gather(*[client.ask(request) for request in requests])
        again = await asyncio.gather(*[client.ask(request) for request in requests])
    await runner.cleanup()
    assert len({c.request_id for c in first}) == len({c.text for c in first}) == 12
    assert [c.request_id for c in again] == [c.request_id for c in first]
    assert set(Counter(line.count('"event": "sent"') for line in log.read_text().splitlines())) <= {0, 1}
