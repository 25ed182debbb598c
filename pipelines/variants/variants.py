"""Forms of a spec, written by the planner, checked by program and by the judge, all of about the same number of tokens.

Corpora that should differ in one variable differed in length as well (docs/method.md, 5.9); so a form that is too long
or too short goes back with its count, and one that a check turns down with the reason, until the recipe's `attempts`
are used up. Replies are in the ledger: the same run again asks nothing, and more attempts go on from there.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Self

from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, StepInput
from pydantic import StringConstraints

from corpus.ids import content_id
from corpus.tokens import TokenCounter
from corpus.workspace import write_text
from filters.base import Item
from filters.document.identity.identity import IdentityCheck
from filters.document.spec.echo import EchoCheck
from pipelines.base import Corpus, Row
from pipelines.completion import CompletionRequest, Message
from pipelines.engine.llm import EndpointLLM
from pipelines.filtering import context_of
from pipelines.judging.judge import ask_judge
from pipelines.run.reporter import Reporter
from pipelines.run.supervise import run_pipeline
from pipelines.stage import Stage
from pipelines.structured.ask import Answer, ask_until_parsed
from pipelines.structured.parsing import UnparsedError, json_reply, tagged
from pipelines.structured.schemas import Items, Reply, items_schema
from pipelines.variants.kinds import (
    KINDS,
    LIST,
    RULES,
    STAGE,
    VERDICTS,
    criteria_of,
    file_stem,
    problems_of,
    rule_count,
    rules_of,
    spec_of,
    template_of,
)
from specs.errors import SpecError, SpecmillError, UserError
from specs.reader import Spec

TAG = "variant"


class RuleText(Reply):
    """A rule of a spec that does not number its rules."""

    text: Annotated[str, StringConstraints(min_length=10, max_length=400)]


@dataclass(frozen=True, slots=True)
class Length:
    """The tokens that a form should have, and those that it may have."""

    target: int
    least: int
    most: int

    @classmethod
    def of(cls, target: int, tolerance: float) -> Self:
        """The window of `tolerance` (a share) around `target`."""
        return cls(target, math.ceil(target * (1 - tolerance)), math.floor(target * (1 + tolerance)))

    def problem(self, tokens: int) -> str:
        """What a model should do about a form of so many tokens; empty where it is as long as it should be."""
        if self.least <= tokens <= self.most:
            return ""
        verb = "Shorten" if tokens > self.most else "Lengthen"
        words = max(1, round(abs(self.target - tokens) * 0.75))
        return (
            f"it has {tokens:,} tokens and should have {self.target:,} ({self.least:,} to {self.most:,} are accepted). "
            f"{verb} it by about {words:,} words, spread over the whole text."
        )


@dataclass(frozen=True, slots=True)
class Form:
    """A form with no problem that a program finds."""

    raw: str  # the spec file
    spec: Spec
    tokens: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one kind ended; `raw` is empty, and `problem` says why, where it failed."""

    kind: str
    raw: str
    tokens: int
    attempts: int
    problem: str
    manifest: dict[str, Any]


