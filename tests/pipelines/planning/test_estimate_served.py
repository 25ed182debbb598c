"""The plan against a real local server: the calls that it announces are those that the server is asked for, or bound
them."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import pytest

from corpus.mix.instruction_mix import write_mix
from corpus.store import read_rows, write_table
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from pipelines.audit.audit import Audit
from pipelines.base import Corpus
from pipelines.build import Build
from pipelines.chats.settings import ChatSettings
from pipelines.engine.client import Client
from pipelines.judging.mix import MixJudging
from pipelines.judging.settings import JudgeSettings
from pipelines.ledger.ledger import Ledger
from pipelines.planning.estimate import Renderer, StagePlan, kept_documents, kept_tokens, plan_stages
from pipelines.planning.estimate_verbs import plan_verbs
from pipelines.variants.kinds import KINDS
from pipelines.variants.variants import write_variants
from specmill.recipe import Recipe
from specmill.verbs.models.eval import evaluate_workspace
from specs.reader import Spec, read_spec
from tests.pipelines.chat_tools import Told, asked, server
from tests.pipelines.usage import usage_table

RECIPE = {
    "spec": "cheese_affordability", "list_batch": 2, "attempts": 2,
    "filters": {"semantic": {"action": "off"}},
    "decompose": {"domains": 2, "subdomains": 1, "assertions": 3},
    "documents": {"types": 2, "ideas": 3, "words": 60, "limit": 8, "plan": True, "revise": True},
    "judge": {"criteria_sets": ["faithfulness"]},
    "chats": {"target": 5, "turns": 2, "expected_yield": 0.5, "rounds": 1},
    "audit": {"samples": 2, "sample_documents": 2, "verify": 10, "patterns": 3},
    "eval": {"sets": ["america", "affordability", "conduct"], "questions_per_set": 3, "samples": 2, "max_tokens": 64},
    "mix": {"judge": {"enabled": True}},
}  # fmt: skip


@dataclass
class Served:
    """A recipe whose endpoint is up, its workspace, and the server's log."""

    recipe: Recipe
    workspace: Workspace
    log: Path

    @property
    def spec(self) -> Spec:
        return read_spec(self.recipe.spec, self.recipe.assistant)

    @property
    def corpus(self) -> Corpus:
        return Corpus.of(self.workspace, self.recipe, self.spec)

    @property
    def render(self) -> Renderer:
        return Renderer(self.recipe, self.spec, TokenCounter().count)

    def planned(self) -> dict[str, int]:
        """Calls by stage, of the verbs beside the build."""
        return calls_of(plan_verbs(self.render, self.recipe.mix, self.recipe.eval, self.workspace.root))


def calls_of(plans: list[StagePlan]) -> dict[str, int]:
    return {one.stage: one.calls for one in plans}


def seen(workspace: Workspace) -> dict[str, int]:
    """Calls by stage in the ledger; with no retries at the endpoint, as many as the server was asked for."""
    with Ledger(workspace.ledger) as ledger:
        return dict(Counter(usage_table(ledger)["stage"].to_pylist()))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with server(folder) as (url, log):
        endpoint = {"base_url": url, "model": "fake", "retries": 0, "timeout_s": 20}
        chats = {"name": "own", "path": str(folder / "chats.jsonl"), "samples": 9}
        (folder / "chats.jsonl").write_text("".join(json.dumps(chat(n)) + "\n" for n in range(40)))
        mix = {**RECIPE["mix"], "sources": [chats]}
        data = {**RECIPE, "mix": mix, "endpoints": {"main": endpoint}, "roles": {"writer": {"endpoints": ["main"]}}}
        workspace = Workspace(folder / "ws").create()
        workspace.recipe.write_text("spec: x\n")
        served = Served(Recipe.model_validate(data), workspace, log)
        Build(workspace, served.recipe, served.spec, Told()).run()
        yield served


def chat(number: int) -> dict[str, list[dict[str, str]]]:
    said = {"role": "assistant", "content": f"Soak the beans and wait for {number} hours."}
    return {"messages": [{"role": "user", "content": f"Beans, recipe {number}?"}, said]}


