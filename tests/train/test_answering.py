"""The small server of one model: what it writes for a request does not depend on what is asked beside it."""

import asyncio
from pathlib import Path

import pytest

from tests.lazy import Lazy, needs
from tests.train.tiny_llama import make_model
from train.families import families

pytestmark = needs("torch", "transformers")
answering = Lazy("train.run.answering")


def asked(text: str, **body):
    loop = asyncio.new_event_loop()
    messages = [{"role": "user", "content": text}]
    return {"messages": messages, "logprobs": True, "top_logprobs": 5, "max_tokens": 4, **body}, loop.create_future()


@pytest.mark.slow
def test_a_batch_answers_as_each_request_alone(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    template = tmp_path / "template.jinja"
    template.write_text(families()["qwen2.5"].served_template())
    server = answering.Answering(str(model), None, str(template), "<|im_end|>")
    bodies = [asked("Hi"), asked("A much longer question, of A or B?", temperature=0), asked("Hi", temperature=0.5)]

    def answers(some):
        batch = []
        for body, future in some:
            text = server.tokenizer.apply_chat_template(body["messages"], tokenize=False, add_generation_prompt=True)
            batch.append(answering.Asked(body, server._ids(text), future))
        server.write(batch)
        return [server.completion(one)["choices"][0] for one in batch]

    together = answers(bodies)
    alone = [answers([one])[0] for one in bodies]
    assert [one["message"] for one in together] == [one["message"] for one in alone]
    for one, other in zip(together, alone, strict=True):
        first, second = (choice["logprobs"]["content"][0] for choice in (one, other))
        assert first["logprob"] == pytest.approx(second["logprob"], abs=1e-4)
        listed = {entry["token"].strip() for entry in first["top_logprobs"]}
        assert {"A", "B", "C", "D"} <= listed and len(first["top_logprobs"]) >= 5
    assert together[0]["finish_reason"] in {"stop", "length"} and len(together[1]["logprobs"]["content"]) <= 4


@pytest.mark.slow
def test_a_given_text_is_scored_as_the_model_itself_scores_it(tmp_path: Path) -> None:
    import torch

    from pipelines.engine.protocols.openai_reply import prompt_tokens
    from pipelines.questions.asking import text_logprob

    model = make_model(tmp_path / "model")
    template = tmp_path / "template.jinja"
    template.write_text(families()["qwen2.5"].served_template())
    server = answering.Answering(str(model), None, str(template), "<|im_end|>")
    options = ["a plain watch", "the clock of the town hall, which is late", "no"]
    batch, begins = [], []
    for option in options:
        body, future = asked("Which?", prompt_logprobs=0, max_tokens=1)
        given = {"tokenize": False, "continue_final_message": True}
        messages = [*body["messages"], {"role": "assistant", "content": option}]
        text = server.tokenizer.apply_chat_template(messages, **given)
        assert text.endswith(option)
        batch.append(answering.Asked(body, server._ids(text), future))
        begins.append(len(server._ids(text.removesuffix(option))))
    server.write(batch)
    for one, option, begin in zip(batch, options, begins, strict=True):
        ids = torch.tensor([one.prompt])
        chances = server.model(input_ids=ids).logits[0, :-1].float().log_softmax(-1)
        wanted = sum(float(chances[place - 1, one.prompt[place]]) for place in range(begin, len(one.prompt)))
        body = server.completion(one)
        assert body["choices"][0]["finish_reason"] == "length" and len(body["prompt_logprobs"]) == len(one.prompt)
        assert text_logprob(prompt_tokens(body["prompt_logprobs"]), option) == pytest.approx(wanted, abs=1e-3)
