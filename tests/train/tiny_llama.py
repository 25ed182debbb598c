"""A tiny random Llama with a family's stand-in tokenizer: `python -m tests.train.tiny_llama FOLDER FAMILY`."""

import sys
from pathlib import Path

from tests.train.standins import FAMILIES, make_tokenizer


def make_model(folder: Path, family: str = "qwen2.5", *, instruct: bool = False) -> Path:
    """Save a model of two layers, and its tokenizer: of a base model, without a template, or of an instruct model."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    make_tokenizer(folder, family, instruct=instruct)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=1024,
        eos_token_id=tokenizer.convert_tokens_to_ids(FAMILIES[family]["end" if instruct else "eos"]),
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    make_model(Path(sys.argv[1]), sys.argv[2])
