"""What a recipe will ask for, and cost, before anything is spent: calls and tokens a stage, dollars and hours.

Prompts are rendered for real, with rows of typical length, and counted exactly; what models will reply is assumed, and
every assumption is named. A probe (a small build of the same recipe) replaces assumptions by what was measured.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

from pipelines.chats.quotas import Tally, cross, next_round
from pipelines.chats.settings import ChatSettings
from pipelines.completion import Usage
from pipelines.documents.disagreement import idea_requests
from pipelines.documents.target_tokens import documents_for, first_yield
from pipelines.engine.endpoints import Role
from pipelines.planning.typical import OTHER, TYPICAL, Row, differently, row_of, typical_text
from pipelines.prompts.templates import Prompts, styled
from pipelines.settings import BuildSettings
from specs.reader import Spec

Count = Callable[[str], int]

ENTRY_TOKENS: Final = 75  # of one list entry; measured on several models: 50 to 110
LONGER: Final = 1.4  # models write up to twice the length that is asked for (docs/method.md, 5.6)
TOKENS_PER_WORD: Final = 4 / 3
SCRATCHPAD_TOKENS: Final = 300
VERDICT_TOKENS: Final = 60  # of one criterion: a reason and a word
FLAGGED: Final = 0.1  # of the documents; 4% of real ones by three strong writers (docs/filters.md)
KEPT: Final = 0.7  # of the documents: 71-76% after review [REP]
TOKENS_PER_SECOND: Final = 50.0  # of one request, where nothing was measured
FIRST_TOKEN_S: Final = 1.0
_NAME_TOKENS: Final = 10
_WORD: Final = 2  # tokens of a yes or no
_QUERY_TOKENS: Final = 45


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
    """A stage in totals. `dollars` is None where a price is not known, `hours` where the role asks in batches."""

    plan: StagePlan
    prompt: int
    cached: int
    completion: int
    dollars: float | None
    hours: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """Means of one stage of a probe: a call's tokens and seconds, and calls for each thing that was asked."""

    tries: float
    prompt: float
    cached: float
    completion: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Yield:
    """What comes of documents: how many were written, how many of them kept, and the tokens of those."""

    written: int
    kept: float
    tokens: float

    @property
    def share(self) -> float:
        """Kept documents for each that is written."""
        return self.kept / self.written

    @property
    def each(self) -> float:
        """Tokens of a kept document."""
        return self.tokens / self.kept if self.kept else 0.0

    @property
    def per_document(self) -> float:
        """Kept tokens for each document that is written."""
        return self.tokens / self.written

    @classmethod
    def assumed(cls, settings: BuildSettings) -> "Yield":
        """Of one document, where nothing was measured."""
        return cls(1, KEPT, KEPT * settings.sized.documents.mean_words * TOKENS_PER_WORD * LONGER)


class Renderer:
    """Renders the prompts of stages with rows of typical length, and counts their tokens; `expected` is what will be
    kept of the documents, as measured by a probe or as assumed."""

    def __init__(self, settings: BuildSettings, spec: Spec, count: Count, measured: Yield | None = None) -> None:
        self.settings, self.spec, self._count = settings, spec, count
        self.expected = measured or Yield.assumed(settings)
        asked = settings.documents
        self._prompts = Prompts(
            settings.prompts, attribution=asked.attribution, style=asked.style, more=settings.chats.templates
        )
        self._values = {"assistant": settings.assistant, "spec_text": spec.text.strip()}
        self._with_spec = self._prompts.render("system", **self._values)
        self.system_tokens = count(self._with_spec)

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return self._count(text)

    def tokens(self, template: str, **values: Any) -> int:
        """Tokens of a template by itself."""
        return self._count(self._prompts.render(template, **{**self._values, **values}))

    def stage(
        self, name: str, role: str, calls: int, completion: float, template: str, row: Row | None = None, **values: Any
    ) -> StagePlan:
        """The plan of a stage whose prompts come from `template`; `row`: values that differ from row to row, where
        they are not the usual ones."""
        system = self._system(template)
        rows = (row_of(template, TYPICAL), row_of(template, OTHER)) if row is None else (row, differently(row))
        texts = [system + self._prompts.render(template, **{**self._values, **values, **one}) for one in rows]
        total = self._count(texts[0])
        shared = self._count(texts[0][: _shared(*texts)])
        return StagePlan(name, role, calls, total, min(shared, total), completion, seconds_of(completion))

    def _system(self, template: str) -> str:
        """As `Corpus.system_of` has it."""
        own = "system_neutral" if template.endswith("_neutral") else self._prompts.own_system(template)
        return self._prompts.render(own, **self._values) if own else self._with_spec


