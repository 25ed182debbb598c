"""Where the text of a message may stand, and models without a system role."""

import json

import pytest

from pipelines.completion import CompletionRequest, State
from pipelines.documents.decompose import DomainReply
from pipelines.engine.endpoints import EndpointSettings, EngineSettings
from pipelines.engine.protocols.openai import OpenAIProtocol
from pipelines.engine.protocols.openai_reply import read_reply
from pipelines.engine.protocols.post import encoded
from pipelines.run.control import CONTROL
from pipelines.structured.parsing import json_items
from specs.errors import EndpointError
from tests.pipelines.engine.batches.test_batches import ask_all, batch_role

SETTINGS = EndpointSettings(model="m")
HARMONY = "<|channel|>analysis<|message|>%s<|end|><|start|>assistant<|channel|>final%s<|message|>%s"
THOUGHT, ANSWER = "Two will do.", '{"items": [{"name": "Prices", "summary": "What things cost."}]}'


def read(message: dict):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
    return read_reply(json.dumps({"choices": [choice]}), SETTINGS)


@pytest.mark.parametrize(
    "message",
    [
        {"content": ANSWER, "reasoning_content": THOUGHT},
        {"content": ANSWER, "reasoning": THOUGHT},
        {"content": ANSWER, "reasoning_details": [{"type": "reasoning.text", "text": THOUGHT}]},
        {"content": ANSWER, "reasoning_details": [{"type": "reasoning.summary", "summary": THOUGHT}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}, {"text": ANSWER}]},
        {"content": [{"type": "text", "text": ANSWER[:9]}, {"type": "text", "text": ANSWER[9:]}], "reasoning": THOUGHT},
        {"content": HARMONY % (THOUGHT, "", ANSWER) + "<|return|>"},
        {"content": HARMONY % (THOUGHT, " <|constrain|>json", ANSWER)},
        {"content": f"{ANSWER}<|im_end|>\n", "reasoning": THOUGHT},
        {"content": f"{ANSWER}<|im_end|><|endoftext|>", "reasoning": THOUGHT},
    ],
)  # fmt: skip
def test_text_and_reasoning_wherever_they_stand(message):
    reply = read(message)
    assert (reply.state, reply.text, reply.reasoning) == (State.OK, ANSWER, THOUGHT)
    assert json_items(reply.text, DomainReply).items[0].name == "Prices"


def test_a_text_that_mentions_marks_keeps_them():
    text = "The mark <|im_end|> ends a turn, and <|channel|> names one."
    assert read({"content": text}).text == text


@pytest.mark.parametrize("content", [None, "", [], " "])
def test_json_that_a_reasoning_parser_took_away_is_said_with_the_cure(content):
    reply = read({"content": content, "reasoning_content": ANSWER})
    assert reply.state is State.UNPARSED
    assert "reasoning parser" in reply.error
    assert "--reasoning-parser" in reply.error


# --- without a system role -------------------------------------------------------------------------------------------

NO_SYSTEM = {"error": {"message": "System role not supported", "code": 400}}


def sent(messages: list[dict], **endpoint) -> list[dict]:
    settings = {"endpoints": {"e": {"model": "m", **endpoint}}, "roles": {"writer": {"endpoints": "e"}}}
    role = EngineSettings.model_validate(settings).role("writer")
    return OpenAIProtocol.body(role, "e", CompletionRequest("s", "r", messages))["messages"]


def test_the_system_text_stands_before_the_first_user_message():
    one, two = {"role": "system", "content": "Spec."}, {"role": "user", "content": "Ask."}
    reply = {"role": "assistant", "content": "Yes."}
    assert sent([one, two]) == [one, two]
    merged = {"role": "user", "content": "Spec.\n\nAsk."}
    assert sent([one, two, reply, two], system_role=False) == [merged, reply, two]
    assert sent([one, reply], system_role=False) == [{"role": "user", "content": "Spec."}, reply]
    assert sent([two], system_role=False) == [two]


@pytest.mark.parametrize("mode", ["live", "batch"])
async def test_a_model_without_a_system_role_is_named_with_the_setting_that_helps(fake, make, tmp_path, mode):
    refusal = {"kind": "answer", "status": 400, "body": NO_SYSTEM, "times": 0, "contains": '"system"'}
    server = await fake(faults=[refusal])
    role = make.role if mode == "live" else lambda one, **more: batch_role(make, one, **more)
    await ask_all(role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(5)])
    with pytest.raises(EndpointError, match="system_role: false"):
        CONTROL.raise_if_ended()
    CONTROL.reset()
    done = await ask_all(
        role(server, endpoint={"system_role": False}), tmp_path / "l.sqlite", [make.request(n) for n in range(5)]
    )
    assert {one.state for one in done} == {State.OK}


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "messages": [{"role": "user", "content": 'Käse "x"\n' * 2000}], "top_p": 0.5},
        {"messages": [{"role": "user", "content": "x"}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
        {"model": "m"},
    ],
)
def test_what_is_sent_is_the_body_as_json(body):
    assert json.loads(encoded(body)) == body
    assert encoded(body) == encoded(body)
