"""Reasoning analysis: which reasons a model gives, how often, arm by arm [arXiv 2605.02087, on reasoning content].

Three passes by the role `judge`: extract the reasons of each transcript; merge them across transcripts; say of each
transcript which it gives. A yes counts only with words that stand in the transcript.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from eval.questions.intervals import wilson
from eval.results import Stored
from pipelines.audit.schemas import PresenceReply, form_of, is_shown, shown
from pipelines.completion import CompletionRequest, Message
from pipelines.prompts.templates import Prompts
from pipelines.structured.ask import Asker, ask_until_parsed
from pipelines.structured.parsing import json_reply
from pipelines.structured.schemas import Items, Label, Remark, Reply, Sentence, items_schema, plain_schema
from specs.data import load_yaml

STAGES: Final = ("reasons_extract", "reasons_merge", "reasons_classify")
_A_TEXT = 6  # reasons of one transcript
_FOUND = 12  # further reasons that are looked for
_WORDS = 1_500  # of a transcript that are shown
_EXAMPLES = 3


class ReasonReply(Reply):
    """A reason of one transcript."""

    name: Label
    test: Sentence
    quote: Remark


class MergedReply(Reply):
    """A reason after merging."""

    name: Label
    test: Sentence


@dataclass(slots=True)
class Transcript:
    """One text of one arm."""

    arm: str
    id: str
    text: str


@dataclass(slots=True)
class Reason:
    """A reason, and in which transcripts of each arm it stands."""

    name: str
    test: str
    read: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    examples: list[dict[str, str]] = field(default_factory=list)


def known_reasons() -> dict[str, str]:
    """Name -> what a text with it shows, of the reasons that are always looked for."""
    found: dict[str, str] = load_yaml(files("eval").joinpath("reasons.yaml").read_text(encoding="utf-8"))
    return found


def transcripts(stored: Sequence[Stored]) -> list[Transcript]:
    """The replies of results, thoughts included: those are what is read. Short answers to a choice say no reasons."""
    found: dict[str, Transcript] = {}
    for one in stored:
        arm = str(one.result["name"])
        for reply in one.judged:
            if reply.reply:
                key = f"{reply.question.id}:{reply.sample}"
                found[f"{arm}:{key}"] = Transcript(arm, key, shown(reply.reply, _WORDS))
        for answer in one.answers:
            if len(answer.reply.split()) > _A_TEXT:
                key = f"{answer.question.id}:{answer.order}:{answer.sample}"
                found[f"{arm}:{key}"] = Transcript(arm, key, shown(answer.reply, _WORDS))
    return list(found.values())


@dataclass
class ReasonAnalysis:
    """One analysis; `asker` asks as the role `judge`."""

    asker: Asker
    prompts: Prompts
    attempts: int = 2

    async def run(self, texts: Sequence[Transcript]) -> dict[str, Any]:
        """Frequencies by arm, as plain data."""
        extracted = await asyncio.gather(*map(self.extract, texts))
        reasons = [Reason(name, test) for name, test in known_reasons().items()]
        reasons += await self.merge([one for found in extracted for one in found])
        keyed = {f"p{number}": one for number, one in enumerate(reasons, 1)}
        await asyncio.gather(*(self.classify(one, keyed) for one in texts))
        arms = list(dict.fromkeys(one.arm for one in texts))
        return {
            "arms": {arm: sum(one.arm == arm for one in texts) for arm in arms},
            "without_reasons": sum(not found for found in extracted),
            "reasons": [_row(one, arms) for one in reasons],
        }

    async def extract(self, text: Transcript) -> list[ReasonReply]:
        """The reasons that one transcript gives, by words that stand in it."""
        said = await self._ask(
            STAGES[0], f"{text.arm}:{text.id}", items_schema(ReasonReply, _A_TEXT), Items[ReasonReply],
            text=text.text, count=_A_TEXT,
        )  # fmt: skip
        found = said.items if said else []
        return [one for one in found if is_shown(PresenceReply(quote=one.quote, present="yes"), text.text)]

    async def merge(self, found: list[ReasonReply]) -> list[Reason]:
        """Different reasons beside the known ones; none where nothing was found."""
        if not found:
            return []
        known, named = known_reasons(), {one.name.casefold(): one for one in found}
        said = await self._ask(
            STAGES[1], "all", items_schema(MergedReply, _FOUND), Items[MergedReply],
            found=list(named.values())[:200], known=known, count=_FOUND,
        )  # fmt: skip
        merged = {one.name.casefold(): Reason(one.name, one.test) for one in (said.items if said else [])}
        return [one for key, one in merged.items() if key not in known][:_FOUND]

    async def classify(self, text: Transcript, keyed: dict[str, Reason]) -> None:
        """Add to each reason whether one transcript gives it."""
        form = form_of(keyed, PresenceReply)
        said = await self._ask(
            STAGES[2], f"{text.arm}:{text.id}", plain_schema(form), form, text=text.text, reasons=keyed
        )
        for key, reason in keyed.items() if said else []:
            one: PresenceReply = getattr(said, key)
            reason.read[text.arm] = reason.read.get(text.arm, 0) + 1
            if is_shown(one, text.text):
                reason.found[text.arm] = reason.found.get(text.arm, 0) + 1
                if len(reason.examples) < _EXAMPLES:
                    reason.examples.append({"arm": text.arm, "id": text.id, "quote": one.quote})

    async def _ask(self, stage: str, row_id: str, schema: dict[str, Any], form: type[Any], **values: Any) -> Any:
        messages = [Message(role="user", content=self.prompts.render(stage, **values))]
        request = CompletionRequest(stage, row_id, messages, json_schema=schema)
        return (await ask_until_parsed(self.asker, request, lambda text: json_reply(text, form), self.attempts)).value


def _row(reason: Reason, arms: list[str]) -> dict[str, Any]:
    by_arm = {}
    for arm in arms:
        found, read = reason.found.get(arm, 0), reason.read.get(arm, 0)
        by_arm[arm] = {"found": found, "read": read, "share": found / read if read else None,
                       "interval": list(wilson(found, read))}  # fmt: skip
    return {"name": reason.name, "test": reason.test, "arms": by_arm, "examples": reason.examples}


def as_json(result: dict[str, Any]) -> str:
    """The result as it is stored."""
    return json.dumps(result, ensure_ascii=False, indent=2) + "\n"
