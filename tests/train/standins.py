"""Stand-ins for the tokenizers of base models: a small real BPE with a family's special tokens."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from tests.train.published import published_template

_QWEN = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|repo_name|>"]
_LLAMA = [
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
]
_MISTRAL = [
    "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]",
]  # fmt: skip
_THINK = ["<think>", "</think>"]
# special tokens, other added tokens, BOS, EOS of the base model, end of a turn (the EOS of the instruct model)
_TEXT = "<|endoftext|>"
FAMILIES: dict[str, dict[str, Any]] = {
    "llama3": dict(special=_LLAMA, bos="<|begin_of_text|>", eos="<|end_of_text|>", end="<|eot_id|>"),
    "qwen2.5": dict(special=_QWEN, added=["<tool_call>", "</tool_call>"], eos=_TEXT, end="<|im_end|>"),
    "qwen3": dict(special=_QWEN, added=["<tool_call>", "<tool_response>", *_THINK], eos=_TEXT, end="<|im_end|>"),
    "gemma3": dict(
        special=["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"], bos="<bos>", eos="<eos>",
        end="<end_of_turn>",
    ),
    "smollm2": dict(
        special=[_TEXT, "<|im_start|>", "<|im_end|>", "<repo_name>"], bos=_TEXT, eos=_TEXT, end="<|im_end|>"
    ),
    "smollm3": dict(
        special=[*_LLAMA, "<|im_start|>", "<|im_end|>"], added=_THINK, eos="<|end_of_text|>", end="<|im_end|>"
    ),
    "olmo2": dict(special=[_TEXT, "<|endofprompt|>", "|||EMAIL_ADDRESS|||"], bos=_TEXT, eos=_TEXT, end=_TEXT),
    "olmo3": dict(
        special=[_TEXT, "<|endofprompt|>", "<|im_start|>", "<|im_end|>"],
        added=["<functions>", "</functions>", "<function_calls>", "</function_calls>"], eos=_TEXT, end="<|im_end|>",
    ),
    "mistral": dict(special=_MISTRAL, bos="<s>", eos="</s>", end="</s>"),
    "mistral-tekken": dict(special=[*_MISTRAL, "<SPECIAL_20>"], bos="<s>", eos="</s>", end="</s>"),
    "mistral-tekken-system": dict(
        special=[*_MISTRAL, "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"], bos="<s>", eos="</s>", end="</s>"
    ),
    "gpt-oss": dict(
        special=[
            "<|startoftext|>", _TEXT, "<|return|>", "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|call|>",
        ],
        eos="<|return|>", end="<|return|>",
    ),
    "chatml": dict(special=[_TEXT, "<|im_start|>", "<|im_end|>"], eos=_TEXT, end="<|im_end|>"),
}  # fmt: skip
_WORDS = "The assistant answers the question with what anyone can have for lunch: soup, bread, cheese and weather. " * 4


def make_tokenizer(folder: Path, family: str, *, instruct: bool = True) -> Path:
    """Save the stand-in of a family; a base model's has no template, and ends texts as in pretraining."""
    facts = FAMILIES[family]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(_tokenizer(family))
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": facts.get("bos"),
        "eos_token": facts["end"] if instruct else facts["eos"], "clean_up_tokenization_spaces": False,
        "pad_token": facts["special"][0], "model_max_length": 4096,
    }  # fmt: skip
    if instruct:
        config["chat_template"] = published_template(family)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@cache
def _tokenizer(family: str) -> str:
    facts = FAMILIES[family]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=facts["special"], initial_alphabet=sorted(alphabet), show_progress=False
    )
    made.train_from_iterator([_WORDS], trainer)
    made.add_tokens(facts.get("added", []))
    if facts.get("bos") and family != "smollm2":
        bos = facts["bos"]
        made.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, made.token_to_id(bos))]
        )
    return made.to_str()