def plan_stages(render: Renderer) -> list[StagePlan]:
    """Every stage that a build of the recipe asks for, in order."""
    return [one for one in (*_tree(render), *_chats(render)) if one.calls]


def _tree(render: Renderer) -> list[StagePlan]:
    settings, spec = render.settings.sized, render.spec
    stage: Callable[..., StagePlan] = render.stage
    size, documents, batch = settings.decompose, settings.documents, settings.list_batch
    style, types = documents.style, documents.type_count
    rules = _by_rule(settings, spec)
    asserts = style != "neutral" and not rules
    per_domain = subdomains_of(settings, spec)
    subdomains = size.domains * per_domain
    kinds = subdomains * types
    passages = {"passages": spec.passages, "rules": [p for p in spec.passages if p.rule_id]}

    def listed(name: str, rows: int, want: int, template: str = "", at_once: int = batch, **values: Any) -> StagePlan:
        entries = min(want, at_once)
        existing = [TYPICAL] * max(0, (want - entries) // 2)
        return stage(
            name, "planner", rows * -(-want // at_once), entries * ENTRY_TOKENS, template or styled(name, style),
            count=entries, existing=existing, **values,
        )  # fmt: skip

    written = written_documents(settings, spec, render.expected)
    requests = idea_requests(kinds, documents.ideas, documents.disagreement, batch)
    plain = round(documents.ideas * (1 - documents.disagreement))
    ideas = replace(listed("ideas", kinds, plain or documents.ideas, disagreement=not plain), calls=requests)
    more = -(-max(0, written - kinds * documents.ideas) // kinds)  # of each type, in top-up rounds
    stages = [
        listed("domains", 1, size.domains),
        listed("subdomains", size.domains, per_domain, "rules" if rules else "", per_domain if rules else batch,
               **passages),
        listed("assertions", subdomains if asserts else 0, size.assertions, passages=spec.passages[:3]),
        listed("document_types", 0 if documents.genres else subdomains, types),
        replace(ideas, calls=ideas.calls + kinds * -(-more // batch)),
        *_writing(render, written),
    ]  # fmt: skip
    given = {"domains", "subdomains", "assertions"} if size.given else set()
    given |= {"document_types", "ideas"} if size.given_types else set()
    return [one for one in stages if one.stage not in given]


def _writing(render: Renderer, written: int) -> list[StagePlan]:
    """What is asked for `written` documents once their ideas are there."""
    settings = render.settings.sized
    stage: Callable[..., StagePlan] = render.stage
    documents, style = settings.documents, settings.documents.style
    length = documents.mean_words * TOKENS_PER_WORD * LONGER + (SCRATCHPAD_TOKENS if documents.scratchpad else 0)
    whole = {"document": typical_text(documents.mean_words * LONGER)}
    points = [{"kind": "generic", "quote": TYPICAL, "problem": TYPICAL}] * 4
    again = documents.mean_words * TOKENS_PER_WORD * LONGER
    revised = written if documents.revise else 0
    criteria = settings.judge.judged_by  # asked of every document: the filters will spare it a few
    flagged = settings.judge.only == "flagged"
    judged = math.ceil(written * (FLAGGED if flagged else 1)) if criteria else 0
    argued = documents.disagreement * render.tokens("_disagreement", idea={"disagreement": True})
    asked = [
        stage("plans", "planner", written if documents.plan else 0, SCRATCHPAD_TOKENS, "plan"),
        stage(
            "documents", "writer", written, length, styled("documents", style), scratchpad=documents.scratchpad,
            words=documents.mean_words, plan=TYPICAL * 4 if documents.plan else "",
        ),
    ]  # fmt: skip
    return [
        *(replace(one, prompt=one.prompt + argued) for one in asked),  # on average: a share of them says so much more
        stage("critiques", "critic", revised, 4 * ENTRY_TOKENS, "critique", count=6, **whole),
        stage(
            "revisions", "rewriter", revised, again, "revise", critique=points,
            words=documents.mean_words, **whole,
        ),
        judging(
            render, "document_verdicts", judged, "document", criteria, flags=[TYPICAL] if flagged else [], **whole
        ),
    ]  # fmt: skip


def _by_rule(settings: BuildSettings, spec: Spec) -> bool:
    """Whether numbered rules take the place of subdomains and assertions."""
    return spec.shape == "rules" and settings.documents.style != "neutral"


def subdomains_of(settings: BuildSettings, spec: Spec) -> int:
    """Subdomains (or rules) of each domain."""
    wanted = settings.decompose.subdomains
    return min(wanted, len(spec.rule_ids)) if _by_rule(settings, spec) else wanted


def written_documents(settings: BuildSettings, spec: Spec, expected: Yield) -> int:
    """Documents to write: one an idea; or a first wave for the target of kept tokens, as `target_tokens` sizes it,
    then what that should leave missing, with further ideas."""
    settings = settings.sized
    size, documents, target = settings.decompose, settings.documents, settings.documents.target_tokens
    ideas = size.domains * subdomains_of(settings, spec) * documents.type_count * documents.ideas
    most = ideas if target is None else ideas * (1 + documents.top_up)
    most = most if documents.limit is None else min(most, documents.limit)
    if target is None:
        return most
    groups = size.domains if documents.balance == "domain" else 1  # how many others there are is not known before
    first = min(ideas, documents_for(-(-target // groups) * groups, first_yield(documents.mean_words)))
    missing = max(0.0, target - first * expected.per_document)
    more = documents_for(missing, expected.per_document) if expected.kept else most
    return min(first + more, most)


def kept_documents(settings: BuildSettings, spec: Spec, expected: Yield) -> int:
    """Documents of the corpus, if as many are kept as is expected."""
    return round(kept_tokens(settings, spec, expected) / (expected.each or 1))


def kept_tokens(settings: BuildSettings, spec: Spec, expected: Yield) -> float:
    """Tokens of the corpus; what is beyond a target is set aside."""
    tokens = written_documents(settings, spec, expected) * expected.per_document
    return min(tokens, settings.documents.target_tokens or tokens)


def judging(
    render: Renderer, name: str, items: int, kind: str, criteria: Mapping[str, str], **values: Any
) -> StagePlan:
    """The plan of a stage that judges `items` by `criteria`, in the way that the recipe asks for."""
    if render.settings.judge.by == "odds":
        return render.stage(name, "judge", items * len(criteria), _WORD, f"odds_{kind}", criterion=TYPICAL, **values)
    tokens = VERDICT_TOKENS * len(criteria)
    return render.stage(name, "judge", items, tokens, f"judge_{kind}", criteria=criteria, **values)


def _chats(render: Renderer) -> list[StagePlan]:
    settings, spec = render.settings, render.spec
    stage: Callable[..., StagePlan] = render.stage
    chats: ChatSettings = settings.chats
    if not chats.target:
        return []
    style = chats.chosen
    counts = _first_round(settings, spec)
    asked = sum(counts)
    given = sum(map(len, settings.given_messages.values()))
    lists = 0 if chats.source or given >= asked else sum(-(-count // settings.list_batch) for count in counts)
    entries = -(-asked // max(1, lists))
    kind = next(iter(chats.kinds))
    about = {"topic": TYPICAL, "summary": TYPICAL, "query_type": kind, "query_kind": chats.kinds[kind]}
    length = (chats.words + chats.think_words) * TOKENS_PER_WORD * LONGER
    turn = {"query": TYPICAL, "thought": TYPICAL * 3, "reply": TYPICAL * 4}
    earlier = TYPICAL * 4 if chats.source else ""
    said = {
        "words": chats.words, "think_words": chats.think_words, "topic": TYPICAL, "operator": "",
        "history": [turn] * ((chats.turns - 1) // 2), "earlier": earlier,
    }  # fmt: skip
    follow_ups = asked * (chats.turns - 1)
    proposed = chats.topic_count if style.asks_about_items and not chats.topics else 0
    return [
        stage(
            "topics", "planner", 1 if proposed else 0, proposed * _NAME_TOKENS, "topics", count=proposed, existing=[]
        ),
        stage("queries", "planner", lists, entries * _QUERY_TOKENS, style.queries, count=entries, existing=[], **about),
        stage(
            "follow_ups", "writer", follow_ups, _QUERY_TOKENS, "followup", history=[turn] * max(1, chats.turns // 2)
        ),
        stage("chats", "writer", asked * chats.turns, length, style.responses, **said),
        judging(
            render, "verdicts", asked, "chat", chats.judged_by, earlier=earlier,
            item=TYPICAL if style.asks_about_items else "",
        ),
    ]  # fmt: skip


def _first_round(settings: BuildSettings, spec: Spec) -> list[int]:
    """Queries to ask for, by topic and kind, as the build plans them; with the expected yield one round is enough."""
    chats, about_items = settings.chats, settings.chats.chosen.asks_about_items
    if about_items:
        names = list(chats.topics) or [f"item {number}" for number in range(chats.topic_count)]
        topics = [("", name) for name in names]
    elif chats.source:
        topics = [("source", "source")]
    else:
        settings = settings.sized
        every = range(settings.decompose.domains), range(subdomains_of(settings, spec))
        topics = [(f"domain {domain}", f"subdomain {domain}.{number}") for domain, number in product(*every)]
    rows = [
        {"domain_id": domain, "topic": name, "summary": "", "passage_ids": (), "rule_id": None}
        for domain, name in topics
    ]
    kinds = ["rewrite"] if chats.source else chats.kinds
    cells = cross(rows, kinds, "topic" if about_items else "domain_id", settings.seed)
    tallies = {cell.group: Tally() for cell in cells}
    return list(next_round(cells, chats.target, tallies, chats.expected_yield, strict=about_items).values())


def with_measurements(plans: list[StagePlan], measured: Mapping[str, Measured]) -> list[StagePlan]:
    """The plans with what a probe measured in place of what was assumed, stage by stage."""
    return [
        replace(
            plan, calls=round(plan.calls * found.tries), prompt=found.prompt, cached=found.cached,
            completion=found.completion, seconds=found.seconds, measured=True,
        )
        if (found := measured.get(plan.stage))
        else plan
        for plan in plans
    ]  # fmt: skip


def cost(plan: StagePlan, role: Role) -> StageCost:
    """A stage in totals; hours if the role's endpoints stay full. A batch is answered when its endpoint sees fit, and
    one that a probe waited for says nothing of the next."""
    prompt, cached, completion = (round(plan.calls * value) for value in (plan.prompt, plan.cached, plan.completion))
    batch = role.settings.mode == "batch"
    weights = role.settings.endpoints
    shares = [(weight / sum(weights.values()), _dollars(plan, role, name)) for name, weight in weights.items()]
    dollars = None if any(one is None for _, one in shares) else sum(share * (one or 0.0) for share, one in shares)
    in_flight = sum(endpoint.max_in_flight for endpoint in role.endpoints.values())
    hours = None if batch else plan.calls * plan.seconds / min(in_flight, max(1, plan.calls)) / 3600
    return StageCost(plan, prompt, cached, completion, dollars, hours)


def _dollars(plan: StagePlan, role: Role, endpoint: str) -> float | None:
    """What the stage costs at one endpoint of the role; where a cache is written at a price, the first call does it."""
    batch = role.settings.mode == "batch"
    usage = Usage(round(plan.prompt), round(plan.cached), round(plan.completion))
    each = role.cost_usd(endpoint, usage, batch)
    if each is None or not plan.calls or not role.endpoints[endpoint].marks_cache:
        return None if each is None else plan.calls * each
    first = role.cost_usd(endpoint, replace(usage, cached=0, cache_written=usage.cached), batch)
    return first and (plan.calls - 1) * each + first


def seconds_of(completion: float) -> float:
    """How long a reply of so many tokens takes, where nothing was measured."""
    return FIRST_TOKEN_S + completion / TOKENS_PER_SECOND


def _shared(first: str, second: str) -> int:
    """How many characters two texts begin with alike."""
    return next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), len(first))
