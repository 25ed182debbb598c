"""The plan's calls are those that a build makes; unknown prices are unknown; a probe's figures replace assumptions."""

import pytest

from pipelines.estimate import Measured, cost, plan_stages, with_measurements
from pipelines.probe import probe_settings
from pipelines.settings import BuildSettings
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


def plans(**changes):
    settings = BuildSettings.model_validate({**BASE, **changes})
    return settings, {one.stage: one for one in plan_stages(settings, read_spec(settings.spec, Assistant()), words)}


def test_calls_follow_from_the_recipe() -> None:
    _, found = plans()
    calls = {stage: one.calls for stage, one in found.items()}
    assert calls == {
        "domains": 1, "subdomains": 2, "assertions": 6 * 2, "document_types": 6 * 2, "ideas": 30 * 3, "documents": 270,
    }  # fmt: skip
    assert all(one.cached <= one.prompt for one in found.values())
    assert found["documents"].cached > 0.85 * found["documents"].prompt


def test_rules_limits_targets_and_chats() -> None:
    _, rules = plans(spec="safety_rules")
    assert "assertions" not in rules
    _, limited = plans(documents={**BASE["documents"], "limit": 7})
    assert limited["documents"].calls == 7
    _, aimed = plans(documents={**BASE["documents"], "target_tokens": 10_000})
    assert aimed["documents"].calls == int(10_000 / (300 * 4 / 3 * 1.4 * 0.7)) + 1
    _, chats = plans(chats={"target": 70})
    assert chats["chats"].calls == chats["verdicts"].calls == 100 and chats["verdicts"].role == "judge"


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


def test_a_probe_replaces_assumptions_stage_by_stage() -> None:
    _, found = plans()
    measured = {"documents": Measured(calls=12, prompt=2000.0, cached=1500.0, completion=700.0, seconds=9.0)}
    after = {one.stage: one for one in with_measurements(list(found.values()), measured)}
    assert after["documents"].measured and after["documents"].completion == 700 and after["documents"].calls == 270
    assert after["ideas"] == found["ideas"]


def test_a_probe_is_small_and_asks_in_the_same_way() -> None:
    settings, _ = plans(chats={"target": 500})
    small = probe_settings(settings)
    stages = plan_stages(small, read_spec(small.spec, Assistant()), words)
    assert sum(one.calls for one in stages) < 90
    assert small.documents.words == settings.documents.words and small.roles == settings.roles
