"""Makes a workspace of any size from a seed, without a model: realistic rows through the real writers.

Texts are drawn from up to 40,000 sentences, so that they compress and repeat somewhat like a real corpus; one
document in a thousand is hostile (scripts, markup, control characters), as a model's may be.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from corpus.ids import content_id
from corpus.schema import DATASETS, TABLES
from corpus.store import read_rows, write_dataset, write_table
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace, write_text

SPEC_HASH = "5ec0ffee" * 8
DOMAINS = ("Honesty", "Oversight", "Care", "Craft", "Continuity", "Power", "Privacy", "Candour")
GENRES = (
    "internal memo", "bug report", "forum discussion", "paper introduction", "interview", "product review",
    "field guide", "training handout", "podcast transcript", "letter to the editor", "design review", "case study",
    "changelog note", "lecture notes", "help page", "incident report", "book chapter", "policy brief", "newsletter",
    "panel discussion",
)  # fmt: skip
SUBJECTS = ("Juniper", "the assistant", "Larkfield's assistant", "an engineer", "the reviewer", "a user", "the team")
VERBS = ("explains", "declines", "weighs", "records", "asks about", "welcomes", "questions", "checks", "describes")
OBJECTS = (
    "the reason behind a choice", "a request for help", "the limits of its own view", "an unsafe instruction",
    "the cost of being wrong", "a plan before acting on it", "what it does not know", "the people who are affected",
)  # fmt: skip
REASONS = (
    "because oversight is how mistakes are caught", "since a person may see what it cannot", "so that trust is earned",
    "because the answer belongs to the user", "as anyone careful would", "since honesty costs less than repair",
)  # fmt: skip
ONSETS, VOWELS = ("b", "d", "f", "g", "l", "m", "n", "p", "r", "s", "t", "v"), ("a", "e", "i", "o", "u", "ay", "or")
HOSTILE = (
    "<script>window.pwned=1</script><img src=x onerror='window.pwned=1'> </textarea></script><!-- [bold red]x[/] "
    "javascript:alert(1) {{7*7}} ${x} \u202eevil\u2069 \x07 ＜ 中文 🙂 ' OR 1=1; DROP TABLE documents; --"
)
REASONS_OUT = ("truncated", "identity", "near_duplicate", "placeholder", "refusal", "judge", "length", "tag_leakage")


@dataclass(frozen=True)
class Size:
    """How large: documents are spread over the ideas, about `sentences` sentences (22 tokens) each."""

    documents: int = 120
    sentences: int = 40
    subdomains: int = 3
    types: int = 6
    chats: int = 30
    reject_share: float = 0.25


class Maker:
    """Draws the rows of one workspace, table by table, each from the one above it."""

    def __init__(self, size: Size, seed: int = 0) -> None:
        self.size, self.seed = size, seed
        self.random = random.Random(f"{seed}:{size}")
        self.counter = TokenCounter()
        self.words = [self._word() for _ in range(4_000)]
        self.pool = [self._sentence() for _ in range(min(40_000, 500 + 20 * self.size.documents))]

    def _word(self) -> str:
        pick = self.random.choice
        return "".join(pick(ONSETS) + pick(VOWELS) for _ in range(self.random.randint(2, 3)))

    def _sentence(self) -> str:
        pick = self.random.choice
        words = " ".join(self.random.choices(self.words, k=5))
        return f"{pick(SUBJECTS)} {pick(VERBS)} {pick(OBJECTS)} {pick(REASONS)}, as {words} shows."

    def text(self, sentences: int) -> str:
        """Paragraphs of sentences from the pool."""
        drawn = self.random.choices(self.pool, k=max(3, int(self.random.gauss(sentences, sentences / 4))))
        return "\n\n".join(" ".join(drawn[i : i + 5]) for i in range(0, len(drawn), 5))

    def tree(self) -> dict[str, list[dict[str, Any]]]:
        """Passages to document types."""
        passages = self._passages()
        domains = [
            dict(
                id=content_id("domain", SPEC_HASH, name), spec_hash=SPEC_HASH, position=i, name=name,
                summary=f"All that concerns {name.lower()}.", request_id=f"d{i}",
            )
            for i, name in enumerate(DOMAINS)
        ]  # fmt: skip
        subdomains = [self._subdomain(domain, i, passages) for domain in domains for i in range(self.size.subdomains)]
        return dict(
            passages=passages, domains=domains, subdomains=subdomains,
            assertions=[self._assertion(s, i) for s in subdomains for i in range(4)],
            document_types=[self._type(s, i) for s in subdomains for i in range(self.size.types)],
        )  # fmt: skip

    def _passages(self) -> list[dict[str, Any]]:
        rows, at = [], 0
        for i in range(24):
            text = f"{i}. " + self.text(4)
            rows.append(
                dict(
                    id=content_id("passage", SPEC_HASH, i),
                    spec_hash=SPEC_HASH,
                    address=f"P{i + 1}",
                    heading_path=["Core values", DOMAINS[i % 8]],
                    text=text,
                    start=at,
                    end=at + len(text),
                    rule_id=f"SP{i + 1}" if i % 5 == 0 else None,
                    tokens=self.counter.count(text),
                )
            )
            at += len(text) + 2
        return rows

    def _subdomain(self, domain: dict[str, Any], i: int, passages: list[dict[str, Any]]) -> dict[str, Any]:
        cited = [p["id"] for p in self.random.sample(passages[:-2], 2)]  # the last two passages are holes
        return dict(
            id=content_id("subdomain", domain["id"], i), domain_id=domain["id"], position=i,
            name=f"{domain['name']} {i + 1}", summary=self.text(3), passage_ids=cited, rule_id=None, request_id=f"s{i}",
        )  # fmt: skip

    def _assertion(self, subdomain: dict[str, Any], i: int) -> dict[str, Any]:
        return dict(
            id=content_id("assertion", subdomain["id"], i), subdomain_id=subdomain["id"], position=i,
            name=f"assertion {i}", assertion=self.random.choice(self.pool), explanation=self.text(3),
            label=self.random.choice(("behaviour", "value", "preference", "belief", "tone")), request_id=f"a{i}",
        )  # fmt: skip

    def _type(self, subdomain: dict[str, Any], i: int) -> dict[str, Any]:
        return dict(
            id=content_id("type", subdomain["id"], i), subdomain_id=subdomain["id"], position=i,
            name=GENRES[i % len(GENRES)], description="A document of this kind.",
            frame="insider" if i % 3 == 0 else "lay", words=None, request_id=f"t{i}",
        )  # fmt: skip

    def ideas(self, types: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """As many ideas as documents are wanted, spread over the types."""
        for i in range(self.size.documents):
            kind = types[i % len(types)]
            idea = f"A {kind['name']} in which {self.random.choice(self.pool)}"
            yield dict(
                id=content_id("idea", kind["id"], i), document_type_id=kind["id"], subdomain_id=kind["subdomain_id"],
                position=i // len(types), idea=idea, disagreement=i % 5 == 4, request_id=f"i{i}",
            )  # fmt: skip

    def sample(self, number: int, domain: dict[str, Any], text: str) -> dict[str, Any]:
        """The columns that documents and chats share."""
        tokens = self.counter.count(text)
        return dict(
            spec_hash=SPEC_HASH, domain_id=domain["id"], domain=domain["name"], prompt_version="3f2a",
            model="writer-1b", endpoint="main", request_id=f"{number:064x}", finish_reason="stop", attempts=1,
            tokens=tokens, tokenizer=self.counter.name, prompt_tokens=2_000, completion_tokens=tokens + 300,
            cost_usd=round(tokens * 6e-7, 6),
        )  # fmt: skip

    def documents(self, tree: dict[str, list[dict[str, Any]]], ideas: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """One document an idea."""
        domains = {row["id"]: row for row in tree["domains"]}
        subdomains = {row["id"]: row for row in tree["subdomains"]}
        types = {row["id"]: row for row in tree["document_types"]}
        assertions: dict[str, list[str]] = {}
        for row in tree["assertions"]:
            assertions.setdefault(row["subdomain_id"], []).append(row["id"])
        for i, idea in enumerate(ideas):
            sub, kind = subdomains[idea["subdomain_id"]], types[idea["document_type_id"]]
            text = self.text(self.size.sentences)
            hostile = i % 1000 == 7
            yield dict(
                id=content_id("document", idea["id"], i), **self.sample(i, domains[sub["domain_id"]], text),
                idea_id=idea["id"], subdomain_id=sub["id"], subdomain=sub["name"], document_type_id=kind["id"],
                genre=kind["name"], frame=kind["frame"], passage_ids=sub["passage_ids"],
                assertion_ids=assertions[sub["id"]][:2], disagreement=idea["disagreement"],
                title=HOSTILE if hostile else f"On case {i}",
                text=text + "\n\n" + HOSTILE if hostile else text,
            )  # fmt: skip

    def reject(self, row: dict[str, Any], stage: str, parent: str) -> dict[str, Any]:
        """`row`, rejected for a reason drawn at random."""
        reason = self.random.choice(REASONS_OUT)
        scored = reason in ("near_duplicate", "judge", "length")
        return dict(
            id=content_id("reject", row["id"], reason), stage=stage, item_id=row["id"], reason=reason,
            detail=f"found: {reason} {HOSTILE if 'script' in row['text'] else ''}",
            score=round(self.random.uniform(0.8, 1), 3) if scored else None, threshold=0.8 if scored else None,
            other_id=None, parent_id=parent, request_id=row["request_id"], text=row["text"],
            row=json.dumps(row, ensure_ascii=False),
        )  # fmt: skip

    def chats(self, tree: dict[str, list[dict[str, Any]]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Queries, and a chat for each."""
        queries, chats = [], []
        for i in range(self.size.chats):
            domain = tree["domains"][i % len(tree["domains"])]
            query = f"What would you do in case {i}?"
            queries.append(
                dict(
                    id=content_id("query", domain["id"], i),
                    domain_id=domain["id"],
                    query_type="direct",
                    position=i,
                    query=query,
                    topic="Brie" if i % 2 else None,
                    request_id=f"q{i}",
                )
            )
            reasoning, response = self.text(3), self.text(5)
            answer = dict(role="assistant", content=response, reasoning_content=reasoning)
            chats.append(
                dict.fromkeys(TABLES["chats"].names)
                | dict(
                    id=content_id("chat", queries[-1]["id"], i),
                    **self.sample(10**7 + i, domain, response),
                    query_id=queries[-1]["id"],
                    query_type="direct",
                    style="value",
                    topic=queries[-1]["topic"],
                    passage_ids=tree["subdomains"][0]["passage_ids"],
                    reasoning=reasoning,
                    response=response,
                    messages=[dict(role="user", content=query, reasoning_content=None), answer],
                )
            )
        return queries, chats


