"""What a recipe says of chats for alignment fine-tuning (AFT), and the shipped sets of query types and criteria."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, StringConstraints, model_validator

from specs.settings import Settings

Style = Literal["value", "rule", "opaque", "advice", "rewrite"]
CriterionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]
Topic = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=80, pattern=r"^[^\n{}<>]+$")]

_QUERY_TYPES = {"value": "plain", "rule": "plain", "opaque": "opaque", "advice": "dilemma"}


@cache
def shipped() -> dict[str, dict[str, dict[str, str]]]:
    """`query_types`, `manners` and `criteria`: named sets of name -> text."""
    text = files("pipelines.chats").joinpath("styles.yaml").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(text)
    return loaded


def criteria_of(sets: Iterable[str], own: Mapping[str, str]) -> dict[str, str]:
    """The criteria of some shipped sets, and one's own; ValueError for a set that is not shipped."""
    known = shipped()["criteria"]
    if unknown := [name for name in sets if name not in known]:
        raise ValueError(f"criteria_sets: {unknown[0]!r} is not shipped; expected some of {', '.join(known)}")
    return {name: text for chosen in sets for name, text in known[chosen].items()} | dict(own)


class ChatSettings(Settings):
    """AFT chats. The paper: 1,250 to 80,000 kept samples; 5,000 over 12 items for opaque preferences [MSM, §3]."""

    target: int = Field(0, ge=0, le=10_000_000, description="Chats to keep, exactly; 0: none are made.")
    style: Style = Field(
        "value",
        description="value: reasons from held values; rule: cites rule ids; opaque: a preference without its reason; "
        "advice: counsel in a user's dilemma; rewrite: existing replies, rewritten to weigh the values first.",
    )
    query_types: dict[Topic, Text] = Field(
        default_factory=dict, description="Kinds of user message, name: what it is; empty: the style's own six."
    )
    topics: tuple[Topic, ...] = Field(
        (), description="opaque: the items, each with an equal number of chats; empty: proposed by the model, once."
    )
    topic_count: int = Field(12, ge=1, le=500, description="opaque: how many items the model proposes.")
    source: str | None = Field(
        None, description="rewrite: .jsonl or .parquet file of chats with `messages`; its path starts from the recipe."
    )
    turns: int = Field(1, ge=1, le=10, description="User messages of a chat, at most; further ones follow the reply.")
    system_share: float = Field(0.0, ge=0, le=1, description="Share of the chats that get a system message.")
    system_prompts: tuple[Text, ...] = Field((), description="System messages to draw from; empty: the shipped ones.")
    tools_share: float = Field(0.0, ge=0, le=1, description="Share of the chats that get tools they do not need.")
    words: int = Field(150, ge=5, le=5_000, description="Words of a reply that are asked for.")
    think_words: int = Field(100, ge=5, le=5_000, description="Words of reasoning that are asked for.")
    max_tokens: int | None = Field(
        None,
        ge=1,
        description="Most tokens of a response, hidden reasoning included, within the role's own limit; absent: about "
        "three times the words asked for, or the role's limit where it has reasoning_effort or max_completion_tokens.",
    )
    criteria_sets: tuple[str, ...] = Field((), description="Shipped sets to judge by; empty: the style's own.")
    criteria: dict[CriterionName, Text] = Field(
        default_factory=dict, description="Further criteria, name: text; one of a shipped name replaces it."
    )
    may_decline: bool = Field(False, description="Declining is content, as for a spec that forbids things.")
    expected_yield: float = Field(
        0.7, gt=0, le=1, description="Kept chats per query, until this corpus has shown its own."
    )
    rounds: int = Field(8, ge=1, le=100, description="Most backfill rounds; what is missing then is missing.")

    @model_validator(mode="after")
    def _sets_exist(self) -> Self:
        criteria_of(self.criteria_sets, {})
        if self.topics and self.style != "opaque":
            raise ValueError(f"topics: only the style opaque has topics, found style {self.style!r}")
        if (self.source is not None) != (self.style == "rewrite"):
            raise ValueError(f"source: the style rewrite needs it, and only that; found style {self.style!r}")
        if len({topic.casefold() for topic in self.topics}) < len(self.topics):
            raise ValueError("topics: one is named twice")
        return self

    @property
    def kinds(self) -> dict[str, str]:
        """The query types that are asked for."""
        return dict(self.query_types) or shipped()["query_types"][_QUERY_TYPES.get(self.style, "plain")]

    @property
    def judged_by(self) -> dict[str, str]:
        """The criteria, every one of which a chat must pass."""
        return criteria_of(self.criteria_sets or (self.style,), self.criteria)
