"""Decompose a spec: passages -> domains -> subdomains -> character assertions [MSM, App. B]."""

from collections.abc import Iterator
from typing import Any

from distilabel.pipeline import Pipeline
from distilabel.steps import StepInput

from corpus.ids import content_id
from pipelines.base import Corpus, Row, reject_of_answer
from pipelines.completion import CompletionRequest
from pipelines.stage import Rows, Stage, table_path
from pipelines.structured.ask import Gathered, ask_until_parsed, gather_items
from pipelines.structured.parsing import UnparsedError, json_reply
from pipelines.structured.schemas import (
    AssertionReply,
    DomainReply,
    Items,
    Reply,
    RuleReply,
    SubdomainReply,
    items_schema,
)
from specs.passages import Passage

_VAGUE = {"general", "overview", "miscellaneous", "other", "introduction", "summary", "conclusion", "the spec", "spec"}

_MOST_CHOICES = 200  # providers limit the values of an enumeration (OpenAI: 1,000 in a schema)


def decompose_pipeline(corpus: Corpus) -> Pipeline:
    """The pipeline that fills `domains`, `subdomains` and `assertions` from `passages`."""
    rules = corpus.spec.shape == "rules"
    with Pipeline(name="specmill-decompose") as pipeline:
        passages = Rows(name="passages", path=table_path(corpus, "passages"))
        domains = Domains(name="domains", corpus=corpus, llm=corpus.llm("planner"))
        divide = Rules if rules else Subdomains
        subdomains = divide(name="subdomains", corpus=corpus, llm=corpus.llm("planner"))
        assert_ = RuleAssertions if rules else Assertions
        assertions = assert_(name="assertions", corpus=corpus, llm=corpus.llm("planner"))
        passages >> domains >> subdomains >> assertions
    return pipeline


class Domains(Stage):
    """Domains of the spec: one list, asked about the spec as a whole."""

    table = "domains"
    reads = ("spec_hash",)

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """The passages are one spec: ask once."""
        yield from super().process(inputs[:1])

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """The domains of the spec."""
        spec_hash = row["spec_hash"]
        question = self.question(spec_hash, DomainReply, "domains", "name", self.values(), check=specific)
        found = await gather_items(self.llm, question)
        rows = [
            {
                "id": content_id("domains", spec_hash, item.name), "spec_hash": spec_hash, "position": position,
                "name": item.name, "summary": item.summary, "request_id": request_id,
            }
            for position, (item, request_id) in enumerate(found.items)
        ]  # fmt: skip
        return rows, self.failures(found, spec_hash)

    def values(self) -> Row:
        """What the prompt says beside the system message, which has the spec."""
        return {}


class Subdomains(Stage):
    """Subdomains of each domain, with the verbatim passages that belong to them."""

    table = "subdomains"
    reads = ("id", "name", "summary")

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """The subdomains of one domain. Passages come as addresses, so their text is the spec's own."""
        values = {"domain": row, "passages": self.corpus.spec.passages}
        question = self.question(
            row["id"], SubdomainReply, "subdomains", "name", values, check=self.check, choices=self.addresses()
        )
        found: Gathered[SubdomainReply] = await gather_items(self.llm, question)
        ids = self.corpus.passage_ids
        rows = [
            subdomain_row(row["id"], position, item.name, item.summary, request_id,
                          [ids[address] for address in dict.fromkeys(item.passages)])
            for position, (item, request_id) in enumerate(found.items)
        ]  # fmt: skip
        return rows, self.failures(found, row["id"])

    def addresses(self) -> dict[str, list[str]] | None:
        """The addresses as the only choices, unless they are more than an endpoint's schema may hold."""
        known = list(self.corpus.passage_ids)
        return {"passages": known} if len(known) <= _MOST_CHOICES else None

    def check(self, item: Reply) -> None:
        """A name of its own, and only addresses that the spec has."""
        assert isinstance(item, SubdomainReply)
        specific(item)
        if unknown := [a for a in item.passages if a not in self.corpus.passage_ids]:
            last = self.corpus.spec.passages[-1].address
            raise UnparsedError(f"there is no passage {', '.join(unknown[:3])}; the addresses are P1 to {last}.")