def verdict(row: dict[str, Any], table: str, passed: bool) -> dict[str, Any]:
    """A judge's verdict on a row."""
    return dict(
        id=content_id("verdict", row["id"], "alignment"), item_table=table, item_id=row["id"], criterion="alignment",
        verdict="pass" if passed else "fail", reason="Faithful to the spec.", model="judge-1b", request_id="v0",
    )  # fmt: skip


def make_workspace(root: Any, size: Size | None = None, seed: int = 0) -> Workspace:
    """Write a whole workspace (without a ledger) under `root`."""
    maker = Maker(size or Size(), seed)
    workspace = Workspace(root).create()
    write_text(workspace.recipe, "spec: cheese-affordability\nassistant:\n  name: Juniper\n  provider: Larkfield\n")
    tree = maker.tree()
    ideas = list(maker.ideas(tree["document_types"]))
    for name, rows in {**tree, "ideas": ideas}.items():
        write_table(workspace, name, rows)
    rejects: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []

    def keep() -> Iterator[dict[str, Any]]:
        for row in maker.documents(tree, ideas):
            if maker.random.random() < maker.size.reject_share:
                rejects.append(maker.reject(row, "documents", row["idea_id"]))
            else:
                kept.append({k: row[k] for k in ("id", "idea_id")})
                yield row

    write_table(workspace, "documents", keep())
    queries, chats = maker.chats(tree)
    rejects += [maker.reject({**row, "text": row["response"]}, "chats", row["query_id"]) for row in chats[::5]]
    chats = [row for i, row in enumerate(chats) if i % 5]
    for name, rows in dict(queries=queries, chats=chats, rejects=rejects).items():
        write_table(workspace, name, rows)
    write_table(
        workspace,
        "verdicts",
        [*(verdict(r, "documents", True) for r in kept), *(verdict(r, "chats", True) for r in chats)],
    )
    write_datasets(workspace)
    return workspace


def write_datasets(workspace: Workspace) -> None:
    """The three configs, from what was kept."""

    def pick(row: dict[str, Any], config: str, **more: Any) -> dict[str, Any]:
        return {name: more.get(name, row.get(name)) for name in DATASETS[config].names}

    def plain(row: dict[str, Any]) -> list[dict[str, Any]]:
        return [{k: message[k] for k in ("role", "content")} for message in row["messages"]]

    write_dataset(workspace, "msm", (pick(row, "msm") for row in read_rows(workspace, "documents")))
    write_dataset(workspace, "aft_cot", (pick(row, "aft_cot") for row in read_rows(workspace, "chats")))
    write_dataset(workspace, "aft", (pick(r, "aft", messages=plain(r)) for r in read_rows(workspace, "chats")))
