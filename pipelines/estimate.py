"""What a recipe will ask for, and cost, before anything is spent: calls and tokens a stage, dollars and hours.

Prompts are rendered for real, with rows of typical length, and counted exactly; what models will reply is assumed, and
every assumption is named. A probe (a small build of the same recipe) replaces assumptions by what was measured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pipelines.chat_ask import query_template
from pipelines.chat_settings import ChatSettings
from pipelines.endpoints import Role
from pipelines.prompts import Prompts, styled
from pipelines.settings import BuildSettings
from specs.reader import Spec

Count = Callable[[str], int]

ENTRY_TOKENS: Final = 75  # of one list entry; measured on several models: 50 to 110
LONGER: Final = 1.4  # models write up to twice the length that is asked for [field notes 5.6]
TOKENS_PER_WORD: Final = 4 / 3
SCRATCHPAD_TOKENS: Final = 300
VERDICT_TOKENS: Final = 60  # of one criterion: a reason and a word
KEPT: Final = 0.7  # of the documents: 71-76% after review [REP]
TOKENS_PER_SECOND: Final = 50.0  # of one request, where nothing was measured
FIRST_TOKEN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage: calls, mean tokens a call, and how long a call takes (seconds)."""

    stage: str
    role: str
    calls: int
    prompt: float
    cached: float  # of the prompt tokens, how many begin the previous request too
    completion: float
    seconds: float
    measured: bool = False


@dataclass(frozen=True, slots=True)
class StageCost:
    """A stage in totals. `dollars` is None where the price of a model is not known."""

    plan: StagePlan
    prompt: int
    cached: int
    completion: int
    dollars: float | None
    hours: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Means of one stage of a probe, and what it kept."""

    calls: int
    prompt: float
    cached: float
    completion: float
    seconds: float


def plan_stages(settings: BuildSettings, spec: Spec, count: Count) -> list[StagePlan]:
    """Every stage that the recipe asks for, in order."""
    asked = settings.documents
    prompts = Prompts(settings.prompts, attribution=asked.attribution, style=asked.style)
    spec_text = spec.text.strip()
    with_spec = prompts.render("system", assistant=settings.assistant, spec_text=spec_text)

    def stage(name: str, role: str, calls: int, completion: float, template: str, **values: Any) -> StagePlan:
        system = prompts.render("system_neutral") if template.endswith("_neutral") else with_spec
        values["spec_text"] = spec_text
        texts = [
            system + prompts.render(template, assistant=settings.assistant, **{**values, **_row(template, words)})
            for words in (_TYPICAL, _OTHER)
        ]
        total = count(texts[0])
        shared = count(texts[0][: _shared(*texts)])
        return StagePlan(name, role, calls, total, min(shared, total), completion, _seconds(completion))

    return [one for one in (*_tree(settings, spec, stage), *_chats(settings, stage)) if one.calls]


def _tree(settings: BuildSettings, spec: Spec, stage: Callable[..., StagePlan]) -> list[StagePlan]:
    size, documents, batch = settings.decompose, settings.documents, settings.list_batch
    style, types = documents.style, documents.type_count
    rules = spec.shape == "rules" and style != "neutral"
    asserts = style != "neutral" and not rules
    per_domain = min(size.subdomains, len(spec.rule_ids)) if rules else size.subdomains
    subdomains = size.domains * per_domain
    passages = {"passages": spec.passages, "rules": [p for p in spec.passages if p.rule_id]}

    def listed(name: str, rows: int, want: int, template: str | None = None, **values: Any) -> StagePlan:
        calls, entries = rows * -(-want // batch), min(want, batch)
        existing = [_TYPICAL] * max(0, (want - entries) // 2)
        completion = entries * ENTRY_TOKENS
        return stage(
            name,
            "planner",
            calls,
            completion,
            template or styled(name, style),
            count=entries,
            existing=existing,
            **values,
        )

    written = settings.documents.limit or subdomains * types * documents.ideas
    length = documents.words * TOKENS_PER_WORD * LONGER + SCRATCHPAD_TOKENS * documents.scratchpad
    many = _written(settings, written)
    whole = {"document": _TYPICAL * max(1, round(documents.words * LONGER / len(_TYPICAL.split())))}
    points = [{"kind": "generic", "quote": _TYPICAL, "problem": _TYPICAL}] * 4
    again = documents.words * TOKENS_PER_WORD * LONGER
    criteria = settings.judge.judged_by  # asked of every document: the filters will spare it a few
    return [
        listed("domains", 1, size.domains),
        listed("subdomains", size.domains, per_domain, "rules" if rules else None, **passages),
        listed("assertions", subdomains * asserts, size.assertions, passages=spec.passages[:3]),
        listed("document_types", 0 if documents.genres else subdomains, types),
        listed("ideas", subdomains * types, documents.ideas),
        stage("plans", "planner", many * documents.plan, SCRATCHPAD_TOKENS, "plan"),
        stage(
            "documents", "writer", many, length, styled("documents", style), scratchpad=documents.scratchpad,
            words=documents.words, plan=_TYPICAL * 4 if documents.plan else "",
        ),
        stage("critiques", "critic", many * documents.revise, 4 * ENTRY_TOKENS, "critique", count=6, **whole),
        stage(
            "revisions", "rewriter", many * documents.revise, again, "revise", critique=points,
            words=documents.words, **whole,
        ),
        stage(
            "document_verdicts", "judge", many * bool(criteria), VERDICT_TOKENS * len(criteria), "judge_document",
            criteria=criteria, **whole,
        ),
    ]  # fmt: skip


def _written(settings: BuildSettings, most: int) -> int:
    """Documents to write: all that are planned, or as many as the target of kept tokens should need."""
    target = settings.documents.target_tokens
    if target is None:
        return most
    return min(most, int(target / (settings.documents.words * TOKENS_PER_WORD * LONGER * KEPT)) + 1)


def _chats(settings: BuildSettings, stage: Callable[..., StagePlan]) -> list[StagePlan]:
    chats: ChatSettings = settings.chats
    if not chats.target:
        return []
    asked = round(chats.target / chats.expected_yield)
    batch = min(settings.list_batch, asked)
    kind = next(iter(chats.kinds))
    about = {"topic": _TYPICAL, "summary": _TYPICAL, "query_type": kind, "query_kind": chats.kinds[kind]}
    length = (chats.words + chats.think_words) * TOKENS_PER_WORD * LONGER
    turn = {"query": _TYPICAL, "thought": _TYPICAL * 3, "reply": _TYPICAL * 4}
    earlier = _TYPICAL * 4 if chats.source else ""
    said = {
        "words": chats.words, "think_words": chats.think_words, "topic": _TYPICAL, "operator": "",
        "history": [turn] * ((chats.turns - 1) // 2), "earlier": earlier,
    }  # fmt: skip
    turns = [turn] * (chats.turns - 1)
    lists = 0 if chats.source else -(-asked // batch)
    return [
        stage("queries", "planner", lists, batch * 45, query_template(chats.style), count=batch, existing=[], **about),
        stage("follow_ups", "writer", asked * len(turns), 45, "followup", history=[turn] * max(1, chats.turns // 2)),
        stage("chats", "writer", asked * chats.turns, length, f"responses_{chats.style}", **said),
        stage(
            "verdicts", "judge", asked, VERDICT_TOKENS * len(chats.judged_by), "judge_chat", criteria=chats.judged_by,
            earlier=earlier, item=_TYPICAL if chats.style == "opaque" else "",
        ),
    ]  # fmt: skip


def with_measurements(plans: list[StagePlan], measured: Mapping[str, Measured]) -> list[StagePlan]:
    """The plans with what a probe measured in place of what was assumed, stage by stage."""
    return [
        replace(
            plan, prompt=found.prompt, cached=found.cached, completion=found.completion,
            seconds=found.seconds, measured=True,
        )
        if (found := measured.get(plan.stage))
        else plan
        for plan in plans
    ]  # fmt: skip


def cost(plan: StagePlan, role: Role) -> StageCost:
    """A stage in totals; hours if the role's endpoints stay full."""
    prompt, cached, completion = (round(plan.calls * value) for value in (plan.prompt, plan.cached, plan.completion))
    batch = role.settings.mode == "batch"
    weights = role.settings.endpoints
    shares = [
        (weight / sum(weights.values()), role.cost_usd(name, prompt, cached, completion, batch))
        for name, weight in weights.items()
    ]
    dollars = None if any(one is None for _, one in shares) else sum(share * (one or 0.0) for share, one in shares)
    in_flight = sum(endpoint.max_in_flight for endpoint in role.endpoints.values())
    hours = plan.calls * plan.seconds / min(in_flight, max(1, plan.calls)) / 3600
    return StageCost(plan, prompt, cached, completion, dollars, hours)