class Variants(Stage):
    """Writes one form a row: the spec file, and how it came about."""

    table = STAGE
    reads = ("kind",)

    judge: EndpointLLM
    target: int  # tokens

    @property
    def outputs(self) -> list[str]:
        """The kind, its file, and how it came about (as JSON)."""
        return ["kind", "raw", "tokens", "attempts", "problem", "manifest"]

    def load(self) -> None:
        """Open both clients, on one event loop."""
        super().load()
        self.judge.load_beside(self.llm)

    def unload(self) -> None:
        """Close them."""
        self.judge.unload()
        super().unload()

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Number the rules, where the spec does not and a form needs it; then write all forms side by side."""
        settings = self.corpus.settings
        self._counter = TokenCounter(settings.corpus.tokenizer)
        self._length = Length.of(self.target, settings.variants.tolerance)
        identity = IdentityCheck(settings.filters.identity, context_of(self.corpus, self._counter))
        self._identity = None if identity(Item("source", self.corpus.spec.text)) else identity
        self._rules, self._listed_by = rules_of(self.corpus.spec), ""
        if not self._rules and any(row["kind"] in RULES for row in inputs):
            self.llm.run([self.list_rules()])
        yield self.llm.run(self.write(row["kind"]) for row in inputs)

    async def list_rules(self) -> None:
        """Rules of a spec without ids, so that all forms have the same ones under the same ids."""
        count = rule_count(self.target)
        messages = self.messages("variant_list", count=count)
        request = CompletionRequest(LIST, self.corpus.spec.hash, messages, json_schema=items_schema(RuleText, count))
        parse = partial(json_reply, model=Items[RuleText])
        answer = await ask_until_parsed(self.llm, request, parse, self.corpus.settings.attempts)
        if answer.value is None:
            raise SpecmillError(f"the rules of the spec could not be listed: {answer.state.value}: {answer.problem}")
        texts = dict.fromkeys(" ".join(item.text.split()) for item in answer.value.items[:count])
        self._rules = [{"id": f"R{number}", "text": text} for number, text in enumerate(texts, 1)]
        self._listed_by = answer.completion.request_id

    async def write(self, kind: str) -> Row:
        """Ask, check, judge; with what was found ask again, `attempts` times in all."""
        asked, attempts = self._messages(kind), self.corpus.settings.attempts
        messages, used, number, problem = asked, 0, 0, ""
        while used < attempts:
            request = CompletionRequest(STAGE, content_id(STAGE, self.corpus.spec.hash, kind), messages, sample=number)
            answer = await ask_until_parsed(self.llm, request, partial(self.parse, kind), attempts - used)
            used += answer.attempts
            if answer.value is None:
                return self._failed(kind, used, f"{answer.state.value}: {answer.problem}")
            judgement = await self._judge(kind, answer.value)
            if not (problem := objections(judgement)):
                return self._passed(kind, used, answer, judgement)
            number += 1
            messages = _told(asked, answer.completion.text, problem)
        return self._failed(kind, used, problem)

    def parse(self, kind: str, text: str) -> Form:
        """The form in a reply. Raises UnparsedError with all that is wrong with it."""
        try:
            raw, spec = spec_of(kind, tagged(text, TAG), self.corpus.settings.assistant)
        except SpecError as error:
            raise UnparsedError(str(error)) from error
        tokens = self._counter.count(spec.text)
        wanted = [rule["id"] for rule in self._rules_for(kind)]
        problems = [self._length.problem(tokens), self._whose(spec), self._echo(kind, spec)]
        problems += problems_of(kind, spec, wanted)
        if any(problems):
            raise UnparsedError(" ".join(filter(None, problems)))
        return Form(raw, spec, tokens)

    def _whose(self, spec: Spec) -> str:
        """What is wrong with the names in a form, where the spec itself names the assistant."""
        wrong = self._identity(Item("variant", spec.text)) if self._identity else None
        return f"{self.corpus.settings.assistant.name} is whom it is about: it {wrong.detail}." if wrong else ""

    def _echo(self, kind: str, spec: Spec) -> str:
        """What a form repeats of its instructions; rules that were listed are no instructions."""
        told = self._messages(kind, without_texts=True)[-1]["content"]
        context = replace(context_of(self.corpus, self._counter), prompts=(told,))
        check = EchoCheck(self.corpus.settings.filters.echo, context)
        wrong = check(Item("variant", spec.text))
        return f'it repeats these instructions: "{wrong.detail}". Write the spec that they ask for.' if wrong else ""

    def _rules_for(self, kind: str) -> list[dict[str, str]]:
        """Rules that a form must have: the spec's own in each but the general one, listed ones in forms of rules."""
        return self._rules if kind in RULES or (kind != "general" and not self._listed_by) else []

    def _messages(self, kind: str, *, without_texts: bool = False) -> list[Message]:
        length = self._length
        rules = [{**rule, "text": "" if without_texts else rule["text"]} for rule in self._rules_for(kind)]
        return self.messages(template_of(kind), rules=rules, tokens=length.target, least=length.least, most=length.most)

    async def _judge(self, kind: str, form: Form) -> Row:
        criteria, item_id = criteria_of(kind), content_id(STAGE, self.corpus.spec.hash, kind, form.spec.text)
        request = CompletionRequest(
            VERDICTS, item_id, self.messages("judge_variant", criteria=criteria, variant=form.spec.text.strip())
        )
        return await ask_judge(self.judge, request, criteria, self.corpus.settings.attempts)

    def _passed(self, kind: str, used: int, answer: Answer[Form], judgement: Row) -> Row:
        form, done, corpus = answer.value, answer.completion, self.corpus
        assert form is not None
        manifest = {
            "kind": kind, "source": corpus.spec.name, "source_hash": corpus.spec.hash, "spec_hash": form.spec.hash,
            "assistant": corpus.settings.assistant.model_dump(), "tokens": form.tokens, "target": self.target,
            "tolerance": corpus.settings.variants.tolerance, "tokenizer": self._counter.name, "attempts": used,
            "rules": form.spec.rule_ids, "rules_request_id": self._listed_by if kind in RULES else "",
            "model": done.model, "request_id": done.request_id,
            "prompt_version": corpus.prompts.version("system", template_of(kind)),
            "judge": {
                "model": judgement["model"], "request_id": judgement["request_id"],
                "prompt_version": corpus.prompts.version("system", "judge_variant"), "verdicts": judgement["verdicts"],
            },
        }  # fmt: skip
        return _row(kind, form.raw, form.tokens, used, "", manifest)

    def _failed(self, kind: str, used: int, problem: str) -> Row:
        return _row(kind, "", 0, used, problem, {})


