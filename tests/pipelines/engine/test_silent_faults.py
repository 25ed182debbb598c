"""A server that reads only a part of the prompt is found out before documents are paid for; another model is named."""

import pytest

from pipelines.completion import CompletionRequest, State, Usage
from pipelines.engine.endpoints import EndpointSettings
from pipelines.engine.outcomes import Fault, Reply
from pipelines.engine.silent_faults import SilentFaults
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specs.errors import EndpointError
from tests.pipelines.engine.batches.test_batches import ask_all, batch_role
from tests.pipelines.engine.batches.test_failover import warnings

ENDPOINT = EndpointSettings(model="m")
SPEC = "The assistant says what it knows, asks where it is not sure, and never pretends to be somebody else. "


def request(number: int, times: int = 400) -> CompletionRequest:
    messages = [
        {"role": "system", "content": SPEC * times},
        {"role": "user", "content": f"Write 30 words about row-{number}."},
    ]
    return CompletionRequest("domains", f"row-{number}", messages)


@pytest.mark.parametrize("mode", ["live", "batch"])
async def test_a_cut_prompt_ends_the_run_and_its_replies_are_not_kept(fake, make, tmp_path, mode):
    """With the settings changed, the same workspace goes on."""
    ledger, requests = tmp_path / "l.sqlite", [request(n) for n in range(40)]
    role = make.role if mode == "live" else lambda server, **more: batch_role(make, server, **more)
    server = await fake(window=4096)
    done = await ask_all(role(server, budget={"tokens": 10**7}), ledger, requests)
    assert not any(one.state is State.OK for one in done)
    with pytest.raises(EndpointError, match=r"about \d{4} tokens and reports 4096.*num_ctx.*--max-model-len"):
        CONTROL.raise_if_ended()
    if mode == "live":
        assert len(server.events("asked")) <= 16
        with Ledger(ledger) as opened:  # what was made is paid for, at what the server says
            assert opened.lost()[0] == len(server.events("sent"))
            assert 0 < opened.spent()[1] < opened.lost()[0] * 4600
    CONTROL.reset()
    server = await fake()
    assert {one.state for one in await ask_all(role(server), ledger, requests)} == {State.OK}


@pytest.fixture
def sift(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as ledger:
        silent = SilentFaults(ledger, {"e": ENDPOINT, "off": ENDPOINT.model_copy(update={"check_prompt": False})})

        def look(prompt: str, read: int | None, endpoint: str = "e") -> Reply | Fault:
            return silent.look(endpoint, "m", prompt, 10**6, Reply(State.OK, "x", "", "stop", Usage(read)))

        yield look


@pytest.mark.parametrize("share", [0.75, 1.0, 1.6])
def test_tokenizers_differ_and_prompts_of_all_lengths_are_read_whole(sift, share):
    for times in range(1, 300, 7):
        assert isinstance(sift(SPEC * times, int(20 * times * share)), Reply)


def test_a_window_only_a_little_too_small_shows_as_a_ceiling(sift):
    outcomes = [sift(SPEC * times, min(20 * times + 8, 4096)) for times in range(190, 250, 5)]
    assert isinstance(outcomes[0], Reply)
    assert isinstance(outcomes[-1], Fault)
    assert "4096" in outcomes[-1].detail


@pytest.mark.parametrize("read", [None, 0])
def test_what_is_not_reported_tells_nothing(sift, read):
    assert isinstance(sift(SPEC * 400, read), Reply)


def test_a_server_that_leaves_out_what_was_cached_is_no_liar(sift):
    assert isinstance(sift(SPEC * 400, 31), Reply)
    assert isinstance(sift(SPEC * 400, 8000), Reply)
    assert isinstance(sift(SPEC * 400 + "More." * 900, 900), Reply)


def test_the_check_can_be_turned_off(sift):
    assert isinstance(sift(SPEC * 400, 2048), Fault)
    assert isinstance(sift(SPEC * 400, 2048, "off"), Reply)


async def test_another_model_is_named_once_and_stored(fake, make, tmp_path, caplog):
    server = await fake(faults=[{"kind": "other_model", "word": "gpt-3.5-turbo", "times": 0}])
    await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(5)])
    assert sum("answers as gpt-3.5-turbo" in text for text in warnings(caplog)) == 1
    with Ledger(tmp_path / "l.sqlite") as opened:
        assert opened.read("SELECT * FROM answered_as") == [("e0", "gpt-4.1-mini", "gpt-3.5-turbo")]


@pytest.mark.parametrize(
    "name",
    ["gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", "openai/gpt-4.1-mini", "GPT-4.1-mini", "/models/gpt-4.1-mini.gguf"],
)
async def test_the_same_model_by_another_spelling_is_no_other(fake, make, tmp_path, caplog, name):
    server = await fake(faults=[{"kind": "other_model", "word": name, "times": 0}])
    await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(0)])
    assert not warnings(caplog)
