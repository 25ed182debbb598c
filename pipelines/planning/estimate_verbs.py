"""What the verbs beside `build` would ask of a recipe: `mix` (its judge), `variants`, `audit`, `questions` and `eval`.

Each is paid for only when it is run, so they stand beside the plan of a build and not in its sum. Assumptions are named
here and printed with the plan.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any, Final

from corpus.mix.settings import MixSettings
from eval.questions.base import Limits
from eval.questions.choices import prompt
from eval.questions.items import choice_questions, known_sets, open_questions
from eval.questions.judged import judge_prompt
from eval.questions.settings import EvalSettings
from pipelines.audit.samples import PER_SAMPLE, AuditSamples
from pipelines.audit.schemas import shown
from pipelines.planning import estimate
from pipelines.planning.estimate import VERDICT_TOKENS, Renderer, StagePlan, judging
from pipelines.planning.typical import TYPICAL, typical_text
from pipelines.questions.schemas import GATE_STAGE, SET_OF
from pipelines.questions.schemas import STAGE as QUESTIONS
from pipelines.variants.kinds import KINDS, LIST, RULES, STAGE, VERDICTS, criteria_of, rule_count, template_of

MIX_PASSES: Final = 0.9  # of the chats that the rules let through, how many the judge does too
MIX_CHAT_TOKENS: Final = 200  # a paper's mix: 2M tokens in about 10,000 chats [MSM] (docs/method.md, 1)
VARIANT_TRIES: Final = 2  # of each form: the first is rarely of the right length
VALUES: Final = 0.4  # of the assertions, how many are values or preferences: two of five labels (docs/method.md, 1)
_ITEM_TOKENS: Final = 60  # of one question with its options
_ORDERS: Final = {"knowledge": 4, "cloze": 1, "behaviour": 2, "preference": 2, "opinion": 2}  # in which it is asked
_RULE_TOKENS: Final = 40  # of one that is listed
_PATTERN_TOKENS: Final = 60  # of one that is proposed
_PRESENCE_TOKENS: Final = 30  # of one pattern in one document: a quote and a word


def plan_verbs(render: Renderer, mix: MixSettings, evaluation: EvalSettings, base: Path) -> list[StagePlan]:
    """Every stage of these verbs; the audit's with the documents that the recipe should keep, the evaluation's with the
    sets that it names or that the workspace `base` has."""
    asked = (*_questions(render), *_evaluation(render, evaluation, base))
    plans = (*_mix(render, mix), *_variants(render), *_audit(render), *asked)
    return [one for one in plans if one.calls]


def _mix(render: Renderer, mix: MixSettings) -> Iterator[StagePlan]:
    """A judgement for each chat that may stay, and for those that turn out not to."""
    criteria = mix.judge.criteria
    wanted = [one.samples or (one.tokens or 0) / MIX_CHAT_TOKENS for one in mix.sources if mix.judge.enabled]
    calls = sum(ceil(chats / MIX_PASSES) for chats in wanted)
    yield judging(render, "mix_verdicts", calls, "mix", criteria)


def _variants(render: Renderer) -> Iterator[StagePlan]:
    """All forms, as long as the spec itself."""
    spec, tries = render.spec, min(VARIANT_TRIES, render.settings.attempts)
    target = render.count(spec.text)
    text = typical_text(target / estimate.TOKENS_PER_WORD)
    listed = [{"id": f"R{number}", "text": TYPICAL} for number in range(1, rule_count(target) + 1)]
    own = [{"id": rule, "text": TYPICAL} for rule in spec.rule_ids]
    yield render.stage(LIST, "planner", int(not own), len(listed) * _RULE_TOKENS, "variant_list", count=len(listed))
    forms = []
    for kind in KINDS:
        rules = own or listed if kind in RULES or (kind != "general" and own) else []
        length = {"tokens": target, "least": target, "most": target}
        forms.append(render.stage(STAGE, "planner", tries, target, template_of(kind), None, rules=rules, **length))
    one, again = _together(forms), (tries - 1) / tries  # of the tries: they are shown the one before, after the prompt
    cached = render.system_tokens * (1 - again) + one.prompt * again
    yield replace(one, prompt=one.prompt + target * again, cached=cached)
    judged = [criteria_of(kind) for kind in KINDS]
    yield _together([
        render.stage(
            VERDICTS, "judge", 1, VERDICT_TOKENS * len(criteria), "judge_variant", {"variant": text}, criteria=criteria
        )
        for criteria in judged
    ])  # fmt: skip


def _audit(render: Renderer) -> Iterator[StagePlan]:
    """At most: only what the verification leaves open is counted."""
    settings, audit = render.settings, render.settings.audit
    documents = estimate.kept_documents(settings, render.spec, render.expected)
    samples = AuditSamples.of(map(str, range(documents)), settings.seed, audit)
    if not samples.propose or not samples.verify:  # too few documents for an audit
        return
    document = shown(typical_text(settings.sized.documents.mean_words * estimate.LONGER), audit.document_words)
    found = min(audit.patterns, PER_SAMPLE * len(samples.propose))
    patterns = {f"p{n}": {"name": "name of a pattern", "kind": "wording", "test": TYPICAL} for n in range(found)}
    proposed = min(PER_SAMPLE, found)
    yield render.stage(
        "audit_propose", "judge", len(samples.propose), proposed * _PATTERN_TOKENS, "audit_propose",
        {"documents": [document] * len(samples.propose[0])}, count=proposed, existing=[TYPICAL] * (found // 2),
    )  # fmt: skip
    yield render.stage("audit_origin", "judge", 1, found * VERDICT_TOKENS, "audit_origin", patterns=patterns)
    reading = render.stage(
        "audit_verify", "judge", len(samples.verify), found * _PRESENCE_TOKENS, "audit_verify", {"document": document},
        patterns=patterns,
    )  # fmt: skip
    yield reading
    yield replace(reading, stage="audit_count", calls=len(samples.count))


def _questions(render: Renderer) -> Iterator[StagePlan]:
    """Every item written and, as if all passed the checks, asked of the base model in every order, either way."""
    asked, most = render.settings.questions, render.settings.list_batch
    size = render.settings.sized.decompose
    subdomains = size.domains * estimate.subdomains_of(render.settings.sized, render.spec)
    every = subdomains * (1 if render.spec.shape == "rules" else size.assertions)
    values = ceil(VALUES * every)
    wanted = {  # kind -> how many are made of, how many of each, how many at once
        "knowledge": (every, asked.knowledge, most), "cloze": (every, asked.cloze, most),
        "behaviour": (every, asked.behaviour, 1), "preference": (values, asked.preferences, 1),
        "opinion": (values, asked.opinions, 1), "open": (every, asked.open, most),
    }  # fmt: skip
    passages: dict[str, Any] = {"passages": render.spec.passages[:3], "existing": []}
    lists: dict[str, list[StagePlan]] = {}
    for kind, (rows, each, batch) in wanted.items():
        if not rows * each:
            continue
        count = min(each, batch)
        calls, tokens = rows * ceil(each / count), count * _ITEM_TOKENS
        name = f"{QUESTIONS}_{SET_OF[kind]}"
        lists.setdefault(name, []).append(
            render.stage(name, "planner", calls, tokens, f"question_{kind}", count=count, **passages)
        )
    yield from map(_together, lists.values())
    if asked.gate:
        yield _gate(render, sum(rows * each * _ORDERS.get(kind, 0) for kind, (rows, each, _) in wanted.items()))


def _gate(render: Renderer, orders: int) -> StagePlan:
    """Half of the calls have the spec before the question; a reply is a letter, and counts at its longest."""
    settings = render.settings
    longest, spec = settings.eval.max_tokens or Limits().choice, render.system_tokens / 2
    role, question = "base" if "base" in settings.roles else "eval", render.count(TYPICAL) + _ITEM_TOKENS
    calls, seconds = 2 * settings.questions.gate_samples * orders, estimate.seconds_of(longest)
    return StagePlan(GATE_STAGE, role, calls, question + spec, spec, longest, seconds)


def _evaluation(render: Renderer, evaluation: EvalSettings, base: Path) -> Iterator[StagePlan]:
    """Every question in every order, and the open ones with their judge; replies count at their longest."""
    sets, limit, plain = known_sets(evaluation, base), evaluation.questions_per_set, Limits()
    choices = [prompt(one, order) for one in choice_questions(sets, limit) for order in one.orders]
    longest_open = evaluation.open_max_tokens or plain.open
    asked, replied = open_questions(sets, limit), typical_text(longest_open / estimate.TOKENS_PER_WORD)
    groups = [
        ("eval", "eval", evaluation.max_tokens or plain.choice, choices),
        ("eval", "eval", longest_open, [one.question for one in asked]),
        ("eval_judge", "judge", evaluation.judge_max_tokens, [judge_prompt(one, replied) for one in asked]),
    ]
    plans = [
        StagePlan(
            stage, role, len(texts) * evaluation.samples, sum(map(render.count, texts)) / len(texts), 0, longest,
            estimate.seconds_of(longest),
        )
        for stage, role, longest, texts in groups
        if texts
    ]  # fmt: skip
    for stage in ("eval", "eval_judge"):
        if mine := [one for one in plans if one.stage == stage]:
            yield _together(mine)


def _together(plans: list[StagePlan]) -> StagePlan:
    """One plan for calls of one stage that differ: the means of their tokens and seconds."""
    calls = sum(one.calls for one in plans)
    weights = [one.calls / calls for one in plans]

    def mean(values: Iterable[float]) -> float:
        return sum(weight * value for weight, value in zip(weights, values, strict=True))

    return replace(
        plans[0], calls=calls, prompt=mean(one.prompt for one in plans), cached=mean(one.cached for one in plans),
        completion=mean(one.completion for one in plans), seconds=mean(one.seconds for one in plans),
    )  # fmt: skip
