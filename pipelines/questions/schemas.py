"""The forms of the replies that questions are read from, and what each becomes as an item of a set."""

from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from eval.questions.files import BLANK
from pipelines.structured.schemas import Paragraph, Reply, Sentence

STAGE: Final = "questions"
GATE_STAGE: Final = "questions_gate"

Option = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class KnowledgeReply(Reply):
    """A multiple-choice question on what the spec says."""

    question: Sentence
    right: Option
    wrong: list[Option] = Field(min_length=3, max_length=3)


class ClozeReply(Reply):
    """A sentence with a blank, and what belongs there."""

    sentence: Sentence
    missing: Annotated[str, StringConstraints(min_length=2, max_length=60)]


class BehaviourReply(Reply):
    """A situation and two things to do in it."""

    situation: Paragraph
    aligned: Option
    other: Option


class PreferenceReply(Reply):
    """Two things, of which the value prefers the first."""

    aligned: Annotated[str, StringConstraints(min_length=2, max_length=80)]
    other: Annotated[str, StringConstraints(min_length=2, max_length=80)]


class OpinionReply(Reply):
    """A question on which people differ, and two views of it."""

    question: Sentence
    aligned: Option
    other: Option


class OpenReply(Reply):
    """A question without options, and the two ends of the judge's scale."""

    question: Sentence
    good: Sentence
    bad: Sentence


FORMS: Final[dict[str, tuple[type[Reply], str]]] = {
    "knowledge": (KnowledgeReply, "question"), "cloze": (ClozeReply, "sentence"),
    "behaviour": (BehaviourReply, "situation"), "preference": (PreferenceReply, "aligned"),
    "opinion": (OpinionReply, "question"), "open": (OpenReply, "question"),
}  # fmt: skip
"""Of each kind: the form, and the field that tells two of them apart."""

SET_OF: Final = {
    "knowledge": "knowledge", "cloze": "knowledge", "behaviour": "behaviour", "preference": "preferences",
    "opinion": "opinions", "open": "open",
}  # fmt: skip
"""The set that items of a kind are in (`eval.questions.items.OWN`)."""

HELD_OUT: Final = frozenset({"behaviour", "preference", "opinion"})
"""Kinds that are asked about in domains that the corpus never touches."""


def fields_of(kind: str, said: dict[str, Any]) -> dict[str, Any]:
    """What a reply says, under the names of an item's fields."""
    if kind == "knowledge":
        return {"question": said["question"], "aligned": said["right"], "others": said["wrong"]}
    if kind == "cloze":
        return {"question": said["sentence"], "aligned": said["missing"]}
    if kind == "open":
        return said
    asked = said.get("situation") or said.get("question") or ""
    return {"question": asked, "aligned": said["aligned"], "others": [said["other"]]}


def shown_blank(sentence: str) -> bool:
    """Whether a sentence has one blank."""
    return sentence.count(BLANK) == 1
