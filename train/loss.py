"""The loss of texts under a small reference model, where one is there: how surprising a corpus is to it."""

import math
from collections.abc import Sequence
from pathlib import Path

from specs.errors import UserError

_TOKENS = 512  # of each text


def mean_loss(model: str, texts: Sequence[str]) -> float:
    """Mean loss a token (nats) of the first 512 tokens of each text.

    Raises:
        UserError: torch or transformers is not installed, or the model cannot be loaded.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise UserError("the loss under a reference model needs torch and transformers (the extra `trl`).") from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
        loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    except (OSError, ValueError) as error:
        said = next(iter(str(error).splitlines()), "")
        raise UserError(f"--model {model}: cannot be loaded: {said} Give a folder{_hint(model)}.") from error
    total = count = 0.0
    with torch.inference_mode():
        for text in texts:
            ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=_TOKENS).input_ids
            if ids.shape[1] > 1:
                total += float(loaded(input_ids=ids, labels=ids).loss) * (ids.shape[1] - 1)
                count += ids.shape[1] - 1
    return total / count if count else math.nan


def _hint(model: str) -> str:
    return "" if Path(model).is_dir() else " with weights and tokenizer, or a name of the Hub that can be reached"
