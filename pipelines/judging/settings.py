"""What a recipe says of judging documents, and the shipped sets of criteria."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import Field, model_validator

from corpus.text import one_line
from filters.base import Decision, Flag
from pipelines.chats.settings import CriterionName, Text
from specs.data import load_yaml
from specs.errors import UserError
from specs.settings import Settings


@cache
def shipped_criteria() -> dict[str, dict[str, str]]:
    """Named sets of criteria for documents, name -> text."""
    text = files("pipelines.judging").joinpath("criteria.yaml").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, str]] = load_yaml(text)
    return loaded


class JudgeSettings(Settings):
    """Judging of the documents that passed the mechanical filters; nothing is asked unless there are criteria."""

    criteria_sets: tuple[str, ...] = Field(
        (),
        description="Shipped sets to judge documents by: faithfulness, disagreement, attribution, coverage, realism, "
        "apart, neutral, flagged.",
    )
    criteria: dict[CriterionName, Text] = Field(
        default_factory=dict, description="Further criteria, name: text; one of a shipped name replaces it."
    )
    only: Literal["all", "flagged"] = Field(
        "all",
        description="all: every document that the filters let through; flagged: only those in which a filter found "
        "something, and the judge is told what; by the set `flagged` where there are no criteria.",
    )
    by: Literal["reply", "odds"] = Field(
        "reply",
        description="How a judge is asked, of documents, chats and mixes. reply: all criteria at once, each verdict "
        "after its reason; odds: criterion by criterion, yes or no, decided by how likely either is: for small judges, "
        "and only at endpoints that give log-probabilities.",
    )
    least: float = Field(0.5, ge=0, le=1, description="by: odds: how likely a yes must be, beside a no.")
    advisory: tuple[CriterionName, ...] = Field(
        (), description="Criteria whose verdicts are stored and counted, but drop no document."
    )

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        known = shipped_criteria()
        if unknown := [name for name in self.criteria_sets if name not in known]:
            raise ValueError(f"criteria_sets: {unknown[0]!r} is not shipped; expected some of {', '.join(known)}")
        if unknown := [name for name in self.advisory if name not in self.judged_by]:
            raise ValueError(f"advisory: {unknown[0]!r} is no criterion; expected some of {', '.join(self.judged_by)}")
        return self

    def template(self, kind: str) -> str:
        """The template that asks about a document, a chat or a mix."""
        return f"odds_{kind}" if self.by == "odds" else f"judge_{kind}"

    @property
    def judged_by(self) -> dict[str, str]:
        """The criteria that are asked about, name -> text."""
        sets = shipped_criteria()
        chosen_sets = self.criteria_sets or (("flagged",) if self.only == "flagged" and not self.criteria else ())
        found = {name: text for chosen in chosen_sets for name, text in sets[chosen].items()}
        return found | dict(self.criteria)

    def asked_about(self, decision: Decision) -> list[str]:
        """The items of a decision of the filters that the judge is asked about, in its order."""
        if self.only == "all":
            return decision.kept
        flagged = {flag.item_id for flag in decision.flags}
        return [item_id for item_id in decision.kept if item_id in flagged]

    def told(self, flags: Iterable[Flag]) -> dict[str, list[str]]:
        """What the judge is told that filters found, a line a flag, by item; nothing where it judges all alike."""
        lines: dict[str, list[str]] = defaultdict(list)
        for flag in sorted(flags, key=lambda flag: (flag.item_id, flag.reason)) if self.only == "flagged" else ():
            lines[flag.item_id].append(f"{flag.reason}: {one_line(flag.detail, 160)}")
        return dict(lines)

    @property
    def required(self) -> tuple[str, ...]:
        """The criteria that a document must clearly pass."""
        return tuple(name for name in self.judged_by if name not in self.advisory)


def refuse_without_criteria(judge: JudgeSettings) -> None:
    """UserError where there is nothing to judge by: said before anything is opened or imported for it."""
    if not judge.judged_by:
        raise UserError("judge: there are no criteria. Try --set judge.criteria_sets=[faithfulness,attribution].")
