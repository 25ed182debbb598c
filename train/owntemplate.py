"""What a base model's own template would do to the same chats: why ours is used, in numbers."""

from collections import Counter
from collections.abc import Sequence

from train.chats import Chat, LeftOutError
from train.checks import faults
from train.families import Family
from train.rendering import render
from train.tokenizer import BaseTokenizer


def own_template_faults(chats: Sequence[Chat], family: Family, tokenizer: BaseTokenizer) -> Counter[str] | None:
    """Chats with each kind of fault, and "refused"; None where the tokenizer brings no template.

    Reasoning is given as `reasoning_content`; a template that does not know it loses it.
    """
    if tokenizer.own_template is None:
        return None
    found: Counter[str] = Counter()
    plain = family.model_copy(update={"each_turn": False})  # every reply is looked at
    for chat in chats:
        try:
            sample = render(chat, plain, tokenizer, tokenizer.own_template)
        except LeftOutError:
            found["refused"] += 1
            continue
        found.update({fault.kind for fault in faults(sample, plain, tokenizer)})
    return found
