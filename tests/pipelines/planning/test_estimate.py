"""The plan's calls are those that a build makes; unknown prices are unknown; a probe's figures replace assumptions."""

from math import ceil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from corpus.mix.settings import MixSettings
from eval.questions.settings import EvalSettings
from pipelines.planning.estimate import Measured, Renderer, Yield, cost, plan_stages, with_measurements
from pipelines.planning.estimate_verbs import plan_verbs
from pipelines.planning.probe import probe_settings
from pipelines.settings import BuildSettings
from specmill.cli import app
from specs.reader import read_spec
from specs.settings import Assistant

BASE = {
    "spec": "cheese_america",
    "endpoints": {"e": {"base_url": "http://127.0.0.1:9/v1", "model": "gpt-4.1-mini", "max_in_flight": 10}},
    "roles": {"writer": {"endpoints": ["e"]}},
    "list_batch": 4,
    "decompose": {"domains": 2, "subdomains": 3, "assertions": 5},
    "documents": {"types": 5, "ideas": 9, "words": 300},
}


def words(text: str) -> int:
    return len(text.split())


def rendering(settings: BuildSettings, measured: Yield | None = None) -> Renderer:
    return Renderer(settings, read_spec(settings.spec, Assistant()), words, measured)


def plans(**changes):
    settings = BuildSettings.model_validate({**BASE, **changes})
    return settings, {one.stage: one for one in plan_stages(rendering(settings))}


def test_calls_follow_from_the_recipe() -> None:
    _, found = plans()
    calls = {stage: one.calls for stage, one in found.items()}
    assert calls == {
        "domains": 1, "subdomains": 2, "assertions": 6 * 2, "document_types": 6 * 2, "ideas": 30 * 3, "documents": 270,
    }  # fmt: skip
    assert all(one.cached <= one.prompt for one in found.values())
    assert found["documents"].cached > 0.85 * found["documents"].prompt


def test_words_of_given_types_are_planned() -> None:
    genres = [{"name": f"type {n}", "words": words} for n, words in enumerate((200, 600, 700, 400, 600))]
    _, plain = plans(documents={**BASE["documents"], "words": 500})
    _, given = plans(documents={**BASE["documents"], "words": 300, "genres": genres})
    assert "document_types" not in given and given["documents"].completion == plain["documents"].completion


def test_rules_limits_targets_and_chats() -> None:
    _, rules = plans(spec="safety_rules")
    assert "assertions" not in rules
    _, limited = plans(documents={**BASE["documents"], "limit": 7})
    assert limited["documents"].calls == 7
    _, aimed = plans(documents={**BASE["documents"], "target_tokens": 10_000})
    assert aimed["documents"].calls == ceil(1.05 * 10_000 / (300 * 4 / 3 * 0.7)), "a first wave, as the build sizes it"
    _, chats = plans(chats={"target": 70})
    assert chats["chats"].calls == chats["verdicts"].calls == 100 and chats["verdicts"].role == "judge"


def test_what_there_is_not_is_not_counted_and_what_runs_out_is_asked_for_again() -> None:
    _, limited = plans(documents={**BASE["documents"], "limit": 1_000})
    assert limited["documents"].calls == 270, "there are no more ideas"
    _, aimed = plans(documents={**BASE["documents"], "target_tokens": 120_000})
    more = ceil(1.05 * (120_000 - 270 * 300 * 4 / 3 * 1.4 * 0.7) / (300 * 4 / 3 * 1.4 * 0.7))
    assert aimed["documents"].calls == 270 + more and more > 30
    assert aimed["ideas"].calls == 30 * 3 + 30 * 1, "a round of top-up: up to two more ideas of each type"
    nothing, _ = plans(documents={**BASE["documents"], "target_tokens": 10})
    calls = {one.stage: one.calls for one in plan_stages(rendering(nothing, Yield(12, 0, 0)))}
    assert calls["documents"] == 270 * 3, "where a probe kept nothing, all that a build might write"
    _, capped = plans(documents={**BASE["documents"], "target_tokens": 10**7, "limit": 400})
    assert capped["documents"].calls == 400
    _, rules = plans(spec="safety_rules", list_batch=2, decompose={"domains": 2, "subdomains": 5})
    assert rules["subdomains"].calls == 2, "the rules of a domain are asked for at once"


