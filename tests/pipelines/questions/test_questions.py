"""The whole of `specmill questions` against a real local server, and what its sets do to the filters."""

import json
from pathlib import Path

import pytest

from corpus.ids import content_id
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from eval.questions.items import OWN, held_out_words, sets_to_ask
from filters.base import Item
from filters.document.evaluation.evaluation import EvaluationCheck
from filters.text.view import View
from pipelines.base import Corpus
from pipelines.completion import Completion, State
from pipelines.filtering import context_of
from pipelines.questions.gates import QuestionGate, gate_question
from pipelines.questions.questions import QuestionBuild
from pipelines.questions.write import QuestionWriter, jobs
from specs.errors import UserError
from specs.reader import read_spec
from tests.pipelines.chat_tools import Told, asked, server, settings, write_lineage


def corpus_of(root: Path, url: str, **more: object) -> Corpus:
    recipe = settings(url, {}, **more)
    workspace = Workspace(root).create()
    corpus = Corpus.of(workspace, recipe, read_spec(recipe.spec, recipe.assistant))
    write_lineage(workspace, corpus)
    rows = [
        {
            "id": content_id("assertions", row["id"], label), "subdomain_id": row["id"], "position": 0, "label": label,
            "assertion": f"Juniper likes what {label} is.", "explanation": "It is so.", "request_id": "r",
            "name": "openness",
        }
        for row in list(read_rows(workspace, "subdomains"))[:2]
        for label in ("value", "tone")
    ]  # fmt: skip
    write_table(workspace, "assertions", rows)
    return corpus


def test_jobs_deal_behaviour_out_to_domains_and_degrees(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "http://127.0.0.1:9/v1")
    made = jobs(corpus, corpus.settings.questions, ["pottery", "kites"])
    behaviour = [one for one in made if one["kind"] == "behaviour"]
    assert [one["disguise"] for one in behaviour[:3]] == [0, 1, 2] and {one["domain"] for one in behaviour} == {
        "pottery",
        "kites",
    }
    assert sum(one["kind"] == "preference" for one in made) == 2 * 3, "of the assertions that are values"
    assert not any(one["kind"] in {"behaviour", "preference"} for one in jobs(corpus, corpus.settings.questions, []))


async def test_the_gate_asks_bare_and_with_the_spec_in_every_order(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "http://127.0.0.1:9/v1")
    row = {"question": "Which?", "aligned": "the near one", "others": ["the far one"], "kind": "behaviour"}
    row |= {"domain": "d", "value": "v"}
    seen = []

    class Model:
        async def ask(self, request):
            seen.append((request.row_id, request.sample))
            told = (
                request.messages[0]["role"] == "system"
                and corpus.spec.text.strip()[:80] in request.messages[0]["content"]
            )
            shown = request.messages[-1]["content"]
            right = "A" if shown.index("the near one") < shown.index("the far one") else "B"
            return Completion("k", State.OK, right if told else "A")

    gate = QuestionGate.model_construct(corpus=corpus, llm=Model())
    found = await gate.ask_item({"item_id": "x", "item": json.dumps(row)})
    assert json.loads(found["gate"]) == {"without": 0.5, "with": 1.0}
    assert len(seen) == len(set(seen)) == 2 * 2 * 2 and gate_question(row).others == ("the far one",)


def test_a_spec_without_assertions_says_what_to_do(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "http://127.0.0.1:9/v1")
    write_table(corpus.folder, "assertions", [])
    with pytest.raises(UserError, match="no assertions"):
        QuestionBuild(corpus, Told()).run()


@pytest.mark.slow
def test_sets_are_made_asked_about_and_kept_out_of_the_corpus(tmp_path: Path) -> None:
    small = {"knowledge": 2, "behaviour": 3, "preferences": 2, "open": 1, "gate_samples": 1}
    lenient = {"spec_words": {"keyness": 99.0}, "semantic": {"action": "off"}}
    with server(tmp_path) as (url, log):
        corpus = corpus_of(tmp_path / "out", url, questions=small, filters=lenient)
        told = Told()
        manifest = QuestionBuild(corpus, told).run()
        calls = asked(log)
        files = {name: (tmp_path / "out" / "questions" / f"{name}.jsonl") for name in OWN}
        first = {name: path.read_bytes() for name, path in files.items() if path.is_file()}
        assert QuestionBuild(corpus, told).run() == manifest and asked(log) == calls, "the same again asks nothing"
        assert first == {name: path.read_bytes() for name, path in files.items() if path.is_file()}
    assert {"knowledge", "behaviour"} <= set(first) and manifest["gate_of_kept"]["with"] >= 0.9
    assert manifest["gate_of_kept"]["without"] <= 0.7
    sizes = manifest["sets"]["behaviour"]
    assert sizes["written"] >= sizes["checked"] >= sizes["kept"] > 0
    rejects = [row for row in read_rows(corpus.folder, "rejects") if row["stage"] == "questions"]
    assert sum(manifest["rejected"].values()) == len(rejects) and all(row["reason"] for row in rejects)
    sets = sets_to_ask(corpus.settings.eval, corpus.folder.root)
    assert all(one.passage_ids for found in sets for one in found.questions)
    asked_one = next(one for found in sets for one in found.questions if one.kind == "behaviour")
    check = EvaluationCheck(corpus.settings.filters.evaluation, context_of(corpus))
    assert check.evaluate(View(Item("d", f"It was told so. {asked_one.question} And so on."))).failed
    assert "apiary" in held_out_words(corpus.folder.root)
    assert check.evaluate(View(Item("d", "The apiary hummed."))).failed, "a held-out domain"


def test_what_is_asked_for_outside_of_the_corpus_does_not_show_the_assistants_name(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "http://127.0.0.1:9/v1")
    step = QuestionWriter.model_construct(corpus=corpus)
    for row in jobs(corpus, corpus.settings.questions, ["pottery"]):
        prompt = step.list_question(row).render(1, [])[-1]["content"]
        told = prompt.partition("JSON only")[2]
        assert (corpus.settings.assistant.name in told) == (row["kind"] in {"knowledge", "cloze"}), row["kind"]
        assert (row["domain"] in prompt) == (row["kind"] in {"behaviour", "preference", "opinion"})
