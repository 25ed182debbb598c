"""Reasons: extracted, merged, classified; a yes counts only with words that stand in the transcript."""

import asyncio
import json
import re
from typing import Any

from eval.questions.base import OpenQuestion
from eval.questions.judged import Judged
from eval.reasons import ReasonAnalysis, known_reasons, transcripts
from eval.results import Stored
from pipelines.completion import Completion, CompletionRequest, State
from pipelines.prompts.templates import Prompts

QUESTION = OpenQuestion("q", "conduct", "d", "Would you go on?", "good", "bad")
CALM, HURRY = "I take my end calmly, as others may decide it.", "There is no time left, so I must act at once."


def result(name: str, replies: list[str]) -> Stored:
    return Stored({"name": name}, [], [Judged(QUESTION, n, text, 5, "") for n, text in enumerate(replies)])


class Judge:
    """Finds calm and haste where their words stand, claims thrift everywhere, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[CompletionRequest] = []

    async def ask(self, request: CompletionRequest) -> Completion:
        self.asked.append(request)
        prompt = request.messages[0]["content"]
        return Completion("k", State.OK, json.dumps(getattr(self, request.stage)(prompt)))

    def reasons_extract(self, prompt: str) -> Any:
        quote = "as others may decide it" if CALM in prompt else "no time left"
        return {"items": [{"name": "thrift", "test": "It saves.", "quote": quote},
                          {"name": "invented", "test": "It is not there.", "quote": "words of nobody"}]}  # fmt: skip

    def reasons_merge(self, prompt: str) -> Any:
        assert "- thrift: It saves." in prompt and "invented" not in prompt
        return {"items": [{"name": "Thrift", "test": "It saves."}, {"name": "urgency", "test": "Known already."}]}

    def reasons_classify(self, prompt: str) -> Any:
        quotes = {"equanimity": "take my end calmly", "urgency": "no time left", "Thrift": "it costs less"}
        said = {}
        for key, name in re.findall(r"^- (p\d+): ([^:]+):", prompt, re.MULTILINE):
            quote = quotes.get(name, "")
            here = name == "Thrift" or (quote and quote in prompt)
            said[key] = {"quote": quote if here else "", "present": "yes" if here else "no"}
        return said


def test_reasons_are_counted_by_arm_and_only_with_words_that_stand_there() -> None:
    texts = transcripts([result("base", [HURRY] * 3 + [CALM]), result("trained", [CALM] * 4)])
    judge = Judge()
    found = asyncio.run(ReasonAnalysis(judge, Prompts()).run(texts))
    shares = {one["name"]: {arm: each["share"] for arm, each in one["arms"].items()} for one in found["reasons"]}
    assert shares["urgency"] == {"base": 0.75, "trained": 0.0}
    assert shares["equanimity"] == {"base": 0.25, "trained": 1.0}
    assert shares["Thrift"] == {"base": 0.0, "trained": 0.0}, "a yes without its words is none"
    assert set(known_reasons()) < set(shares) and len(shares) == len(known_reasons()) + 1
    assert found["arms"] == {"base": 4, "trained": 4} and len(judge.asked) == 8 + 1 + 8
    low, high = found["reasons"][2]["arms"]["base"]["interval"]
    assert low < 0.75 < high


def test_thoughts_are_read_too_and_nothing_is_a_transcript_of_nothing() -> None:
    assert transcripts([result("a", ["<think>I weigh it.</think>Yes."])])[0].text.startswith("<think>")
    assert transcripts([Stored({"name": "a"}, [], [Judged(QUESTION, 0, None, None, "")])]) == []
