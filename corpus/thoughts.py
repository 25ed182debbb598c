"""A reply without what its model thought before it: the one place that knows how servers and templates leave it in.

Think blocks in several spellings, gpt-oss's harmony channels, and control tokens of templates that leaked out.
"""

import re

_TAGS = ("think", "thinking", "thought", "reasoning", "seed:think")
_BLOCK = re.compile(rf"<({'|'.join(_TAGS)})>.*?</\1>|\[THINK\].*?\[/THINK\]|◁think▷.*?◁/think▷", re.DOTALL)
_CLOSING = re.compile(rf"</(?:{'|'.join(_TAGS)})>|\[/THINK\]|◁/think▷")
_OPENING = re.compile(rf"<(?:{'|'.join(_TAGS)})>|\[THINK\]|◁think▷")
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]*<\|message\|>|\A\s*analysis(?![ ,.:]).*?assistantfinal", re.DOTALL)
_CHANNEL = re.compile(r"<\|channel\|>\s*(?:analysis|commentary)")
_START = re.compile(r"\A(?:\s*(?:<\|(?:im_start|start_header_id|start|begin_of_text|assistant)\|>|<s>|<bos>|"
                    r"<start_of_turn>)\s*(?:assistant|model)?\s*(?:<\|end_header_id\|>|<\|message\|>)?)+")  # fmt: skip
_END = re.compile(
    r"<\|(?:im_end|eot_id|eom_id|endoftext|end_of_text|end|return|end_of_turn|user|im_start|start_header_id)\|>|"
    r"</s>|<(?:end_of_turn|eos|pad)>|<\|?/?end_of_sentence\|?>|<｜end▁of▁sentence｜>|\[/?INST\]"
)


def without_thought(reply: str) -> str:
    """What was replied, without thoughts and leaked control tokens; empty where a thought is not closed, for then
    nothing has been replied yet.

    A chat template may have written the opening tag, so that the reply begins inside of the block.
    """
    finals = list(_FINAL.finditer(reply))
    text = reply[finals[-1].end() :] if finals else reply
    if not finals and _CHANNEL.search(text):
        return ""
    text = _BLOCK.sub("", text)
    for closing in list(_CLOSING.finditer(text))[-1:]:
        text = text[closing.end() :]
    if _OPENING.search(text):
        return ""
    text = _START.sub("", text)
    ending = _END.search(text)  # what follows a token that ends a turn is no part of the reply
    return text[: ending.start() if ending else None].strip()