def test_queries_are_asked_for_by_topic_and_kind() -> None:
    _, spread = plans(chats={"target": 70}, list_batch=10)
    assert spread["queries"].calls == 36 and spread["chats"].calls == 100, "six topics in six kinds, two or three each"
    _, opaque = plans(chats={"target": 24, "style": "opaque", "topic_count": 12, "expected_yield": 0.5})
    assert (opaque["topics"].calls, opaque["queries"].calls, opaque["chats"].calls) == (1, 48, 48)
    _, named = plans(chats={"target": 24, "style": "opaque", "topics": ["Colby"], "expected_yield": 0.5})
    assert "topics" not in named and named["queries"].calls == 6 * 2


def verbs(mix: dict | None = None, evaluation: dict | None = None, **changes):
    settings = BuildSettings.model_validate({**BASE, **changes})
    render = rendering(settings)
    asked = EvalSettings.model_validate({"sets": ["america"], **(evaluation or {})})
    made = plan_verbs(render, MixSettings.model_validate(mix or {}), asked, Path("nowhere"))
    return settings, {one.stage: one for one in made}


def test_the_verbs_beside_a_build_are_planned_each_by_its_own_settings() -> None:
    settings, found = verbs()
    assert list(found) == [
        "variant_rules", "variants", "variant_verdicts", "audit_propose", "audit_origin", "audit_verify", "audit_count",
        "eval",
    ]  # fmt: skip
    spec = words(read_spec("cheese_america", Assistant()).text)
    assert (found["variants"].calls, found["variants"].completion) == (10, spec)
    assert spec < found["variants"].cached < found["variants"].prompt
    assert found["audit_verify"].calls == 60 and found["audit_count"].calls == 270 * 0.7 - 60
    assert found["audit_propose"].prompt > 8 * 300, "the documents of a sample"
    assert found["eval"].role == "eval" and cost(found["eval"], settings.role("eval")).dollars > 0
    _, once = verbs(attempts=1, spec="safety_rules", documents={"types": 1, "ideas": 1, "limit": 4})
    assert once["variants"].calls == 5 and "variant_rules" not in once, "its rules have ids"
    assert "audit_verify" not in once, "three documents are too few"


def test_the_judge_of_the_mix_is_planned_where_it_is_enabled() -> None:
    sources = [{"name": "a", "path": "a.jsonl", "samples": 90}, {"name": "b", "path": "b.jsonl", "tokens": 9_000}]
    _, found = verbs({"sources": sources, "judge": {"enabled": True}})
    assert found["mix_verdicts"].calls == 100 + 50 and found["mix_verdicts"].role == "judge"
    assert found["mix_verdicts"].completion == 3 * 60
    assert "mix_verdicts" not in verbs({"sources": sources})[1]


def test_the_verb_prints_them_below_the_build_and_not_in_its_sum(tmp_path: Path) -> None:
    mix = {"sources": [{"name": "a", "path": "a.jsonl", "samples": 90}], "judge": {"enabled": True}}
    (tmp_path / "recipe.yaml").write_text(
        yaml.safe_dump({**BASE, "mix": mix, "chats": {"target": 7}, "eval": {"sets": ["america"]}})
    )
    said = CliRunner().invoke(app, ["plan", str(tmp_path / "recipe.yaml")], env={"COLUMNS": "120"}).output
    build, beside = said.split("beside a build")
    rows = [line.split() for line in build.splitlines()[1:] if line[-2:].isdigit()]
    calls = [int(row[-6].replace(",", "")) for row in rows]
    assert rows[-1][0] == "all" and len(rows) == 10 and sum(calls[:-1]) == calls[-1]
    for stage in ("mix verdicts", "variants", "variant verdicts", "audit count", "eval"):
        assert f"\n{stage}  " in beside and f"\n{stage}  " not in build
    assert "90% of the chats of the mix pass" in beside and "audit: of 189 documents" in beside


