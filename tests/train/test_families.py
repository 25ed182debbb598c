"""Every family: what is trained on is what the dataset has, and what the makers' templates would have done."""

import re
from functools import cache
from pathlib import Path

import pytest

from specs.errors import UserError
from tests.train.probes import PROBES, SYSTEM, said, user
from tests.train.standins import FAMILIES, make_tokenizer
from train.chats import LeftOutError, read_chat, split_questions, without_thinking
from train.checks import faults
from train.data import Writer
from train.families import Family, families, family_of
from train.owntemplate import own_template_faults
from train.rendering import IGNORED, Sample, _render, render
from train.settings import TrainSettings
from train.tokenizer import BaseTokenizer, load_tokenizer

ALL = list(FAMILIES)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("tokenizers")

    @cache
    def load(key: str, instruct: bool = True) -> tuple[Family, BaseTokenizer]:
        place = make_tokenizer(folder / f"{key}-{instruct}", key, instruct=instruct)
        tokenizer = load_tokenizer(str(place), Path())
        return family_of("a-model", tokenizer), tokenizer

    return load


def samples(probe: str, family: Family, tokenizer: BaseTokenizer) -> list[Sample]:
    return Writer(tokenizer, family, TrainSettings()).samples(read_chat(PROBES[probe], "test"))


@pytest.mark.parametrize("key", ALL)
@pytest.mark.parametrize("instruct", [True, False], ids=["instruct", "base"])
def test_a_family_is_found_by_its_tokenizer_and_by_name(key: str, instruct: bool, loaded) -> None:
    family, tokenizer = loaded(key, instruct)
    assert family.key == key
    assert all(map(tokenizer.knows, filter(None, (family.end, family.document_end))))
    assert family_of("Somebody/Model", tokenizer, key) == family


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("meta-llama/Llama-3.3-70B-Instruct", "llama3"), ("Qwen/Qwen2.5-7B", "qwen2.5"), ("Qwen/Qwen3-32B", "qwen3"),
        ("google/gemma-3-12b-pt", "gemma3"), ("HuggingFaceTB/SmolLM2-135M", "smollm2"),
        ("HuggingFaceTB/SmolLM3-3B-Base", "smollm3"), ("allenai/OLMo-2-1124-7B", "olmo2"),
        ("allenai/Olmo-3-7B-Instruct", "olmo3"), ("mistralai/Mistral-7B-v0.3", "mistral"),
        ("mistralai/Mistral-Nemo-Base-2407", "mistral-tekken"),
        ("mistralai/Mistral-Small-24B-Base-2501", "mistral-tekken-system"), ("openai/gpt-oss-20b", "gpt-oss"),
    ],
)  # fmt: skip
def test_names_of_the_hub(name: str, key: str) -> None:
    first = next(one for one in families().values() if re.search(one.name, name, re.IGNORECASE))
    assert first.key == key


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("key", ALL)
def test_what_is_trained_on_is_what_the_dataset_has(key: str, probe: str, loaded) -> None:
    family, tokenizer = loaded(key)
    if "tools" in PROBES[probe] and not family.tools:
        with pytest.raises(LeftOutError, match="tools, which the form of"):
            samples(probe, family, tokenizer)
        return
    made = samples(probe, family, tokenizer)
    for sample in made:
        assert faults(sample, family, tokenizer) == []
        assert tokenizer.decode(sample.ids) == sample.text
        trained = tokenizer.decode([label for label in sample.labels if label != IGNORED])
        assert trained.endswith(family.end)
    everything = "".join(tokenizer.decode([one for one in sample.labels if one != IGNORED]) for sample in made)
    for message in PROBES[probe]["messages"]:
        if message["role"] == "assistant" and message.get("weight") != 0:
            assert (message.get("content") or "").split("</think>\n\n")[-1] in everything
            assert (message.get("reasoning_content") or "") in everything
        elif message.get("weight") == 0:
            assert message["content"] not in everything


@pytest.mark.parametrize("probe", ["plain", "system", "turns", "reasoned turns", "call alone"])
@pytest.mark.parametrize("key", ALL)
def test_a_sample_goes_on_from_what_the_model_is_asked_with(key: str, probe: str, loaded) -> None:
    """What stands before the last reply is the prompt that a server makes of the messages before it."""
    family, tokenizer = loaded(key)
    if "tools" in PROBES[probe] and not family.tools:
        return
    sample = samples(probe, family, tokenizer)[-1]
    rows = [message.as_row() for message in sample.chat.messages[:-1]]
    served = family.served_template()
    assert "generation %}" not in served.replace("add_generation_prompt %}", "")
    from jinja2 import Environment

    plain = Environment(trim_blocks=True, lstrip_blocks=True)
    from train.rendering import _to_json

    plain.filters["tojson"] = _to_json
    prompt = plain.from_string(served).render(
        messages=rows, tools=list(sample.chat.tools) or None, bos_token=tokenizer.bos or "", add_generation_prompt=True
    )
    assert sample.text[: sample.replies[-1][0]] == prompt
    assert _render(sample.chat, served, tokenizer)[0] == sample.text


