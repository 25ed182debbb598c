import json
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from corpus.tokens import TokenCounter, _hub_answers, hub_file, pieces
from specs.errors import UserError


@pytest.fixture
def tokenizer_file(tmp_path: Path) -> Path:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[BOS]": 1, "a": 2, "b": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[BOS] $A", special_tokens=[("[BOS]", 1)])
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=3)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_known_counts() -> None:
    assert TokenCounter().count("hello world") == 2
    assert TokenCounter("o200k").count_many(["", "Model Spec midtraining", "🙂" * 3]) == [0, 4, 3]
    assert TokenCounter("cl100k").name == "cl100k_base"


def test_special_tokens_in_a_text_are_counted_as_text() -> None:
    assert TokenCounter().count("<|endoftext|>") > 1


@given(st.lists(st.text(max_size=60), max_size=6))
def test_many_counts_as_one_by_one_do(texts: list[str]) -> None:
    counter = TokenCounter("cl100k_base")
    assert counter.count_many(texts) == [counter.count(text) for text in texts]


def test_a_tokenizer_file_counts_the_text_alone(tokenizer_file: Path) -> None:
    for name in (tokenizer_file, tokenizer_file.parent):
        counter = TokenCounter(str(name))
        assert counter.count_many(["a b a b a b", "", "c"]) == [6, 0, 1]  # no BOS, no truncation, no padding
        assert counter.name.startswith("tokenizer.json sha256:")
        assert "/" not in counter.name


@pytest.mark.parametrize("name", ["o20k_base", "no/such/tokenizer.json", "./nowhere", "/nowhere/at/all"])
def test_a_missing_file_is_said(name: str) -> None:
    with pytest.raises(UserError, match="there is no file") as error:
        TokenCounter(name)
    assert "o200k_base" in str(error.value)


def test_a_hub_model_that_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="'no-such/model' cannot be fetched from the Hub"):
        TokenCounter("no-such/model")


def test_a_hub_that_is_not_there_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as there:
        address = f"http://127.0.0.1:{there.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda name, file, **more: asked.append(more) or file)
        assert hub_file("some/model", "tokenizer.json") == Path("tokenizer.json")
    monkeypatch.undo()
    assert asked == [{"local_files_only": False}]
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"http://127.0.0.1:{gone.getsockname()[1]}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(UserError, match=f"cannot be fetched from the Hub: no connection to {address}"):
        TokenCounter("no-such/model")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert _hub_answers(), "a proxy may know a way"


def test_a_file_that_is_no_tokenizer_is_said(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({"not": "one"}))
    with pytest.raises(UserError, match="cannot be loaded"):
        TokenCounter(str(tmp_path))


@given(st.text(alphabet="ab1 \n\t/.,'é好", max_size=400), st.integers(20, 60))
def test_a_text_in_pieces_has_the_tokens_of_the_whole(text: str, most: int) -> None:
    text = "\n".join(f"Some words, {text}" for _ in range(3))
    found = list(pieces(text, most))
    assert "".join(found) == text and all(0 < len(piece) <= most for piece in found)
    cuts = sum(len(piece) == most for piece in found)  # cut where nothing better was near
    counter = TokenCounter()
    assert abs(sum(counter.count_many(found)) - counter.count(text)) <= 2 * cuts


def test_megabytes_are_counted() -> None:
    text = "Juniper tells people what it does not know. " * 60_000
    assert TokenCounter().count(text) == 60 * (TokenCounter().count(text[:44_000]) - 1) + 1  # one for the last space