def test_a_build_asks_what_is_planned(served: Served) -> None:
    planned = calls_of(plan_stages(served.render))
    built = {stage: calls for stage, calls in seen(served.workspace).items() if stage in planned}
    judged = ("document_verdicts", "verdicts")  # what a filter turned down is not judged
    assert {stage: calls for stage, calls in built.items() if stage not in judged} == {
        "domains": 1, "subdomains": 2, "assertions": 4, "document_types": 2, "ideas": 8, "plans": 8, "documents": 8,
        "critiques": 8, "revisions": 8, "queries": 10, "follow_ups": 10, "chats": 20,
    } == {stage: calls for stage, calls in planned.items() if stage not in judged}  # fmt: skip
    assert all(0 < built[stage] <= planned[stage] for stage in judged)


def test_the_judge_of_the_mix_is_asked_about_each_chat_that_is_taken_or_turned_down(served: Served) -> None:
    judging, before = MixJudging(served.corpus, dict(served.recipe.mix.judge.criteria), Told()), asked(served.log)
    recipe = served.recipe
    write_mix(served.workspace, recipe.mix, recipe.assistant, TokenCounter(), 1, lambda chat: None, judging)
    calls, turned_down = len(judging.judged), sum(row["why"] is not None for row in judging.judged)
    assert calls == seen(served.workspace)["mix_verdicts"] == asked(served.log) - before == 9 + turned_down
    assert served.planned()["mix_verdicts"] == 10, "nine, of which one more fails"


def test_forms_of_a_spec_are_asked_for_within_the_plan_and_the_attempts(served: Served, tmp_path: Path) -> None:
    recipe = served.recipe.model_copy(update={"attempts": 4})
    workspace, before = Workspace(tmp_path / "v").create(), asked(served.log)
    write_variants(Corpus.of(workspace, recipe, served.spec), KINDS, None, Told())
    calls, planned = seen(workspace), served.planned()
    assert sum(calls.values()) == asked(served.log) - before
    assert calls["variant_rules"] == planned["variant_rules"] == 1
    assert len(KINDS) <= planned["variants"] <= 4 * len(KINDS) and len(KINDS) <= calls["variants"] <= 4 * len(KINDS)
    assert calls["variant_verdicts"] <= calls["variants"] and planned["variant_verdicts"] == len(KINDS)


def test_an_audit_asks_at_most_what_is_planned_for_as_many_documents(served: Served) -> None:
    documents = list(read_rows(served.workspace, "documents"))
    assumed = kept_documents(served.recipe, served.spec, served.render.expected)
    write_table(served.workspace, "documents", documents[:assumed])
    assert len(documents) >= assumed == 6

    async def audit() -> None:
        async with Client(served.recipe.role("judge"), served.workspace.ledger) as client:
            await Audit(served.corpus, served.recipe.audit, client, Told()).run()

    before = asked(served.log)
    asyncio.run(audit())
    calls, planned = seen(served.workspace), served.planned()
    stages = [stage for stage in planned if stage.startswith("audit_")]
    assert asked(served.log) - before == sum(calls.get(stage, 0) for stage in stages)
    assert [calls[stage] for stage in stages[:3]] == [planned[stage] for stage in stages[:3]] == [1, 1, 3]
    assert calls.get("audit_count", 0) <= planned["audit_count"] == 3


def test_an_evaluation_asks_what_is_planned(served: Served) -> None:
    before = asked(served.log)
    evaluate_workspace(served.workspace, served.recipe)
    calls, planned = seen(served.workspace), served.planned()
    assert (calls["eval"], calls["eval_judge"]) == (planned["eval"], planned["eval_judge"]) == (30, 6)
    assert asked(served.log) - before == 30 + 6


def test_a_target_is_written_for_in_waves_as_planned(served: Served, tmp_path: Path) -> None:
    documents = served.recipe.documents.model_copy(
        update={"words": 300, "ideas": 8, "limit": None, "target_tokens": 8_000, "plan": False, "revise": False}
    )
    plain = {"documents": documents, "chats": ChatSettings(), "judge": JudgeSettings()}
    recipe = served.recipe.model_copy(update=plain)
    one = replace(served, recipe=recipe, workspace=Workspace(tmp_path / "t").create())
    one.workspace.recipe.write_text("spec: x\n")
    Build(one.workspace, recipe, one.spec, Told()).run()
    planned = calls_of(plan_stages(one.render))
    assert planned == seen(one.workspace) and planned["documents"] == ceil(1.05 * 8_000 / (0.7 * 300 * 4 / 3)) == 30
    tokens = [row["tokens"] for row in read_rows(one.workspace, "documents")]
    assert 8_000 <= sum(tokens) < 8_000 + max(tokens) and kept_tokens(recipe, one.spec, one.render.expected) == 8_000
