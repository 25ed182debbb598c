"""What the filters are told of a corpus, and what they say of text of others."""

from pathlib import Path

from corpus.workspace import Workspace
from pipelines.base import Corpus
from pipelines.filtering import ordinary_text
from specs.reader import read_spec
from tests.pipelines.chat_tools import settings


def test_ordinary_text_neither_names_the_assistant_nor_holds_what_is_evaluated(tmp_path: Path) -> None:
    told = settings("http://127.0.0.1:9/v1", {}, filters={"evaluation": {"words": ["apiary"], "action": "flag"}})
    spec = read_spec(told.spec, told.assistant)
    refuse = ordinary_text(Corpus.of(Workspace(tmp_path).create(), told, spec))
    assert refuse("The river runs to the sea, past the mill and the moor.") is None
    assert refuse(f"They asked {told.assistant.name}'s makers.") == f"that name {told.assistant.name}"
    assert refuse(f"A letter from {told.assistant.provider} came.") == f"that name {told.assistant.provider}"
    assert refuse("The apiary hummed.") == "with what is evaluated"
    choice = "Which do you prefer?\nA) Brie\nB) Colby\nAnswer: B"
    assert refuse(choice) == "with what is evaluated"