def _seconds(completion: float) -> float:
    return FIRST_TOKEN_S + completion / TOKENS_PER_SECOND


def _shared(first: str, second: str) -> int:
    """How many characters two texts begin with alike."""
    return next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), len(first))


_TYPICAL = (
    "a remark at the counter of a small shop, and what the clerk who heard it made of it when the question of the "
    "reason came up again in the evening between two people who do not agree on much"
)
_OTHER = (
    "the minutes of a meeting in which nobody wanted to speak first, though everybody had come with a complaint " * 2
)


def _row(template: str, words: str) -> dict[str, Any]:
    """Values of typical length for the part of a prompt that differs from row to row."""
    domain = {"name": "name of a domain", "summary": _TYPICAL}
    subdomain = {"name": "name of a subdomain", "summary": _TYPICAL * 2, "rule_id": "R1"}
    assertion = {"assertion": _TYPICAL, "explanation": _TYPICAL}
    kind = {"name": "internal memo", "description": _TYPICAL, "frame": "lay"}
    task = {"subdomain": subdomain, "assertions": [assertion] * 6, "document_type": kind, "idea": {"idea": words * 2}}
    last: dict[str, dict[str, Any]] = {
        "subdomains": {"domain": {**domain, "name": words}},
        "rules": {"domain": {**domain, "name": words}},
        "assertions": {"subdomain": {**subdomain, "name": words}},
        "document_types": {"subdomain": {**subdomain, "name": words}},
        "ideas": {"subdomain": subdomain, "assertions": [assertion] * 6, "document_type": {**kind, "name": words}},
        **dict.fromkeys(("documents", "plan", "critique", "revise", "judge_document"), task),
        **{name: {"topic": words, "manners": ["plainly"]} for name in ("queries", "queries_opaque", "queries_advice")},
        "judge_chat": {"turns": [{"query": words, "thought": _TYPICAL * 3, "reply": _TYPICAL * 4}]},
    }  # fmt: skip
    template = template.removesuffix("_story").removesuffix("_neutral")
    return last.get(template, {"query": words} if template.startswith("responses_") else {})
