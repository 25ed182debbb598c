"""Families of base models: how a chat is written for each, and what marks its end. The table is `families.yaml`."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from specs.data import load_yaml
from specs.errors import UserError
from train.tokenizer import BaseTokenizer

_GENERATION = re.compile(r"\{%-? *(end)?generation *-?%\}\n?")


class Family(BaseModel):
    """One row of `families.yaml`, where its columns are described."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    template: str
    name: str
    tokens: tuple[str, ...]
    end: str
    document_end: str | None = None
    thinks: bool = False
    each_turn: bool = False
    no_think: str = ""
    tools: bool = True
    variables: tuple[str, ...] = ()

    def template_text(self) -> str:
        """The chat template, with `{% generation %}` around what an assistant writes; its variables are set in it."""
        given = "".join(f"{{%- set {name} = true %}}" for name in self.variables)
        return given + files("train").joinpath("templates", self.template).read_text(encoding="utf-8")

    def served_template(self) -> str:
        """The same template as the trained model is served with: servers other than transformers know no
        `{% generation %}`."""
        return _GENERATION.sub("", self.template_text())


@cache
def families() -> dict[str, Family]:
    """Every family by its key, in the order in which they are tried."""
    text = files("train").joinpath("families.yaml").read_text(encoding="utf-8")
    rows: dict[str, dict[str, Any]] = load_yaml(text)
    return {key: Family(key=key, **row) for key, row in rows.items()}


def family_of(base_model: str, tokenizer: BaseTokenizer, wanted: str = "auto") -> Family:
    """The family of a base model: the one that is `wanted`, or by its name, or by the tokens that its tokenizer knows.

    Raises:
        UserError: there is no such family, or the tokenizer lacks what the family's chats are written with.
    """
    known = families()
    if wanted != "auto":
        if wanted not in known:
            raise UserError(f"train.chat_template is {wanted!r}; expected auto or one of: {', '.join(known)}.")
        found = known[wanted]
        if missing := _missing(found, tokenizer):
            raise UserError(
                f"train.chat_template {wanted}: the tokenizer of {base_model} has no token {', '.join(missing)}. A "
                f"form "
                f"that fits it: {', '.join(_fitting(tokenizer)) or 'none of those that are known'}."
            )
        return found
    fitting = _fitting(tokenizer)
    named = [key for key, one in known.items() if re.search(one.name, base_model, re.IGNORECASE)]
    both = [key for key in named if key in fitting]
    if not fitting:
        raise UserError(
            f"{base_model}: its tokenizer has the tokens of no chat form that is known, so chats cannot be written for "
            f"it. Known: {', '.join(known)}. Take another base model, or one whose tokenizer has <|im_start|> and "
            "<|im_end|>."
        )
    return known[(both or fitting)[0]]


def _fitting(tokenizer: BaseTokenizer) -> list[str]:
    return [key for key, one in families().items() if not _missing(one, tokenizer)]


def _missing(family: Family, tokenizer: BaseTokenizer) -> list[str]:
    return [token for token in family.tokens if not tokenizer.knows(token)]
