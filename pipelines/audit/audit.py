"""The pattern audit of a finished corpus, in three passes: what do too many documents share?

The passes are those of [GDM] (docs/bibliography.md; docs/method.md, 5.8).

Propose: a model reads small samples and names what the documents of each share. Verify: on fresh documents, one a
request, it says which patterns each has, and quotes it; a quote that does not stand there is no evidence. Count: what
may be above the threshold is looked for in further documents, and phrases in all of them, by program. Samples are drawn
by the seed, calls are bounded by the settings, replies are in the ledger: the same audit again asks nothing.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from corpus.store import read_rows
from corpus.workspace import Workspace, write_text
from eval.questions.intervals import wilson
from filters.base import Item
from filters.measure.patterns import Pattern, count_patterns, count_proposed
from pipelines.audit.samples import PER_SAMPLE, AuditSamples
from pipelines.audit.schemas import (
    OriginReply,
    PatternReply,
    PresenceReply,
    expression_of,
    form_of,
    is_shown,
    shown,
)
from pipelines.audit.settings import AuditSettings
from pipelines.base import Corpus
from pipelines.completion import CompletionRequest, Message
from pipelines.run.control import CONTROL
from pipelines.run.reporter import Reporter
from pipelines.structured.ask import Asker, ask_until_parsed
from pipelines.structured.parsing import json_reply
from pipelines.structured.schemas import Items, Reply, items_schema, plain_schema
from specs.errors import SpecmillError, UserError

STAGES: Final = ("audit_propose", "audit_origin", "audit_verify", "audit_count")
_AT_ONCE = 512  # requests that are prepared at once; the client bounds what is in flight
_EXAMPLES = 5


@dataclass(slots=True)
class Found:
    """A pattern that was proposed, and what the passes found of it."""

    name: str
    kind: str
    test: str
    phrases: list[str]  # those that the spec does not have
    origin: str = "unclear"  # spec | writing | unclear
    origin_reason: str = ""
    read: int = 0  # documents that a model read for it
    found: int = 0  # of these, how many have it
    examples: list[dict[str, str]] = field(default_factory=list)  # id and quote
    phrase_documents: int = 0  # of all documents, how many have one of the phrases; exact

    def interval(self) -> tuple[float, float]:
        """Wilson's interval of the share among the documents that were read."""
        return wilson(self.found, self.read)