def test_neutral_corpora_have_no_assertions_and_may_be_given_their_genres() -> None:
    neutral = {**BASE["documents"], "style": "neutral"}
    _, free = plans(documents=neutral, spec="safety_rules")
    assert "assertions" not in free and free["document_types"].calls == 12 and free["documents"].calls == 270
    assert free["domains"].prompt > 3 * free["subdomains"].prompt, "only the first sees the spec"
    _, given = plans(documents={**neutral, "genres": ["memo", "note"]})
    assert "document_types" not in given and given["documents"].calls == 6 * 2 * 9


def test_judging_documents_is_counted_where_the_recipe_asks_for_it() -> None:
    _, plain = plans()
    _, one = plans(judge={"criteria_sets": ["attribution"]})
    _, four = plans(judge={"criteria_sets": ["attribution", "faithfulness", "coverage", "realism"]})
    assert "document_verdicts" not in plain
    assert one["document_verdicts"].calls == one["documents"].calls == 270
    assert one["document_verdicts"].role == "judge" and one["document_verdicts"].prompt > 300 * 1.4
    assert four["document_verdicts"].completion == 6 * one["document_verdicts"].completion


def test_dollars_and_hours() -> None:
    settings, found = plans()
    known = cost(found["documents"], settings.role("writer"))
    price = settings.prices.find("gpt-4.1-mini")
    cached = price.cached_input if price.cached_input is not None else price.input
    expected = (known.prompt - known.cached) * price.input + known.cached * cached + known.completion * price.output
    assert known.dollars == pytest.approx(expected / 1e6)
    assert known.hours == pytest.approx(270 * found["documents"].seconds / 10 / 3600)
    unknown, found = plans(endpoints={"e": {"base_url": "http://127.0.0.1:9/v1", "model": "mystery"}})
    assert cost(found["documents"], unknown.role("writer")).dollars is None


def test_hours_of_batches_are_not_made_up(tmp_path: Path) -> None:
    roles = {"writer": {"endpoints": ["e"], "mode": "batch"}, "judge": {"endpoints": ["e"]}}
    settings, found = plans(roles=roles, judge={"criteria_sets": ["attribution"]})
    assert cost(found["documents"], settings.role("writer")).hours is None
    assert cost(found["document_verdicts"], settings.role("judge")).hours > 0
    changed = {**BASE, "eval": {"sets": ["america"]}, "roles": roles, "judge": {"criteria_sets": ["attribution"]}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(changed))
    said = CliRunner().invoke(app, ["plan", str(tmp_path / "recipe.yaml")], env={"COLUMNS": "200"}).output
    ends = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in said.splitlines()}
    live = cost(found["document_verdicts"], settings.role("judge")).hours
    assert ends["documents"] == ends["domains"] == ends["eval"] == "batches"
    assert ends["document verdicts"] == f"{live:.2f}" and ends["all"] == f"{live:.2f} + batches"
    assert said.count("An endpoint may take 24 hours for each") == 1
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(BASE))
    assert "batches" not in CliRunner().invoke(app, ["plan", str(tmp_path / "recipe.yaml")]).output


def test_a_probe_replaces_assumptions_stage_by_stage() -> None:
    _, found = plans()
    measured = {"documents": Measured(tries=1.5, prompt=2000.0, cached=1500.0, completion=700.0, seconds=9.0)}
    after = {one.stage: one for one in with_measurements(list(found.values()), measured)}
    assert (
        after["documents"].measured and after["documents"].completion == 700 and after["documents"].calls == 270 * 1.5
    )
    assert after["ideas"] == found["ideas"]


def test_a_probe_is_small_and_asks_in_the_same_way() -> None:
    settings, _ = plans(chats={"target": 500})
    small = probe_settings(settings)
    stages = plan_stages(rendering(small))
    assert sum(one.calls for one in stages) < 90
    assert small.documents.words == settings.documents.words and small.roles == settings.roles