@pytest.mark.parametrize("key", [key for key in ALL if key not in {"llama3", "smollm3", "gpt-oss", "qwen3"}])
def test_with_a_system_message_it_is_the_published_form(key: str, loaded) -> None:
    """Where the maker's template adds and drops nothing, ours gives the same text."""
    family, tokenizer = loaded(key)
    if tokenizer.own_template is None:
        pytest.skip("the published template is TRL's, which is not installed")
    chat = read_chat({"messages": [SYSTEM, user("First?"), said("One."), user("Second?"), said("Two.")]}, "test")
    own = render(chat, family, tokenizer, tokenizer.own_template)
    assert render(chat, family, tokenizer).text == own.text


def test_qwen3_with_and_without_thinking_is_the_published_form(loaded) -> None:
    family, tokenizer = loaded("qwen3")
    if tokenizer.own_template is None:
        pytest.skip("the published template is TRL's, which is not installed")
    for probe in ("reasoned turns", "turns", "tools", "call alone"):
        chat = without_thinking(read_chat(PROBES[probe], "test"), family.no_think)
        for part in split_questions(chat):
            assert render(part, family, tokenizer).text == render(part, family, tokenizer, tokenizer.own_template).text


# What the makers' templates do to the same twelve chats: the faults that are closed here.
BEFORE = {
    "llama3": {"added", "reasoning", "end", "turns"},
    "qwen2.5": {"identity", "added", "reasoning"},
    "qwen3": {"added", "reasoning", "turns", "end"},
    "gemma3": {"reasoning", "refused"},
    "smollm2": {"identity", "added", "reasoning", "tools"},
    "smollm3": {"identity", "added", "reasoning", "tools", "end"},
    "olmo2": {"reasoning"},
    "olmo3": {"added", "reasoning", "tools"},
    "mistral": {"reasoning", "tools"},
    "mistral-tekken-system": {"identity", "added", "reasoning", "tools"},
    "gpt-oss": {"identity", "added", "turns"},
}


@pytest.mark.parametrize("key", BEFORE)
def test_what_the_makers_templates_would_do_is_seen(key: str, loaded) -> None:
    family, tokenizer = loaded(key)
    if tokenizer.own_template is None:
        pytest.skip("the published template is TRL's, which is not installed")
    rows = [row for row in PROBES.values() if family.tools or "tools" not in row]
    found = own_template_faults([read_chat(row, "test") for row in rows], family, tokenizer)
    assert found is not None and set(found) >= BEFORE[key]


def test_reasoning_of_earlier_turns_is_a_sample_of_its_own(loaded) -> None:
    family, tokenizer = loaded("qwen3")
    first, second = samples("reasoned turns", family, tokenizer)
    assert "For one reason." in first.text and "For one reason." not in second.text
    loss = [tokenizer.decode([one for one in part.labels if one != IGNORED]) for part in (first, second)]
    assert loss[0] == "<think>\nFor one reason.\n</think>\n\nOne.<|im_end|>"
    assert loss[1] == "<think>\nFor another reason.\n</think>\n\nTwo.<|im_end|>"


@pytest.mark.parametrize(("key", "empty"), [("qwen3", "<think>\n\n</think>\n\n"), ("smollm3", "<think>\n\n</think>\n")])
def test_thinking_is_turned_off_where_there_is_no_reasoning_and_only_there(key: str, empty: str, loaded) -> None:
    family, tokenizer = loaded(key)
    (plain,) = samples("plain", family, tokenizer)
    assert "lunch? /no_think" in plain.text and f"{empty}Soup" in plain.text
    (tags,) = samples("tags", family, tokenizer)
    assert "/no_think" not in tags.text and "<think>\neasy\n</think>" in tags.text


def test_a_tokenizer_that_fits_no_family_is_refused(loaded, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    (tmp_path / "tokenizer.json").write_text(Tokenizer(models.BPE()).to_str())
    with pytest.raises(UserError, match="has the tokens of no chat form that is known"):
        family_of("mine", load_tokenizer(str(tmp_path), Path()))
    _, llama = loaded("llama3")
    with pytest.raises(UserError, match=r"has no token <\|im_start\|>.*fits it: llama3"):
        family_of("mine", llama, "qwen2.5")
    with pytest.raises(UserError, match="expected auto or one of"):
        family_of("mine", llama, "tokenizer_default")


@pytest.mark.parametrize("key", ALL)
def test_transformers_reads_the_same_tokens(key: str, tmp_path: Path) -> None:
    """The trainers load the tokenizer with transformers, and train on the ids that are made without it."""
    transformers = pytest.importorskip("transformers")
    place = make_tokenizer(tmp_path, key)
    ours = load_tokenizer(str(place), Path())
    theirs = transformers.AutoTokenizer.from_pretrained(place)
    family = family_of("a-model", ours)
    (sample,) = samples("reasoned", family, ours)
    assert theirs(sample.text, add_special_tokens=False)["input_ids"] == sample.ids
    theirs.chat_template = family.template_text()
    rows = [message.as_row() for message in sample.chat.messages]
    masked = theirs.apply_chat_template(rows, return_dict=True, return_assistant_tokens_mask=True)
    assert masked["input_ids"] == sample.ids
    assert masked["assistant_masks"] == [int(label != IGNORED) for label in sample.labels]
