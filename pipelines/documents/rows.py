"""From what the writer replied to rows of `documents` and `rejects`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from corpus.ids import content_id
from corpus.select.balance import Sized
from corpus.store import remove_table, write_table
from corpus.text import model_name
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from filters.base import Decision, Flag, Item, Rejection
from pipelines.base import Corpus, Row, flagged, reject, rejected
from pipelines.completion import Completion, State
from pipelines.documents.target_tokens import Grouping
from pipelines.documents.write import PLAN_TAG
from pipelines.ledger.ledger import Ledger, read_completion
from pipelines.structured.parsing import UnparsedError, json_reply, tagged
from pipelines.structured.schemas import CritiqueReply, Items
from specs.errors import SpecmillError

_TITLE_CHARS = 120


@dataclass(frozen=True, slots=True)
class Draft:
    """Where the document of one idea is in the ledger, and how asking for it ended."""

    idea: Row
    request_id: str
    state: State
    problem: str
    attempts: int
    plan_request_id: str = ""
    first_request_id: str = ""  # the version that was criticised
    critique_request_id: str = ""

    @property
    def revised(self) -> bool:
        """Whether it was written anew."""
        return bool(self.first_request_id) and self.first_request_id != self.request_id

    @classmethod
    def of(cls, idea: Row, answer: Row) -> "Draft":
        """A draft from a row that the `documents` stage yielded."""
        parts = (answer[f"{name}_request_id"] for name in ("plan", "first", "critique"))
        return cls(idea, answer["request_id"], State(answer["state"]), answer["problem"], answer["attempts"], *parts)


@dataclass
class Drafts:
    """All drafts of a corpus, in the order of writing. Texts stay in the ledger and are read one at a time."""

    corpus: Corpus
    ledger: Ledger
    counter: TokenCounter
    all: list[Draft] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    rejections: list[Rejection] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    _sizes: dict[str, tuple[str, int]] = field(default_factory=dict)  # request -> document id and tokens

    def __post_init__(self) -> None:
        self._types = self.corpus.rows("document_types")
        self._domains = self.corpus.rows("domains")
        asked = self.corpus.settings.documents
        names = ["plan"] * asked.plan + ["critique", "revise"] * asked.revise
        self._prompt_version = self.corpus.prompts.version("system", self.corpus.template("documents"), *names)

    def add(self, drafts: Iterable[Draft]) -> None:
        """Append a wave."""
        self.all.extend(drafts)

    def items(self) -> Iterator[Item]:
        """The documents to filter: those whose reply had the form of a document."""
        for position, draft in enumerate(self.all):
            if draft.state is State.OK:
                kind = self._types[draft.idea["document_type_id"]]
                text = self._text(draft, self._completion(draft))
                meta = {"position": position, "title": title_of(text)}
                yield Item(draft.idea["id"], text, frame=kind["frame"], genre=kind["name"], meta=meta)

    def decide(self, decision: Decision) -> None:
        """Take the filters' decision on the items."""
        self.kept, self.rejections, self.flags = set(decision.kept), decision.rejections, decision.flags

    def sized(self, grouping: Grouping) -> list[Sized]:
        """What is kept so far, as budgets see it."""
        kept = (draft for draft in self.all if draft.idea["id"] in self.kept)
        return [Sized(*self._size(draft), grouping.of_idea(draft.idea)) for draft in kept]

    def _size(self, draft: Draft) -> tuple[str, int]:
        """The id and the tokens of a document; counted once, as every wave asks."""
        if draft.request_id not in self._sizes:
            text = self._text(draft, self._completion(draft))
            document_id = content_id("documents", draft.idea["id"], text)
            self._sizes[draft.request_id] = document_id, self.counter.count(text)
        return self._sizes[draft.request_id]

    def by_document(self) -> dict[str, str]:
        """The ideas by the ids of their documents."""
        return {self._size(draft)[0]: draft.idea["id"] for draft in self.all if draft.state is State.OK}

    def file(self, workspace: Workspace, staying: set[str]) -> None:
        """Write `documents` and the rejects of this stage; what is good but not in `staying` is set aside."""
        kept = [draft for draft in self.all if draft.idea["id"] in self.kept]
        inside = (self.row(draft) for draft in kept if self._size(draft)[0] in staying)
        beyond = (self.row(draft) for draft in kept if self._size(draft)[0] not in staying)
        written = write_table(workspace, "documents", inside)
        aside = (rejected("documents", beyond_target(row["id"]), row, row["text"]) for row in beyond)
        write_table(workspace, "rejects", chain(self._no_documents(), self._rejected(), aside), part="documents")
        write_table(workspace, "flags", self._flags(), part="documents")
        if self.corpus.settings.documents.plan or self.corpus.settings.documents.revise:
            write_table(workspace, "drafts", (self._draft_row(one) for one in self.all if one.state is State.OK))
        else:
            remove_table(workspace, "drafts")
        if not written:
            raise SpecmillError(f"none of {len(self.all)} documents may stay; `specmill show` lists why.")

    def _draft_row(self, draft: Draft) -> Row:
        """What came before a document: its plan, its first version, the critique of that."""
        final, first = self._completion(draft), draft.first_request_id
        text = self._text(draft, read_completion(self.ledger, first)) if first else None
        return {
            "id": content_id("drafts", draft.idea["id"]), "revised": draft.revised,
            "document_id": content_id("documents", draft.idea["id"], self._text(draft, final)),
            "plan": self._plan(draft.plan_request_id), "text": text, "tokens": text and self.counter.count(text),
            "critique": self._critique(draft.critique_request_id), "plan_request_id": draft.plan_request_id or None,
            "request_id": first or None, "critique_request_id": draft.critique_request_id or None,
            "revision_request_id": draft.request_id if draft.revised else None,
        }  # fmt: skip

    def _plan(self, request_id: str) -> str | None:
        return tagged(read_completion(self.ledger, request_id).text, PLAN_TAG) if request_id else None

    def _critique(self, request_id: str) -> list[Row] | None:
        """The points of a critique; None where there is none that could be read."""
        if not request_id:
            return None
        try:
            points = json_reply(read_completion(self.ledger, request_id).text, Items[CritiqueReply]).items
        except (UnparsedError, LookupError):  # the first version stands; its row says that it was not revised
            return None
        return [point.model_dump() for point in points]

    def _rejected(self) -> Iterator[Row]:
        by_idea = {draft.idea["id"]: draft for draft in self.all}
        for rejection in self.rejections:
            row = self.row(by_idea[rejection.item_id])
            other = by_idea.get(rejection.other_id or "")  # the filters know a document by its idea
            survivor = self.row(other)["id"] if other else None
            yield rejected("documents", replace(rejection, other_id=survivor), row, row["text"])

    def _flags(self) -> Iterator[Row]:
        """Rows of `flags`; the filters know a document by its idea."""
        ids = {draft.idea["id"]: self._size(draft)[0] for draft in self.all if draft.state is State.OK}
        for flag in self.flags:
            other = ids.get(flag.other_id or "")
            yield flagged("documents", replace(flag, item_id=ids[flag.item_id], other_id=other))

    def _no_documents(self) -> Iterator[Row]:
        """Requests that brought no document: truncated, refused, unparsed, failed."""
        for draft in self.all:
            if draft.state is not State.OK:
                completion = self._completion(draft) if draft.state is not State.FAILED else None
                yield reject(
                    "documents", draft.idea["id"], draft.state.value, detail=draft.problem, row=draft.idea,
                    parent_id=draft.idea["id"], request_id=draft.request_id, text=completion and completion.text,
                )  # fmt: skip

    def row(self, draft: Draft) -> Row:
        """The row of `documents`, whether it will be kept or not."""
        completion, idea = self._completion(draft), draft.idea
        text = self._text(draft, completion)
        kind, about = self._types[idea["document_type_id"]], self.corpus.about(idea["subdomain_id"])
        domain = self._domains[about["subdomain"]["domain_id"]]
        return {
            "id": content_id("documents", idea["id"], text), "spec_hash": self.corpus.spec.hash,
            "domain_id": domain["id"], "domain": domain["name"], "idea_id": idea["id"],
            "subdomain_id": idea["subdomain_id"], "subdomain": about["subdomain"]["name"],
            "document_type_id": kind["id"], "genre": kind["name"], "frame": kind["frame"],
            "passage_ids": about["subdomain"]["passage_ids"],
            "assertion_ids": [assertion["id"] for assertion in about["assertions"]],
            "disagreement": idea["disagreement"],
            "title": title_of(text), "text": text, "attempts": draft.attempts,
            **self._sample(completion, text),
        }  # fmt: skip

    def _sample(self, completion: Completion, text: str) -> dict[str, Any]:
        """The columns that documents and chats share."""
        return {
            "prompt_version": self._prompt_version, "model": model_name(completion.model),
            "endpoint": completion.endpoint, "request_id": completion.request_id,
            "finish_reason": completion.finish_reason,
            "tokens": self.counter.count(text), "tokenizer": self.counter.name,
            "prompt_tokens": completion.usage.prompt, "completion_tokens": completion.usage.completion,
            "cost_usd": completion.cost_usd,
        }  # fmt: skip

    def _completion(self, draft: Draft) -> Completion:
        return read_completion(self.ledger, draft.request_id)

    def _text(self, draft: Draft, completion: Completion) -> str:
        return self.corpus.document_in(completion.text, draft.idea)


def beyond_target(item_id: str) -> Rejection:
    """A document that is good, but not needed for the recipe's target of kept tokens."""
    return Rejection(item_id, "beyond_target", "the target of kept tokens is met without it")


def title_of(text: str) -> str:
    """The heading that a document opens with, or its first line if that is short enough to be one."""
    first = text.lstrip().partition("\n")[0].strip().strip("#*_ ").strip()
    return first if 0 < len(first) <= _TITLE_CHARS and not first.endswith((".", "?", "!", ",")) else ""