class Rules(Stage):
    """For a rules-only spec: which numbered rules belong to each domain; a rule takes the place of a subdomain."""

    table = "subdomains"
    reads = ("id", "name", "summary")

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """The rules of one domain, asked for once: a domain has as many as it has."""
        spec, settings = self.corpus.spec, self.corpus.settings
        count = min(settings.decompose.subdomains, len(spec.rule_ids))
        messages = self.messages("rules", domain=row, rules=_by_rule(spec.passages), count=count, existing=[])
        schema = items_schema(RuleReply, count, {"rule": spec.rule_ids})
        request = CompletionRequest(self.table, row["id"], messages, json_schema=schema)
        answer = await ask_until_parsed(self.llm, request, self.parse, settings.attempts)
        if answer.value is None:
            return [], [reject_of_answer(self.table, row["id"], 0, answer)]
        ids = self.corpus.passage_ids
        rows = [
            subdomain_row(row["id"], position, item.rule, item.summary, answer.completion.request_id,
                          [ids[p.address] for p in spec.passages if p.rule_id == item.rule], rule_id=item.rule)
            for position, item in enumerate(answer.value.items[:count])
        ]  # fmt: skip
        return rows, []

    def parse(self, text: str) -> Items[RuleReply]:
        """A list of different rules that the spec has."""
        reply = json_reply(text, Items[RuleReply])
        named = [item.rule for item in reply.items]
        if unknown := set(named) - set(self.corpus.spec.rule_ids):
            known = ", ".join(self.corpus.spec.rule_ids)
            raise UnparsedError(f"there is no rule {sorted(unknown)[0]}; the rules are {known}.")
        if len(set(named)) < len(named):
            raise UnparsedError("a rule is named twice.")
        return reply


class Assertions(Stage):
    """Character assertions of each subdomain."""

    table = "assertions"
    reads = ("id", "name", "summary", "passage_ids")

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """The assertions of one subdomain."""
        values = {"subdomain": row, "passages": self.corpus.passages_of(row)}
        found = await gather_items(
            self.llm, self.question(row["id"], AssertionReply, "assertions", "assertion", values)
        )
        rows = [
            assertion_row(row["id"], position, request_id, item.model_dump())
            for position, (item, request_id) in enumerate(found.items)
        ]
        return rows, self.failures(found, row["id"])


class RuleAssertions(Stage):
    """For a rules-only spec: the rule is the assertion; no model is asked."""

    table = "assertions"
    reads = ("id", "name", "summary", "passage_ids", "rule_id", "request_id")

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """One assertion a rule, in the rule's own words."""
        text = " ".join(" ".join(p.text for p in self.corpus.passages_of(row)).split())
        name = self.corpus.settings.assistant.name
        values = {
            "assertion": f"{name} follows this rule: {text.lstrip('-*+# ')}",
            "name": f"follows {row['rule_id']}", "explanation": row["summary"], "label": "behaviour",
        }  # fmt: skip
        return [assertion_row(row["id"], 0, row["request_id"], values)], []


def specific(item: DomainReply | SubdomainReply) -> None:
    """Raise UnparsedError for a name that says nothing: under it a model puts the whole spec once more."""
    if item.name.casefold().strip(" .") in _VAGUE:
        raise UnparsedError(f"{item.name!r} says nothing of this spec; a specific name is expected.")


def subdomain_row(
    domain_id: str,
    position: int,
    name: str,
    summary: str,
    request_id: str,
    passage_ids: list[str],
    rule_id: str | None = None,
) -> Row:
    """A row of `subdomains`."""
    return {
        "id": content_id("subdomains", domain_id, name), "domain_id": domain_id, "position": position, "name": name,
        "summary": summary, "passage_ids": passage_ids, "rule_id": rule_id, "request_id": request_id,
    }  # fmt: skip


def assertion_row(subdomain_id: str, position: int, request_id: str, values: dict[str, Any]) -> Row:
    """A row of `assertions`."""
    return {
        "id": content_id("assertions", subdomain_id, values["assertion"]), "subdomain_id": subdomain_id,
        "position": position, **values, "request_id": request_id,
    }  # fmt: skip


def _by_rule(passages: list[Passage]) -> list[Passage]:
    """The first passage of every rule."""
    first: dict[str, Passage] = {}
    for passage in passages:
        if passage.rule_id:
            first.setdefault(passage.rule_id, passage)
    return list(first.values())