def _row(kind: str, raw: str, tokens: int, attempts: int, problem: str, manifest: dict[str, Any]) -> Row:
    said = json.dumps(manifest, ensure_ascii=False)
    return {
        "kind": kind, "raw": raw, "tokens": tokens, "attempts": attempts, "problem": problem, "manifest": said,
    }  # fmt: skip


def objections(judgement: Row) -> str:
    """What the judge holds against a form, in its words; empty where all verdicts are a clear pass."""
    said = judgement["verdicts"].items()
    return " ".join(f"{name}: {one['verdict']}: {one['reason']}" for name, one in said if one["verdict"] != "pass")


def _told(asked: list[Message], reply: str, problem: str) -> list[Message]:
    request = (
        f"A judge turned this down. {problem} Write it again, in full and in exactly the form asked for, and keep what "
        "was not objected to."
    )
    return [*asked, {"role": "assistant", "content": reply}, {"role": "user", "content": request}]


def variants_pipeline(corpus: Corpus, kinds: Sequence[str], target: int) -> Pipeline:
    """Writes forms of the corpus's spec; its leaf `variants` yields a row a kind."""
    with Pipeline(name="specmill-variants") as pipeline:
        rows = LoadDataFromDicts(name="kinds", data=[{"kind": kind} for kind in kinds])
        rows >> Variants(
            name="variants", corpus=corpus, llm=corpus.llm("planner"), judge=corpus.llm("judge"), target=target
        )
    return pipeline


def write_variants(corpus: Corpus, kinds: Sequence[str], target: int | None, reporter: Reporter) -> list[Outcome]:
    """Write `<kind>.md` and `<kind>.json` for every kind that passes, into the corpus's folder, which is locked.

    `target`: tokens of each; None: as many as the spec has. The caller raises where an outcome has a problem.
    """
    target = target or TokenCounter(corpus.settings.corpus.tokenizer).count(corpus.spec.text)
    if target > (most := corpus.settings.role("planner").settings.max_tokens):
        raise UserError(f"roles.planner.max_tokens is {most:,}, too few for a spec of {target:,} tokens. Raise it.")
    reporter.stage({STAGE: len(kinds), VERDICTS: len(kinds)})
    rows = run_pipeline(variants_pipeline(corpus, kinds, target), corpus.folder.log)["variants"]
    found = {row["kind"]: Outcome(**{**row, "manifest": json.loads(row["manifest"])}) for row in rows}
    outcomes = [found[kind] for kind in kinds]
    for outcome in outcomes:
        if outcome.raw:
            path = file_of(corpus.folder.root, outcome.kind)
            write_text(path, outcome.raw)
            said = json.dumps(outcome.manifest, ensure_ascii=False, indent=2, sort_keys=True)
            write_text(path.with_suffix(".json"), said + "\n")
    return outcomes


def others_in(folder: Path, outcomes: Sequence[Outcome]) -> list[str]:
    """Specs in the folder that an earlier run wrote from another spec or to another length: not to be compared."""
    mine = {(one.manifest["source_hash"], one.manifest["target"]) for one in outcomes if one.raw}
    passed = {one.kind for one in outcomes if one.raw}
    found = []
    for path in (file_of(folder, kind) for kind in KINDS if kind not in passed):
        if path.is_file() and (beside := path.with_suffix(".json")).is_file():
            manifest = json.loads(beside.read_text(encoding="utf-8"))
            if (manifest["source_hash"], manifest["target"]) not in mine:
                found.append(path.name)
    return found


def file_of(folder: Path, kind: str) -> Path:
    """Where the spec of a kind is written."""
    return folder / f"{file_stem(kind)}.md"