@dataclass
class Audit:
    """One audit. `asker` asks as the role `judge`."""

    corpus: Corpus
    settings: AuditSettings
    asker: Asker
    reporter: Reporter

    async def run(self) -> dict[str, Any]:
        """The result as plain data, a pure function of documents, recipe and ledger."""
        ids = [row["id"] for row in read_rows(self.corpus.folder, "documents", ["id"])]
        samples = AuditSamples.of(ids, self.corpus.settings.seed, self.settings)
        if not samples.propose or not samples.verify:
            raise UserError(f"an audit needs at least 4 documents, and {self.corpus.workspace} has {len(ids)}.")
        self.reporter.say(f"an audit of {len(ids):,} documents in at most {samples.calls:,} requests ...")
        patterns = await self.propose(samples)
        await self.judge_origin(patterns)
        self.reporter.say(f"counting phrases in {len(ids):,} documents ...")
        self.count_phrases(patterns)
        await self.read(patterns, samples.verify, "audit_verify")
        CONTROL.raise_if_ended()  # without replies of a run that was stopped or has no budget left nothing follows
        if patterns and not any(one.read for one in patterns):
            raise SpecmillError("no reply on any document had the right form; try another model as the role `judge`.")
        open_ones = [one for one in patterns if one.origin != "spec" and self.may_exceed(one, len(ids))]
        await self.read(open_ones, samples.count, "audit_count")
        return self.result(patterns, samples, len(ids))

    # --- the passes --------------------------------------------------------------------------------------------------

    async def propose(self, samples: AuditSamples) -> list[Found]:
        """Patterns from the samples, one after the other, each told what is known already."""
        self.reporter.stage({"audit_propose": len(samples.propose)})
        texts = self.texts(item_id for sample in samples.propose for item_id in sample)
        patterns: dict[str, Found] = {}
        for number, sample in enumerate(samples.propose):
            count = min(PER_SAMPLE, self.settings.patterns - len(patterns))
            if count <= 0:
                break
            messages = self.messages(
                "audit_propose", documents=[texts[one] for one in sample], count=count,
                existing=[f"{one.name}: {one.test}" for one in patterns.values()],
            )  # fmt: skip
            schema = items_schema(PatternReply, count)
            reply = await self._ask("audit_propose", str(number), messages, schema, Items[PatternReply])
            for item in reply.items[:count] if reply else []:
                patterns.setdefault(item.name.casefold(), self._found(item))
        return list(patterns.values())

    def _found(self, item: PatternReply) -> Found:
        spec = [Item("spec", self.corpus.spec.text)]
        phrases = {one: expression_of([one]) for one in item.phrases}
        counted = count_proposed(spec, {one: source for one, source in phrases.items() if source})
        return Found(item.name, item.kind, item.test, [one.text for one in counted if not one.count])

    async def judge_origin(self, patterns: list[Found]) -> None:
        """Which of the patterns are the spec's doing; where nothing is heard, none is excused."""
        if not patterns:
            return
        self.reporter.stage({"audit_origin": 1})
        keyed = _keyed(patterns)
        form = form_of(keyed, OriginReply)
        messages = self.messages("audit_origin", patterns=keyed)
        said = await self._ask("audit_origin", "all", messages, plain_schema(form), form)
        for key, pattern in keyed.items() if said else []:
            one: OriginReply = getattr(said, key)
            pattern.origin, pattern.origin_reason = one.origin, one.reason

    async def read(self, patterns: list[Found], ids: Sequence[str], stage: str) -> None:
        """Have a model read documents for all patterns, one document a request, and add what it found."""
        if not patterns or not ids:
            return
        self.reporter.stage({stage: len(ids)})
        keyed = _keyed(patterns)
        form = form_of(keyed, PresenceReply)
        schema, texts, window = plain_schema(form), self.texts(ids), asyncio.Semaphore(_AT_ONCE)

        async def ask(item_id: str) -> Reply | None:
            async with window:
                messages = self.messages("audit_verify", patterns=keyed, document=texts[item_id])
                said: Reply | None = await self._ask(stage, item_id, messages, schema, form)
                return said

        for item_id, said in zip(ids, await asyncio.gather(*map(ask, ids)), strict=True):
            for key, pattern in keyed.items() if said else []:
                _add(pattern, item_id, getattr(said, key), texts[item_id])

    def count_phrases(self, patterns: list[Found]) -> None:
        """In how many of all documents one of a pattern's phrases stands; exact."""
        expressions = {one.name: expression_of(one.phrases) for one in patterns if one.phrases}
        counted = {one.text: one for one in count_proposed(self._items(), expressions)} if expressions else {}
        for pattern in patterns:
            if pattern.name in counted:
                pattern.phrase_documents = counted[pattern.name].count
                pattern.examples = [{"id": one, "quote": ""} for one in counted[pattern.name].examples]

    # --- the outcome -------------------------------------------------------------------------------------------------

    def may_exceed(self, pattern: Found, documents: int) -> bool:
        """Whether the verification leaves it open that more than the threshold have the pattern."""
        return max(pattern.interval()[1], pattern.phrase_documents / documents) > self.settings.threshold

    def result(self, patterns: list[Found], samples: AuditSamples, documents: int) -> dict[str, Any]:
        """What stands in more documents than it may, what the spec excuses, and what did not stand the test."""
        rows = sorted((self._row(one, documents) for one in patterns), key=lambda row: (-row["share"], row["name"]))
        known = [self.corpus.settings.assistant.name, self.corpus.settings.assistant.provider]
        least = self.settings.threshold
        counted = count_patterns(self._items(), self.corpus.spec.text, least_share=least, known=known)
        return {
            "documents": documents, "threshold": least, "seed": self.corpus.settings.seed,
            "proposed_from": sum(map(len, samples.propose)), "verified_on": len(samples.verify),
            "counted_on": len(samples.count),
            "reported": [row for row in rows if row["outcome"] == "reported"],
            "counted": [_counted_row(one, documents) for one in counted if one.share > least],
            "by_spec": [row for row in rows if row["outcome"] == "by_spec"],
            "below": [row for row in rows if row["outcome"] == "below"],
        }  # fmt: skip

    def _row(self, pattern: Found, documents: int) -> dict[str, Any]:
        by_phrase, read_all = pattern.phrase_documents / documents, pattern.read == documents
        share = pattern.found / pattern.read if pattern.read else 0.0
        low, high = (share, share) if read_all else pattern.interval()
        above = max(share, by_phrase) > self.settings.threshold
        outcome = "below" if not above else "by_spec" if pattern.origin == "spec" else "reported"
        return {
            **asdict(pattern), "share": max(share, by_phrase), "read_share": share, "low": low, "high": high,
            "phrase_share": by_phrase, "outcome": outcome,
        }  # fmt: skip

    # --- asking and reading ------------------------------------------------------------------------------------------

    def messages(self, template: str, **values: Any) -> list[Message]:
        """The messages of one request; the spec is the system message, as in every stage."""
        corpus = self.corpus
        return corpus.prompts.messages(template, corpus.system, assistant=corpus.settings.assistant, **values)

    async def _ask(
        self, stage: str, row_id: str, messages: list[Message], schema: dict[str, Any], form: type[Reply]
    ) -> Any:
        request = CompletionRequest(stage, row_id, messages, json_schema=schema)
        attempts = self.corpus.settings.attempts
        return (await ask_until_parsed(self.asker, request, lambda text: json_reply(text, form), attempts)).value

    def texts(self, ids: Iterable[str]) -> dict[str, str]:
        """Documents by id, as long as a request may show them."""
        wanted = set(ids)
        rows = read_rows(self.corpus.folder, "documents", ["id", "text"])
        return {row["id"]: shown(row["text"], self.settings.document_words) for row in rows if row["id"] in wanted}

    def _items(self) -> Iterable[Item]:
        rows = read_rows(self.corpus.folder, "documents", ["id", "text", "title"])
        return (Item(row["id"], row["text"], meta={"title": row["title"]}) for row in rows)


def write_audit(workspace: Workspace, result: dict[str, Any]) -> None:
    """Write `audit/patterns.json`."""
    write_text(workspace.audit / "patterns.json", json.dumps(result, ensure_ascii=False, indent=2) + "\n")


def _keyed(patterns: list[Found]) -> dict[str, Found]:
    """Patterns under short keys of ours: a name that a model gave is no key of a form."""
    return {f"p{number}": pattern for number, pattern in enumerate(patterns, 1)}


def _add(pattern: Found, item_id: str, said: PresenceReply, text: str) -> None:
    pattern.read += 1
    if is_shown(said, text):
        pattern.found += 1
        quoted = [one for one in pattern.examples if one["quote"]]
        if len(quoted) < _EXAMPLES:
            pattern.examples = [*quoted, {"id": item_id, "quote": said.quote}]


def _counted_row(pattern: Pattern, documents: int) -> dict[str, Any]:
    low, high = pattern.share, pattern.share  # all documents were counted
    return {
        "name": pattern.text, "kind": pattern.kind, "found": pattern.count, "read": documents, "share": pattern.share,
        "low": low, "high": high, "examples": [{"id": one, "quote": ""} for one in pattern.examples],
    }  # fmt: skip
