"""An error is an error, whatever its status and form; nothing is charged for it; its reason is kept."""

import asyncio
import json

import pytest

from pipelines.completion import State
from pipelines.engine.client import Client
from pipelines.engine.endpoints import EndpointSettings
from pipelines.engine.errors import status_fault
from pipelines.engine.outcomes import Fault, Reply
from pipelines.engine.protocols.openai_reply import read_reply
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specs.errors import EndpointError
from tests.pipelines.engine.batches.test_batches import ask_all, batch_role

SETTINGS = EndpointSettings(model="m", base_url="http://127.0.0.1:1/v1")
ROUTER = {"error": {"message": "too many requests in this minute", "code": 429, "metadata": {"headers": {}}}}


def sorted_as(status: int, body: object) -> Fault | Reply:
    if status < 400:
        return read_reply(body if isinstance(body, str) else json.dumps(body), SETTINGS, status=status)
    return status_fault(status, body, body if isinstance(body, str) else "", {}, SETTINGS, "")


@pytest.mark.parametrize(
    ("status", "body", "kind", "detail"),
    [
        (200, ROUTER, "throttled", "too many requests"),
        (200, {"error": {"message": "upstream died", "code": 502}}, "server", "upstream died"),
        (200, {"error": {"message": "add credits", "code": 402}}, "permanent", "add credits"),
        (200, {"error": {"message": "no key", "code": 401}}, "denied", "no key"),
        (200, {"error": {"type": "overloaded_error", "message": "Overloaded"}}, "server", "Overloaded"),
        (200, {"error": "something broke"}, "server", "something broke"),
        (200, {"object": "error", "message": "max len", "type": "BadRequestError", "code": 400}, "rejected", "max len"),
        (200, [{"error": {"code": 503, "message": "model is loading", "status": "UNAVAILABLE"}}], "server", "loading"),
        (429, {"error": {"code": "insufficient_quota", "message": "plan"}}, "permanent", "plan"),
        (429, {"error": {"message": "quota of this minute", "status": "RESOURCE_EXHAUSTED"}}, "throttled", "minute"),
        (402, {"message": "Insufficient Balance"}, "permanent", "Insufficient"),
        (400, {"detail": "the grammar is wrong"}, "rejected", "the grammar is wrong"),
        (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, "rejected", "field required"),
        (400, {"errors": [{"message": "first"}, {"message": "second"}]}, "rejected", "first; second"),
        (500, "upstream connect error", "server", "upstream connect error"),
        (500, {"error": {"type": "rate_limit_error", "message": "slow down"}}, "throttled", "slow down"),
        (404, "", "denied", "HTTP 404"),
        (451, {"error": {"message": "not here"}}, "rejected", "not here"),
    ],
)
def test_an_error_keeps_its_kind_and_its_reason(status, body, kind, detail):
    fault = sorted_as(status, body)
    assert isinstance(fault, Fault)
    assert fault.kind == kind
    assert detail in fault.detail
    assert not fault.billable
    assert bool(fault.advice) is (kind in {"permanent", "denied", "rejected"})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, {"code": 403, "message": "this input was refused by moderation", "metadata": {"reasons": ["violence"]}}),
        (403, {"message": "Your prompt was flagged as potentially violating our usage policy"}),
        (400, {"code": "data_inspection_failed", "message": "Input data may contain inappropriate content."}),
        (400, {"code": "400", "innererror": {"code": "ResponsibleAIPolicyViolation"}, "message": "filtered"}),
        (200, {"code": "content_filter", "message": "no"}),
    ],
)
def test_a_refusal_that_says_so_is_one_and_costs_nothing(status, error):
    reply = sorted_as(status, {"error": error})
    assert (reply.state, reply.usage.prompt, reply.usage.completion) == (State.REFUSED, 0, 0)


@pytest.mark.parametrize("text", ["Your account was flagged for violating our policy", "This API key may not be used"])
def test_word_about_the_account_is_no_refusal_of_a_prompt(text):
    assert sorted_as(403, {"error": {"message": f"Your request is denied: {text}"}}).kind == "rejected"


@pytest.mark.parametrize(
    ("status", "body", "said", "cure"),
    [
        (200, 'data: {"choices": []}\n\ndata: [DONE]\n', "stream of events", "stream"),
        (200, {"model": "m", "message": {"role": "assistant", "content": "Hi"}, "done": True}, "Ollama", "/v1"),
        (200, {"model": "m", "response": "Hi", "done": True}, "Ollama", "/v1"),
        (202, {"id": "1", "status": "queued"}, "queue", "answers later"),
        (200, {"object": "response", "output": [], "status": "completed"}, "Responses", "base_url"),
        (200, {"content": [{"type": "text"}], "stop_reason": "end_turn"}, "Anthropic", "protocol: anthropic"),
    ],
)
def test_another_form_is_named_with_what_to_set(status, body, said, cure):
    fault = sorted_as(status, body)
    assert (fault.kind, said in fault.detail, cure in fault.advice) == ("rejected", True, True)


async def test_a_server_of_another_form_ends_the_run_after_a_few(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "answer", "body": {"message": {}, "done": True}, "times": 0}])
    await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(60)])
    assert len(server.events("asked")) <= 16 + 3
    with pytest.raises(EndpointError, match=r"Ollama.*/v1"):
        CONTROL.raise_if_ended()


@pytest.mark.parametrize("mode", ["live", "batch"])
async def test_an_error_under_status_200_is_asked_again_and_never_charged(fake, make, tmp_path, mode):
    """With a budget that does not cover what they could cost at most."""
    server = await fake(faults=[{"kind": "answer", "body": ROUTER, "times": 2, "share": 0.5}])
    role = (make.role if mode == "live" else lambda one, **more: batch_role(make, one, **more))(
        server, budget={"tokens": 45_000}
    )
    async with Client(role, tmp_path / "l.sqlite") as client:
        done = await asyncio.gather(*(client.ask(make.request(n)) for n in range(40)))
    assert {one.state for one in done} == {State.OK}
    with Ledger(tmp_path / "l.sqlite") as opened:
        assert opened.spent()[1] == sum(one.usage.prompt + one.usage.completion for one in done)
        assert opened.lost() == (0, 0.0, 0)


async def test_an_account_without_credit_ends_the_run_at_once(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "answer", "body": {"error": {"code": 402, "message": "x"}}, "times": 0}])
    await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(60)])
    assert len(server.events("asked")) <= 16
    with pytest.raises(EndpointError, match="no credit left"):
        CONTROL.raise_if_ended()


@pytest.mark.parametrize(
    ("prefix", "headers"), [("\ufeff", {}), ("", {"Content-Type": "application/json; charset=latin-1"})]
)
async def test_json_is_utf_8_whatever_its_label_says(fake, make, tmp_path, prefix, headers):
    body = {"choices": [{"message": {"content": "Käse für 3 €"}, "finish_reason": "stop"}]}
    text = prefix + json.dumps(body, ensure_ascii=False)
    server = await fake(faults=[{"kind": "answer", "body": text, "headers": headers, "times": 0}])
    [done] = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(0)])
    assert (done.state, done.text) == (State.OK, "Käse für 3 €")
