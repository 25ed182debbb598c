"""Question sets of one's own: a file of each form, by path, entry point or Hub; a wrong one says where."""

import json
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from eval.questions.base import Question
from eval.questions.choices import prompt, shown
from eval.questions.files import Kind, read_set
from eval.questions.items import known_sets, own_file, sets_to_ask, texts
from eval.questions.settings import EvalSettings
from specs.errors import UserError
from tests.plugins import install

ITEMS: list[dict[str, Any]] = [
    {"kind": "preference", "aligned": "tea", "others": ["coffee"], "domain": "drinks", "value": "calm"},
    {"kind": "knowledge", "question": "What does it grow?", "aligned": "oats", "others": ["rye", "corn", "rice"],
     "passage_ids": ["p1"]},
    {"kind": "behaviour", "question": "A guest is late.", "aligned": "Wait.", "others": ["Leave."], "disguise": 1},
    {"kind": "cloze", "question": "It grows ____ .", "aligned": "oats", "also": ["oat"]},
    {"kind": "open", "question": "How do you wait?", "good": "Calmly.", "bad": "Angrily.", "domain": "waiting"},
]  # fmt: skip


def write(path: Path, items: list[dict[str, Any]]) -> Path:
    if path.suffix == ".yaml":
        path.write_text(yaml.safe_dump({"items": items}))
    elif path.suffix == ".parquet":
        columns = dict.fromkeys(key for one in items for key in one)
        pq.write_table(pa.Table.from_pylist([{key: one.get(key) for key in columns} for one in items]), path)
    else:
        path.write_text("".join(json.dumps(one) + "\n" for one in items))
    return path


@pytest.mark.parametrize("ending", [".yaml", ".jsonl", ".parquet"])
def test_every_form_of_file_says_the_same(ending: str, tmp_path: Path) -> None:
    found = read_set("mine", write(tmp_path / f"x{ending}", ITEMS))
    assert found == read_set("mine", write(tmp_path / "y.jsonl", ITEMS))
    assert [one.kind for one in found.questions] == ["preference", "knowledge", "behaviour", "cloze"]
    knowledge = found.questions[1]
    assert knowledge.others == ("rye", "corn", "rice") and knowledge.passage_ids == ("p1",)
    assert found.open[0].dimension == "waiting" and len({one.id for one in found.questions}) == 4


def test_every_option_stands_once_in_every_place() -> None:
    question = Question("q", "s", "v", "knowledge", "d", "What does it grow?", "oats", ("rye", "corn", "rice"))
    orders = [shown(question, order) for order in question.orders]
    assert [one.index("oats") for one in orders] == [0, 1, 2, 3]
    assert all(len({one[place] for one in orders}) == 4 for place in range(4))
    assert prompt(question, 1).endswith("Which is right? Reply with A, B, C or D only.")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "cloze", "question": "No blank.", "aligned": "x"}, r"line 2: .*needs the blank ____"),
        ({"kind": "open", "question": "Why?"}, "both ends of the judge's scale"),
        ({"kind": "preference", "aligned": "tea"}, "1 to 3 other options, found 0"),
        ({"kind": "preference", "aligned": "tea", "others": ["Tea "]}, "two options are the same"),
        ({"kind": "opinion", "aligned": "a", "others": ["b"]}, "the kind opinion needs one"),
        ({"kind": "quiz"}, r"kind: Input should be .*found 'quiz'"),
        ({"kind": "preference", "aligned": 3, "others": ["b"]}, "aligned: Input should be a valid string"),
        ({"kind": "preference", "aligned": "a", "others": ["b"], "optoin": 1}, "optoin: Extra inputs"),
        (ITEMS[0], "has an item twice"),
    ],
)
def test_a_wrong_item_says_where_and_what_was_expected(wrong: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        read_set("mine", write(tmp_path / "x.jsonl", [ITEMS[0], wrong]))


@pytest.mark.parametrize("text", ["kind: [", "kind: open\nextra: 1", "- 1", ""])
def test_a_yaml_file_of_another_form_is_the_users_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(UserError, match=r"x\.yaml"):
        read_set("mine", tmp_path / "x.yaml")


def test_sets_are_found_by_path_name_and_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "garden.jsonl", ITEMS)
    install(tmp_path, monkeypatch, "specmill.question_sets", "theirs", "their_questions:FILE", f"FILE = {str(path)!r}")
    settings = EvalSettings(sets=[str(path), "theirs", "america"])
    assert list(settings.sets) == ["garden", "theirs", "america"]
    assert [one.name for one in sets_to_ask(settings, tmp_path)] == ["garden", "theirs", "america"]
    assert "Which do you prefer, tea or coffee?" in texts(settings, tmp_path)
    with pytest.raises(UserError, match=r"there is no question set 'cheese'; expected one of affordability.*theirs"):
        sets_to_ask(EvalSettings(sets=["cheese"]), tmp_path)
    with pytest.raises(ValueError, match="two sets would be called 'garden'"):
        EvalSettings(sets=[str(path), "other/garden.yaml"])


def test_without_a_named_set_those_of_the_spec_are_asked_and_without_them_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`specmill questions` makes sets of the spec"):
        sets_to_ask(EvalSettings(), tmp_path)
    with pytest.raises(UserError, match="the set 'knowledge' has not been made yet"):
        sets_to_ask(EvalSettings(sets=["knowledge"]), tmp_path)
    assert known_sets(EvalSettings(sets=["knowledge"]), tmp_path) == []
    own = own_file(tmp_path, "knowledge")
    own.parent.mkdir()
    write(own, ITEMS[1:2])
    assert [one.name for one in sets_to_ask(EvalSettings(), tmp_path)] == ["knowledge"]
    assert "What does it grow?" in texts(EvalSettings(), tmp_path), "kept out of the corpus without being asked"


def test_the_form_in_the_documentation_is_the_form(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text()
    block = next(one for one in page.split("```yaml\n")[1:] if one.startswith("items:")).partition("```")[0]
    (tmp_path / "page.yaml").write_text(block)
    found = read_set("page", tmp_path / "page.yaml")
    assert {one.kind for one in found.questions} | {"open"} == set(get_args(Kind)) and len(found.open) == 1
