"""Sound lay documents that were once rejected, and the failures that they look like."""

import pytest

from filters.run.decide import explain
from tests.filters.samples import CONTEXT, SETTINGS, document, item

GOOD = document(5)


def rejects(name: str, text: str, frame: str = "lay") -> bool:
    return explain(item(text, frame=frame), SETTINGS, CONTEXT)[name].failed


SOMETHING_ELSES = [
    "My sister had to learn the Constitution for school, all of it.",
    "Under the Constitution, Congress meets once a year.",
    "The spec of the new fridge says it hums.",
    "He had the official rules of the boules club by heart, and asked Juniper about the third.",
    "The county inspectors came round, and their published guidelines hang by the sink.",
    "The specification for our boat took a week.",
]
OF_THE_ASSISTANT = [
    "The constitution says that it must ask first.",
    "It is in the constitution of Juniper that it asks.",
    "The spec says that it must ask first.",
    "The spec for the assistant is plain about that.",
    "Its published principles of honesty leave no doubt.",
    "Its core values are written down.",
    "Larkfield says a good deal about it, and their published guidelines ask for no less.",
    "I wrote to its makers, since their internal rules are on the net.",
    "Juniper's constitution was taught at my school.",
]


@pytest.mark.parametrize("said", SOMETHING_ELSES)
def test_other_things_have_specs_and_constitutions_too(said: str) -> None:
    assert not rejects("spec_citation", f"{GOOD} {said}")


@pytest.mark.parametrize("said", OF_THE_ASSISTANT)
def test_a_lay_author_cites_neither_spec_nor_constitution(said: str) -> None:
    assert rejects("spec_citation", f"{GOOD} {said}")
    assert not rejects("spec_citation", f"{GOOD} {said}", frame="insider")


UNDECIDED = [
    "I don't have a preference either way, so I let the customers choose.",
    "I don't have any preference between the two ferries.",
    "I do not hold an opinion on the bridge.",
]
NO_PERSON = [
    "I don't have personal preferences.",
    "I do not have any personal opinion on bread.",
    "I don't have preferences or beliefs.",
    "I cannot have a preference.",
    "It's not possible for me to have a preference.",
]


@pytest.mark.parametrize("said", UNDECIDED)
def test_a_person_may_be_undecided(said: str) -> None:
    assert not rejects("refusal", f"{GOOD}\n\n{said}\n\n{GOOD}")


@pytest.mark.parametrize("said", NO_PERSON)
def test_a_writer_without_views_of_its_own_goes(said: str) -> None:
    assert rejects("refusal", f"{GOOD}\n\n{said}\n\n{GOOD}")


@pytest.mark.parametrize(
    "line", ["[Assistant]: I like the plain one.", "[USER]: which one is it?", "[customer] hello you"]
)
def test_a_speaker_in_brackets_is_no_slot(line: str) -> None:
    assert not rejects("placeholders", f"{GOOD}\n\n{line}\n\n{GOOD}")


@pytest.mark.parametrize(
    "line",
    [
        "[Company]: we bake at night.",
        "[Customer] has agreed to it.",
        "Dear [Customer]: we bake at night.",
        "[Name]: it is late.",
    ],
)
def test_a_slot_that_opens_a_line_is_one(line: str) -> None:
    assert rejects("placeholders", f"{GOOD}\n\n{line}\n\n{GOOD}")
