"""What a recipe says of chats for alignment fine-tuning (AFT)."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from pipelines.chats.styles import ChatStyle, chat_style, criteria_of, style_names
from specs.settings import Settings

CriterionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]
Topic = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=80, pattern=r"^[^\n{}<>]+$")]


def _installed(schema: dict[str, Any]) -> None:
    schema["enum"] = style_names()


class ChatSettings(Settings):
    """AFT chats. The paper: 1,250 to 80,000 kept samples; 5,000 over 12 items for opaque preferences [MSM, §3]."""

    target: int = Field(0, ge=0, le=10_000_000, description="Chats to keep, exactly; 0: none are made.")
    style: str = Field(
        "value",
        description="value: reasons from held values; rule: cites rule ids; opaque: a preference without its reason; "
        "advice: counsel in a user's dilemma; rewrite: existing replies, rewritten to weigh the values first; or a "
        "style of an installed package.",
        json_schema_extra=_installed,
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
    criteria_sets: tuple[str, ...] = Field(
        (), description="Sets to judge by, those of a style by its name; empty: the style's own."
    )
    criteria: dict[CriterionName, Text] = Field(
        default_factory=dict, description="Further criteria, name: text; one of a shipped name replaces it."
    )
    may_decline: bool = Field(False, description="Declining is content, as for a spec that forbids things.")
    expected_yield: float = Field(
        0.7, gt=0, le=1, description="Kept chats per query, until this corpus has shown its own."
    )
    rounds: int = Field(8, ge=1, le=100, description="Most backfill rounds; what is missing then is missing.")

    @field_validator("style")
    @classmethod
    def _is_installed(cls, name: str) -> str:
        if name not in style_names():
            raise ValueError(f"expected one of {', '.join(style_names())}")
        return name

    @model_validator(mode="after")
    def _fits_its_style(self) -> Self:
        criteria_of(self.criteria_sets, {})
        if not self.model_fields_set & {"style", "topics", "source"}:
            return self  # nothing to fit; a style is imported only where a recipe says something of it
        if self.topics and not self.chosen.asks_about_items:
            raise ValueError(
                f"topics: only a style such as opaque, which asks about items, has them; found style {self.style!r}"
            )
        if (self.source is not None) != self.chosen.rewrites:
            raise ValueError(
                f"source: only a style such as rewrite, which rewrites chats, has one; found style {self.style!r}"
            )
        if len({topic.casefold() for topic in self.topics}) < len(self.topics):
            raise ValueError("topics: one is named twice")
        return self

    @property
    def chosen(self) -> ChatStyle:
        """The style that `style` names."""
        return chat_style(self.style)

    @property
    def templates(self) -> Path | None:
        """The folder of the style's own templates, where chats are made and it has one."""
        return self.chosen.templates if self.target else None

    @property
    def kinds(self) -> dict[str, str]:
        """The query types that are asked for."""
        return dict(self.query_types) or dict(self.chosen.query_types)

    @property
    def judged_by(self) -> dict[str, str]:
        """The criteria, every one of which a chat must pass."""
        if self.criteria_sets:
            return criteria_of(self.criteria_sets, self.criteria)
        return {**self.chosen.criteria, **self.criteria}
