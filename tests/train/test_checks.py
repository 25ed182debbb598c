"""Each fault is seen: a sample that is right, and the same one spoilt in one way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.train.probes import PROBES, SYSTEM, said, user
from tests.train.standins import make_tokenizer
from train.chats import read_chat
from train.checks import KINDS, faults
from train.families import Family, family_of
from train.rendering import IGNORED, Sample, render
from train.tokenizer import BaseTokenizer, load_tokenizer


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> tuple[Family, BaseTokenizer]:
    tokenizer = load_tokenizer(str(make_tokenizer(tmp_path_factory.mktemp("tok"), "qwen2.5")), Path())
    return family_of("x", tokenizer), tokenizer


def made(family: tuple[Family, BaseTokenizer], probe: str = "reasoned") -> Sample:
    return render(read_chat(PROBES[probe], "test"), *family)


def spoilt(family: tuple[Family, BaseTokenizer], probe: str, change: Callable[[str], str]) -> Sample:
    """The sample of a template whose text is changed."""
    return render(read_chat(PROBES[probe], "test"), *family, change(family[0].template_text()))


def kinds(sample: Sample, family: tuple[Family, BaseTokenizer]) -> set[str]:
    return {fault.kind for fault in faults(sample, *family)}


SPOILT = {
    "turns": ("plain", lambda text: text.replace("thought + (message.content or '')", "thought + 'Well.'")),
    "end": ("plain", lambda text: text.replace("{{- '<|im_end|>' }}", "{{- '<|endoftext|>' }}")),
    "identity": ("plain", lambda text: "{{- '<|im_start|>system\n(OpenAI)<|im_end|>\n' }}" + text),
    "added": ("plain", lambda text: "{{- '<|im_start|>system\nBe helpful.<|im_end|>\n' }}" + text),
    "think": ("reasoned", lambda text: text.replace("thought + (", "'<think>\n\n</think>\n\n' + thought + (")),
    "reasoning": ("reasoned", lambda text: text.replace("thought + (", "(")),
    "tools": ("tools", lambda text: text.replace("{%- for tool in tools %}", "{%- for tool in [] %}")),
    "empty": ("plain", lambda text: text.replace("thought + (message.content or '')", "''")),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_template_that_spoils_it_is_seen(kind: str, family: tuple[Family, BaseTokenizer]) -> None:
    probe, change = SPOILT[kind]
    assert kinds(made(family, probe), family) == set()
    assert change(family[0].template_text()) != family[0].template_text()
    assert kind in kinds(spoilt(family, probe, change), family)


def test_loss_on_something_else_is_seen(family: tuple[Family, BaseTokenizer]) -> None:
    sample = made(family, "system")
    assert "loss" in kinds(replace(sample, labels=list(sample.ids)), family)
    unended = [IGNORED if label == family[1].token_id("<|im_end|>") else label for label in sample.labels]
    assert {"end", "loss"} <= kinds(replace(sample, labels=unended), family)
    assert "decode" in kinds(replace(sample, ids=sample.ids[1:], labels=sample.labels[1:]), family)
    assert set(SPOILT) | {"loss", "decode"} == set(KINDS)


def test_names_in_the_chats_themselves_are_the_filters_business(family: tuple[Family, BaseTokenizer]) -> None:
    chat = read_chat({"messages": [SYSTEM, user("Is ChatGPT by OpenAI?"), said("It is; I am not.")]}, "test")
    assert kinds(render(chat, *family), family) == set()
