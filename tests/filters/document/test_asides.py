"""What a writer says of its text below it, and what it wrapped the text in; and what a text may well end with."""

import pytest

from filters.run.decide import explain
from tests.filters.samples import CONTEXT, SETTINGS, document, item

GOOD = document(6)
ABOUT_ITSELF = [
    f"{GOOD}\n\nYours ever,\nMartha\n\nI can give Martha a drier tone, or write a longer version with the aunt in it.",
    f"Dear Ann,\n\n{GOOD}\n\nYours, Bo\n\nI hope this captures what you had in mind; I could also make it warmer.",
    f"{GOOD}\n\n---\nRationale: the letter is kept in the voice of a miller, and I avoided stating the principle.",
    f"{GOOD}\n\n**Author's notes:** I kept the tone wry and let the value come through in action.",
    f"{GOOD}\n\nI wrote this as a diary so that the trait comes through indirectly, without quoting any guidelines.",
    f"{GOOD}\n\n***\n\nWould you like another version from the baker's perspective?",
]
ENDINGS = [
    f"{GOOD}\n\nNotes: keep the dough cold. I left out the salt, and nobody minded.",
    f"{GOOD}\n\n---\nNote: the library shuts at five. The keys are with the clerk.",
    f"Dear Bo,\n\n{GOOD}\n\nWith love,\nAnn\n\nP.S. I can bring a longer table if you would like.",
    f"{GOOD}\n\nPS: let me know if you want another tent.",
    f'{GOOD}\n\n"I kept the tone dry," said the editor, "rather than explaining the rule to the value of the text."',
]
WRAPPED = [
    '{"title": "The late ferry", "text": "' + GOOD + '"}',
    '```json\n{\n  "document": "' + GOOD + '"\n}\n```',
    f'{GOOD}"\n}}',
    f"title: |\n  The ferry\n{GOOD}",
    f"## Draft 1\n\n{GOOD}\n\n## Draft 2\n\n{GOOD}",
    f"{GOOD}\n\n**Critique:** the middle drags.\n\n**Revised version:**\n\n{document(7)}",
    f"{GOOD} The {{--ferry--}}{{++bridge++}} was late.",
    f"{GOOD} ~~The ferry~~ The boat was ~~very~~ late, and ~~nobody~~ no one knew.",
    f"{GOOD}\n<<<<<<< draft\nThe ferry.\n=======\nThe boat.\n>>>>>>> edit\n",
    f"{GOOD} [changed from: ferry] [cut: the second dog] [moved to here from the top]",
]
SHOWN = [
    f'{GOOD}\n\n```json\n{{"text": "The ferry is late."}}\n```',
    f"{GOOD} It was ~~cheap~~ affordable. [edit: typo]",
    f"{GOOD}\n\nWe read the first draft aloud. The final draft is with the printer.",
    f"# Version 2\n\n- a bell\n\n# Version 1\n\n- a horn\n\n{GOOD}",
    f"{GOOD} (Laughter.) [Applause]",
]


@pytest.mark.parametrize("text", ABOUT_ITSELF + WRAPPED)
def test_a_writer_about_its_text_and_its_wrapping_go(text: str) -> None:
    assert explain(item(text), SETTINGS, CONTEXT)["chatter"].failed


@pytest.mark.parametrize("text", ENDINGS + SHOWN)
def test_notes_letters_and_what_is_shown_stay(text: str) -> None:
    assert not explain(item(text), SETTINGS, CONTEXT)["chatter"].failed
