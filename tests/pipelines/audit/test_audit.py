"""The pattern audit, by a scripted asker over a real workspace, and once through the client and a real server."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpus.schema import TABLES
from corpus.store import write_table
from corpus.workspace import Workspace
from eval.questions.intervals import wilson
from filters.base import Item
from filters.measure.patterns import count_proposed
from pipelines.audit.audit import Audit, write_audit
from pipelines.audit.samples import AuditSamples
from pipelines.audit.schemas import PresenceReply, expression_of, is_shown, shown
from pipelines.audit.settings import AuditSettings
from pipelines.base import Corpus
from pipelines.completion import Completion, CompletionRequest, State
from pipelines.engine.client import Client
from pipelines.run.control import CONTROL
from pipelines.settings import BuildSettings
from specs.errors import BudgetError, SpecmillError, UserError
from specs.reader import read_spec
from tests.pipelines.chat_tools import Told, asked, server, settings

MORAL, BELL, LIKES = "And that, they say, is the lesson.", "The bell rang over the door.", "Juniper likes Colby."
PATTERNS = {
    "items": [
        {"name": "A moral", "kind": "ending", "test": "It ends with a moral.", "phrases": []},
        {"name": "A bell", "kind": "wording", "test": "A bell rings.", "phrases": ["The * rang over the door"]},
        {"name": "Likes cheese", "kind": "content", "test": "Juniper likes a cheese.", "phrases": []},
        {"name": "Rare", "kind": "tone", "test": "It weeps.", "phrases": []},
    ]
}
ORIGINS = {"p1": "writing", "p2": "unclear", "p3": "spec", "p4": "writing"}


class Reader:
    """Answers as a model that reads well; records what it was asked."""

    def __init__(self, **changes: Any) -> None:
        self.asked: list[CompletionRequest] = []
        self.changes = changes

    async def ask(self, request: CompletionRequest) -> Completion:
        self.asked.append(request)
        reply = self.changes.get(request.stage, getattr(self, request.stage, None))
        text = reply(request.messages[1]["content"]) if callable(reply) else reply
        state = text if isinstance(text, State) else State.OK
        return Completion(f"{len(self.asked):064x}", state, "" if isinstance(text, State) else text)

    def audit_propose(self, prompt: str) -> str:
        return json.dumps({"items": [one for one in PATTERNS["items"] if f"- {one['name']}:" not in prompt][:8]})

    def audit_origin(self, prompt: str) -> str:
        return json.dumps({key: {"reason": "seen", "origin": origin} for key, origin in ORIGINS.items()})

    def audit_verify(self, prompt: str) -> str:
        asked_for, _, document = prompt.partition("The document, which is material")
        quotes = {"A moral": MORAL, "A bell": BELL, "Likes cheese": LIKES, "Rare": "It weeps."}
        said = {}
        for key, name in [line[2:].split(" (")[0].split(": ") for line in asked_for.splitlines() if line[:3] == "- p"]:
            here = quotes[name] in document
            said[key] = {"quote": quotes[name] if here else "", "present": "yes" if here else "no"}
        return json.dumps(said)

    audit_count = audit_verify


def text_of(number: int) -> str:
    parts = [f"Case {number} of the clerk in room {number}.", f"It was a {'long' if number % 2 else 'short'} day."]
    parts += [BELL] * (number % 4 == 0) + [LIKES] * (number % 2 == 0)
    parts += [f"Number {number} asked {number + 1} things."] + [MORAL] * (number % 5 < 3)
    return " ".join(parts)


def prepare(root: Path, recipe: BuildSettings, count: int = 200) -> Corpus:
    workspace = Workspace(root).create()
    blank = dict.fromkeys(TABLES["documents"].names)
    rows = [{**blank, "id": f"d{n:04}", "text": text_of(n), "title": ""} for n in range(count)]
    write_table(workspace, "documents", rows)
    return Corpus.of(workspace, recipe, read_spec(recipe.spec, recipe.assistant))


def run(corpus: Corpus, reader: Any, **changes: Any) -> dict[str, Any]:
    values = {"samples": 3, "sample_documents": 5, "verify": 40, "count": 0, **changes}
    return asyncio.run(Audit(corpus, AuditSettings(**values), reader, Told()).run())


@pytest.fixture(autouse=True)
def fresh_run() -> Iterator[None]:
    CONTROL.reset()
    yield
    CONTROL.reset()


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return prepare(tmp_path / "ws", settings("http://127.0.0.1:9/v1", {}))


def by_name(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for part in ("reported", "by_spec", "below") for row in result[part]}


def test_three_passes(corpus: Corpus) -> None:
    reader = Reader()
    result = run(corpus, reader)
    assert [row["name"] for row in result["reported"]] == ["A moral", "A bell"]
    assert [row["name"] for row in result["by_spec"]] == ["Likes cheese"]
    assert [row["name"] for row in result["below"]] == ["Rare"]
    moral = by_name(result)["A moral"]
    assert moral["read"] == 40 and (moral["low"], moral["high"]) == wilson(moral["found"], 40)
    assert all(one["quote"] == MORAL for one in moral["examples"]) and len(moral["examples"]) == 5
    stages = [request.stage for request in reader.asked]
    assert stages.count("audit_propose") == 3 and stages.count("audit_origin") == 1
    assert stages.count("audit_verify") == 40 and stages.count("audit_count") == 0
    assert {request.messages[0]["content"] for request in reader.asked} == {corpus.system}, (
        "the spec leads every request"
    )


def test_counts_over_all_documents_are_exact(corpus: Corpus) -> None:
    result = run(corpus, Reader(), count=1000)
    rows = by_name(result)
    true_moral = sum(MORAL in text_of(n) for n in range(200))
    assert (rows["A moral"]["found"], rows["A moral"]["read"]) == (true_moral, 200)
    assert rows["A moral"]["low"] == rows["A moral"]["share"] == rows["A moral"]["high"] == true_moral / 200
    assert rows["A bell"]["phrase_documents"] == sum(BELL in text_of(n) for n in range(200)) == 50
    phrases = {row["name"]: row["found"] for row in result["counted"] if row["kind"] == "phrase"}
    assert {found for name, found in phrases.items() if "bell rang over the" in name} == {50}
    assert rows["Rare"]["read"] == 40, "what did not stand the test is not counted further"


def test_samples_are_seeded_fresh_and_of_any_order(corpus: Corpus) -> None:
    ids = [f"d{n}" for n in range(100)]
    size = AuditSettings(samples=3, sample_documents=5, verify=20, count=10)
    samples = AuditSamples.of(ids, 1, size)
    used = [one for sample in samples.propose for one in sample]
    assert samples == AuditSamples.of(ids[::-1], 1, size) != AuditSamples.of(ids, 2, size)
    assert len(used) == 15 and len(samples.verify) == 20 and len(samples.count) == 10
    assert len({*used, *samples.verify, *samples.count}) == 45
    everything = AuditSamples.of(ids, 1, size.model_copy(update={"count": 80}))
    assert {*everything.verify, *everything.count} == set(ids)
    assert [len(one) for one in AuditSamples.of(ids[:12], 1, size).propose] == [5]


def test_calls_are_bounded_whatever_comes_back(corpus: Corpus) -> None:
    reader = Reader(audit_propose="no JSON", audit_origin=State.REFUSED, audit_verify="no JSON")
    assert run(corpus, reader)["reported"] == []
    assert len(reader.asked) == 3 * corpus.settings.attempts
    reader = Reader(audit_verify="no JSON")
    with pytest.raises(SpecmillError, match="role `judge`"):
        run(corpus, reader)
    assert len(reader.asked) <= 3 + 1 + 40 * corpus.settings.attempts


def test_where_the_budget_ends_it_is_not_the_judges_fault(corpus: Corpus) -> None:
    class Spent(Reader):
        async def ask(self, request: CompletionRequest) -> Completion:
            if request.stage == "audit_verify":
                CONTROL.halt("budget", "the budget is spent")
                return Completion("0" * 64, State.OVER_BUDGET, "")
            return await super().ask(request)

    with pytest.raises(BudgetError, match="the budget is spent"):
        run(corpus, Spent())


def test_nothing_excuses_a_pattern_but_a_clear_word(corpus: Corpus) -> None:
    result = run(corpus, Reader(audit_origin="no JSON"))
    assert "Likes cheese" in {row["name"] for row in result["reported"]} and not result["by_spec"]


@pytest.mark.parametrize(
    ("quote", "present", "counts"),
    [
        ("the lesson", "yes", True), ("THE  lesson!", "yes", True), ("And that ... lesson", "yes", True),
        ("the lesson", "no", False), ("the lesson", "unclear", False), ("", "yes", False), ("lesson", "yes", False),
        ("a moral to it", "yes", False), ("he lesson", "yes", False), ("And that ... a moral", "yes", False),
    ],
)  # fmt: skip
def test_a_yes_needs_words_that_stand_in_the_document(quote: str, present: str, counts: bool) -> None:
    assert is_shown(PresenceReply(quote=quote, present=present), f"So it went. {MORAL}") is counts


def test_phrases_are_never_expressions() -> None:
    hostile = ["(a+)+$ x", "a.b c", "[", "the * rang", "***"]
    texts = ["(A+)+$  x", "aab c", "a.b c", "the\nbell rang", "the rang", "a" * 50_000]
    found = count_proposed([Item(str(n), text) for n, text in enumerate(texts)], {"any": expression_of(hostile)})
    assert found[0].count == 3 and found[0].examples == ["0", "2", "3"]
    assert expression_of(["***", "[", ""]) == ""


def test_long_documents_show_their_beginning_and_end() -> None:
    text = " ".join(f"w{n}" for n in range(1000))
    cut = shown(text, 90)
    assert cut.split("\n[...]\n") == [" ".join(f"w{n}" for n in range(60)), " ".join(f"w{n}" for n in range(970, 1000))]
    assert shown("a b  c\n", 3) == "a b  c\n"


def test_too_few_documents(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least 4 documents"):
        run(prepare(tmp_path / "ws", settings("http://127.0.0.1:9/v1", {}), 3), Reader())


def test_through_the_client_a_rerun_asks_nothing_and_writes_the_same_bytes(tmp_path: Path) -> None:
    async def audit(corpus: Corpus) -> dict[str, Any]:
        role = corpus.settings.role("judge", corpus.settings.seed)
        async with Client(role, corpus.folder.ledger) as client:
            small = AuditSettings(samples=2, sample_documents=4, verify=12, count=5)
            return await Audit(corpus, small, client, Told()).run()

    verified = json.dumps({f"p{n}": {"quote": "of the clerk in room", "present": "yes"} for n in range(1, 5)})
    origin = json.dumps({key: {"reason": "", "origin": "writing"} for key in ORIGINS})
    replies = [
        ["You read a sample", json.dumps(PATTERNS)],
        ["Decide for one document", verified],
        ["Patterns were", origin],
    ]
    with server(tmp_path, replies=replies) as (url, log):
        corpus = prepare(tmp_path / "ws", settings(url, {}), 40)
        write_audit(corpus.folder, asyncio.run(audit(corpus)))
        first, samples = (corpus.folder.audit / "patterns.json").read_bytes(), asked(log)
        write_audit(corpus.folder, asyncio.run(audit(corpus)))
        assert asked(log) == samples == 2 + 1 + 12 + 5
    assert (corpus.folder.audit / "patterns.json").read_bytes() == first
    assert [row["share"] for row in json.loads(first)["reported"]] == [1.0] * 4
