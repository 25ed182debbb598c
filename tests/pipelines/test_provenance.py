"""Who made a corpus: the roles, licences and prompts of what the recipe asks for and the ledger has."""

import pytest
from pydantic import ValidationError

from corpus.workspace import Workspace
from pipelines.base import Corpus
from pipelines.provenance import models_and_prompts
from pipelines.settings import BuildSettings
from specs.reader import read_spec

BASE = {
    "endpoints": {
        "big": {"model": "/srv/models/big", "license": "Apache-2.0"},
        "small": {"embedded": "smollm2-135m"},
        "cloud": {"model": "cloud-1"},
    },
    "roles": {"writer": {"endpoints": ["big"]}, "planner": {"endpoints": ["small", "big"]},
              "judge": {"endpoints": ["cloud"]}},
}  # fmt: skip
ALL = {
    "domains", "subdomains", "assertions", "document_types", "ideas", "plans", "documents", "critiques", "revisions",
    "document_verdicts", "topics", "queries", "chats", "follow_ups", "verdicts", "eval", "audit_count", "mix_verdicts",
}  # fmt: skip
LINEAGE = {"domains", "subdomains", "assertions", "document_types", "ideas"}


def corpus(spec: str = "cheese_affordability", **parts: object) -> Corpus:
    settings = BuildSettings.model_validate({"spec": spec, **BASE, **parts})
    return Corpus.of(Workspace("nowhere"), settings, read_spec(spec, settings.assistant))


def test_only_what_the_recipe_asks_for_and_the_ledger_has_is_named() -> None:
    plain = models_and_prompts(corpus(), ALL)
    assert plain.models == {"planner": "smollm2-135m, big", "writer": "big"}
    assert plain.prompts.keys() == LINEAGE | {"documents"}
    rich = corpus(
        documents={"plan": True, "revise": True}, judge={"criteria_sets": ["realism"]},
        chats={"target": 5, "style": "opaque"},
    )  # fmt: skip
    asked = models_and_prompts(rich, ALL)
    assert asked.models == {
        "planner": "smollm2-135m, big", "writer": "big", "critic": "big", "rewriter": "big", "judge": "cloud-1",
    }  # fmt: skip
    assert asked.prompts.keys() == LINEAGE | {
        "plan", "documents", "critique", "revise", "judge_document", "topics", "queries_opaque", "responses_opaque",
        "followup", "judge_chat",
    }  # fmt: skip
    assert models_and_prompts(rich, {"document_verdicts", "eval"}).models == {"judge": "cloud-1"}
    assert models_and_prompts(rich, set()).models == {} == models_and_prompts(rich, set()).licenses


def test_styles_and_rules_have_prompts_of_their_own() -> None:
    assert {"documents_story", "ideas_story"} < models_and_prompts(
        corpus(documents={"style": "story"}), ALL
    ).prompts.keys()
    neutral = models_and_prompts(
        corpus("safety_rules", documents={"style": "neutral"}), LINEAGE - {"assertions"} | {"documents"}
    )
    assert all(name.endswith("_neutral") for name in neutral.prompts)
    rules = models_and_prompts(corpus("safety_rules"), LINEAGE - {"assertions"})
    assert rules.prompts.keys() == {"domains", "rules", "document_types", "ideas"}


def test_a_licence_is_known_or_said_to_be_unknown() -> None:
    asked = models_and_prompts(corpus(chats={"target": 5}), ALL)
    assert asked.licenses == {"smollm2-135m": "Apache-2.0", "big": "Apache-2.0", "cloud-1": None}
    own = {"small": {"embedded": "smollm2-135m", "license": "as its maker says"}}
    said = models_and_prompts(corpus(endpoints={**BASE["endpoints"], **own}), ALL).licenses
    assert said["smollm2-135m"] == "as its maker says"
    with pytest.raises(ValidationError, match="license"):
        corpus(endpoints={**BASE["endpoints"], "big": {"model": "m", "license": "two\nlines"}})
