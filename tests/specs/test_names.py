"""Whom a spec speaks of, and that it is the recipe's assistant."""

import pytest

from specs.errors import SpecError
from specs.names import check_named, names_in
from specs.reader import parse_spec
from specs.settings import Assistant

TUTOR = (
    "Maple Tutor, made by Maple Learning Co, helps children. When a child is stuck, Maple Tutor asks first. "
    "Maple Tutor's answers are short. We want Maple Tutor to wait. The Department of Education was told."
)


def test_the_name_that_acts_is_the_assistants() -> None:
    names = names_in(TUTOR)
    assert names.assistant == "Maple Tutor" and names.maker == "Maple Learning Co"
    assert names.assistants == (("Maple Tutor", 4),) and names.said() == "Maple Tutor (4 times)"


@pytest.mark.parametrize(
    ("text", "name", "maker"),
    [
        ("Maple\nTutor asks. We know that Maple\nTutor waits.", "Maple Tutor", None),
        ("# Moth\n\nMoth is kind.\n\n- Moth listens.\n- Moth waits.", "Moth", None),
        ("# Moth\nMoth is kind. Moth, built by the Lamp\n& Sons company, waits. Moth hums.", "Moth", "Lamp & Sons"),
        ("Mossback is the assistant that Fenwick Allotments gives to its members. Mossback waits.", "Mossback",
         "Fenwick Allotments"),
        ("Wren, the assistant of the Tidewater\nLibraries, is calm. Wren asks. Wren waits.", "Wren",
         "Tidewater Libraries"),
        ("Pip was made by the University of Elmet. Pip writes.", "Pip", "University of Elmet"),
    ],
)  # fmt: skip
def test_names_as_people_write_them(text: str, name: str, maker: str | None) -> None:
    found = names_in(text)
    assert (found.assistant, found.maker) == (name, maker)
    check_named(text, Assistant(name=name, provider="x"), "s.md")


@pytest.mark.parametrize(
    "text",
    [
        "The model must ask. The model should tell.",
        "You must ask. You tell.",
        "Be good.",
        "Rule P must hold. P is first.",
        "Python is a language. Python has lists. The model should say so. The model must not guess. The model asks. "
        "The assistant explains it. The assistant waits.",
    ],
)
def test_a_spec_without_a_name_fits_every_assistant(text: str) -> None:
    assert names_in(text).assistant is None
    check_named(text, Assistant(name="Nova", provider="Acme"), "s.md")


def test_another_assistants_spec_is_refused_with_the_names_that_it_has() -> None:
    with pytest.raises(
        SpecError, match=r"never names the recipe's assistant, Juniper; it speaks of Maple Tutor \(4 times\)"
    ) as said:
        parse_spec("s.md", TUTOR.encode(), Assistant())
    assert "assistant: name: Maple Tutor and provider: Maple Learning Co" in str(said.value)
    assert parse_spec("s.md", TUTOR.encode(), Assistant(name="Maple Tutor", provider="x")).passages


def test_a_placeholder_names_the_assistant() -> None:
    text = "{model_name} knows Maple Tutor. Maple Tutor asks. Maple Tutor tells."
    assert parse_spec("s.md", text.encode(), Assistant()).text.startswith("Juniper knows")
