"""Which models and prompts made a corpus: those that its recipe asks for, and that its ledger shows were asked."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from corpus.text import model_name
from pipelines.base import Corpus
from pipelines.engine.endpoints import EndpointSettings
from pipelines.local.manifest import load_manifest

NOT_OF_A_CORPUS: Final[dict[str, Any]] = dict.fromkeys(
    [
        "spec",
        "endpoints",
        "budget",
        "prices",
        "audit",
        "variants",
        "prompts",
        "train",
        "mix",
        "eval",
        "report",
        "questions",
        "fields",
    ],
    True,
) | {"corpus": {"tokenizer"}}  # in the manifest by its content
"""Keys of a recipe that may differ between machines, or that come after the corpus; prompts are in the manifest, by
their versions."""

_LINEAGE = ("domains", "subdomains", "assertions", "document_types", "ideas")


@dataclass(frozen=True, slots=True)
class ModelsAndPrompts:
    """Who was asked, and with what."""

    models: dict[str, str]  # role -> models as the recipe names them
    licenses: dict[str, str | None]  # model -> its licence, where the recipe or the shipped list of models says it
    prompts: dict[str, str]  # template -> version


def models_and_prompts(corpus: Corpus, stages: Collection[str]) -> ModelsAndPrompts:
    """What was asked in those of `stages`, the ledger's, that the recipe asks for; in the order of the stages."""
    found = [(role, template) for stage, role, template in stages_of(corpus) if stage in stages]
    roles = {name: corpus.settings.role(name) for name in dict.fromkeys(role for role, _ in found)}
    endpoints = [endpoint for role in roles.values() for endpoint in role.endpoints.values()]
    licenses: dict[str, str | None] = {}
    for endpoint in endpoints:
        name = model_name(endpoint.model)
        licenses[name] = licenses.get(name) or license_of(endpoint)
    names = {
        name: ", ".join(dict.fromkeys(model_name(endpoint.model) for endpoint in role.endpoints.values()))
        for name, role in roles.items()
    }
    return ModelsAndPrompts(names, licenses, {template: _version(corpus, template) for _, template in found})


def stages_of(corpus: Corpus) -> Iterator[tuple[str, str, str]]:
    """(stage, role, template) of every stage that a recipe may ask for, in order; the ledger knows them by `stage`."""
    settings, neutral = corpus.settings, corpus.settings.documents.style == "neutral"
    for stage in _LINEAGE:
        by_rule = stage == "subdomains" and corpus.spec.shape == "rules" and not neutral
        yield stage, "planner", "rules" if by_rule else corpus.template(stage)
    if settings.documents.plan:
        yield "plans", "planner", "plan"
    yield "documents", "writer", corpus.template("documents")
    if settings.documents.revise:
        yield "critiques", "critic", "critique"
        yield "revisions", "rewriter", "revise"
    if settings.judge.judged_by:
        yield "document_verdicts", "judge", settings.judge.template("document")
    if settings.chats.target:
        yield "topics", "planner", "topics"
        yield "queries", "planner", settings.chats.chosen.queries
        yield "chats", "writer", settings.chats.chosen.responses
        yield "follow_ups", "writer", "followup"
        yield "verdicts", "judge", settings.judge.template("chat")


def _version(corpus: Corpus, template: str) -> str:
    """The version of a template with its system message."""
    return corpus.prompts.version("system_neutral" if template.endswith("_neutral") else "system", template)


def license_of(endpoint: EndpointSettings) -> str | None:
    """What is known of the licence of an endpoint's model; nothing is guessed from its name."""
    if endpoint.license is None and endpoint.embedded:
        return load_manifest().model(endpoint.embedded).licence
    return endpoint.license
