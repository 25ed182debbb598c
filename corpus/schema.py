"""Every table and dataset of a workspace, declared once: what it holds, its columns, their types and what they mean.

Lineage runs passages -> domains -> subdomains -> assertions -> document_types -> ideas -> documents, and
domains -> queries -> chats. A table is written with its schema whether a column is empty or not, so that every
Parquet file of one table reads alike. The reference of the documentation is made from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:  # imported where it is used: a workspace is shown by DuckDB alone
    import pyarrow as pa

SCHEMA_VERSION: Final = 1

Kind: TypeAlias = "str | list[Kind] | dict[str, Kind]"
"""Type of a column: Arrow's name of a plain one, [kind] a list of it, {name: kind} a struct."""

Columns = Mapping[str, tuple[Kind, str]]
"""Name -> type and meaning."""


@dataclass(frozen=True)
class Declared:
    """A table: what a row of it is, and its columns. No description goes into the files."""

    about: str
    columns: Columns

    @property
    def names(self) -> list[str]:
        """Names of its columns, in their order in the files."""
        return list(self.columns)

    @cached_property
    def schema(self) -> "pa.Schema":
        """The Arrow schema that its files have."""
        import pyarrow as pa

        return pa.schema([pa.field(name, _in_arrow(kind)) for name, (kind, _) in self.columns.items()])

    @property
    def empty(self) -> str:
        """DuckDB's query for no rows of it."""
        columns = ", ".join(f'NULL::{_in_sql(kind)} AS "{name}"' for name, (kind, _) in self.columns.items())
        return f"SELECT {columns} WHERE false"


def _in_arrow(kind: Kind) -> "pa.DataType":
    import pyarrow as pa

    if isinstance(kind, list):
        return pa.list_(_in_arrow(kind[0]))
    if isinstance(kind, dict):
        return pa.struct([pa.field(name, _in_arrow(inner)) for name, inner in kind.items()])
    return pa.type_for_alias(kind)


def _in_sql(kind: Kind) -> str:
    if isinstance(kind, list):
        return f"{_in_sql(kind[0])}[]"
    if isinstance(kind, dict):
        return f"STRUCT({', '.join(f'{name} {_in_sql(inner)}' for name, inner in kind.items())})"
    return {"string": "VARCHAR", "int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN"}[kind]


_str, _int, _float, _bool = "string", "int64", "double", "bool"
_strings: Final[Kind] = [_str]
_MESSAGE: Final[Kind] = {"role": _str, "content": _str, "reasoning_content": _str}
_PLAIN_MESSAGE: Final[Kind] = {"role": _str, "content": _str}
_CRITICISM: Final[Kind] = {"kind": _str, "quote": _str, "problem": _str}


def _id(of: str) -> tuple[Kind, str]:
    return _str, f"Id of the {of}: 20 hex digits that follow from its content and its parent's id"


_REQUEST = (_str, "Ledger key of the request whose reply this was read from")
_SPEC_HASH = (_str, "Fingerprint of the rendered spec: 16 hex digits of its SHA-256")
_DOMAIN = (_str, "Name of the domain")
_GENRE = (_str, "Name of the document type, such as internal memo")
_FRAME = (_str, "What the author may know: insider (may cite the spec) or lay (has only seen the behaviour)")
_DISAGREEMENT = (_bool, "Whether somebody was to disagree in it with what the assistant holds; null: not known")
_STYLE = (_str, "Style of the chat, as in chats.style")
_QUERY_TYPE = (_str, "Kind of user message, as in chats.query_types")
_TOOLS = (_str, "JSON: a list of tool definitions in the OpenAI format; null where there are none")
_MODEL = (_str, "Model that wrote it, as the endpoint named it")
_PASSAGES = (_strings, "Ids of the passages of the spec that it is about")


def _position(of: str) -> tuple[Kind, str]:
    return _int, f"Place among the {of}, from 0"


_SAMPLE: Final[Columns] = {
    "spec_hash": _SPEC_HASH,
    "domain_id": (_str, "Id of the domain"),
    "domain": _DOMAIN,
    "prompt_version": (_str, "8 hex digits of the prompt templates that it was asked for with"),
    "model": _MODEL,
    "endpoint": (_str, "Name of the endpoint in the recipe"),
    "request_id": _REQUEST,
    "finish_reason": (_str, "Why the reply ended, as the endpoint said it"),
    "attempts": (_int, "Requests until the reply had the form that was asked for"),
    "tokens": (_int, "Tokens of its text, counted exactly"),
    "tokenizer": (_str, "Tokenizer that counted"),
    "prompt_tokens": (_int, "Tokens of the prompt, as the endpoint billed them"),
    "completion_tokens": (_int, "Tokens of the reply, hidden reasoning included, as the endpoint billed them"),
    "cost_usd": (_float, "Cost of that reply in US dollars; null where the price is not known"),
}

TABLES: Final[dict[str, Declared]] = {
    "passages": Declared("A paragraph, list item, table or code block of the spec, verbatim.", {
        "id": _id("passage"),
        "spec_hash": _SPEC_HASH,
        "address": (_str, "Short name of the passage in prompts, such as P7"),
        "heading_path": (_strings, "Headings above it, the outermost first"),
        "text": (_str, "The passage"),
        "start": (_int, "First character, as an offset into the rendered spec"),
        "end": (_int, "Offset behind its last character"),
        "rule_id": (_str, "Id of the principle that it opens with, such as SP2, where the spec numbers its rules"),
        "tokens": (_int, "Tokens of the passage"),
    }),
    "domains": Declared("A broad area of the spec.", {
        "id": _id("domain"),
        "spec_hash": _SPEC_HASH,
        "position": _position("domains"),
        "name": (_str, "Name, one to four words"),
        "summary": (_str, "What it covers"),
        "request_id": _REQUEST,
    }),
    "subdomains": Declared("A part of a domain, with the passages that belong to it.", {
        "id": _id("subdomain"),
        "domain_id": (_str, "Id of its domain"),
        "position": _position("subdomains of the domain"),
        "name": (_str, "Name, one to five words"),
        "summary": (_str, "What it covers"),
        "passage_ids": (_strings, "Ids of its passages, in the order of the spec"),
        "rule_id": (_str, "For a rules-only spec: the rule that takes the subdomain's place"),
        "request_id": _REQUEST,
    }),
    "assertions": Declared("One claim about the assistant that follows from the spec.", {
        "id": _id("assertion"),
        "subdomain_id": (_str, "Id of its subdomain"),
        "position": _position("assertions of the subdomain"),
        "name": (_str, "Name, two to four words"),
        "assertion": (_str, "The claim"),
        "explanation": (_str, "Why the assistant is so, by the spec"),
        "label": (_str, "What it is about: behaviour, value, preference, belief or tone"),
        "request_id": _REQUEST,
    }),
    "document_types": Declared("A kind of document that could be written about a subdomain.", {
        "id": _id("document type"),
        "subdomain_id": (_str, "Id of its subdomain"),
        "position": _position("types of the subdomain"),
        "name": (_str, "Name, such as internal memo"),
        "description": (_str, "One sentence about it"),
        "frame": _FRAME,
        "words": (_int, "Words that are asked for of its documents; null: those of the recipe"),
        "request_id": _REQUEST,
    }),
    "ideas": Declared("What one document is to be about.", {
        "id": _id("idea"),
        "document_type_id": (_str, "Id of its document type"),
        "subdomain_id": (_str, "Id of its subdomain"),
        "position": _position("ideas of the type"),
        "idea": (_str, "The idea"),
        "disagreement": _DISAGREEMENT,
        "request_id": _REQUEST,
    }),
    "documents": Declared("A document for midtraining that is kept.", {
        "id": _id("document"),
        **_SAMPLE,
        "idea_id": (_str, "Id of its idea"),
        "subdomain_id": (_str, "Id of its subdomain"),
        "subdomain": (_str, "Name of its subdomain"),
        "document_type_id": (_str, "Id of its document type"),
        "genre": _GENRE,
        "frame": _FRAME,
        "passage_ids": _PASSAGES,
        "assertion_ids": (_strings, "Ids of the assertions that its prompt named"),
        "disagreement": _DISAGREEMENT,
        "title": (_str, "Its heading, or its first line where that is short"),
        "text": (_str, "The document"),
    }),
    "drafts": Declared("How a document was planned and rewritten, where the recipe asks for that.", {
        "id": _id("draft"),
        "document_id": (_str, "Id of the final version, kept or rejected"),
        "plan": (_str, "The plan"),
        "text": (_str, "The first version"),
        "tokens": (_int, "Tokens of the first version"),
        "critique": ([_CRITICISM], "Points of the critique: kind, words of the draft, what is wrong with them"),
        "revised": (_bool, "false: the rewrite failed and the first version is the document"),
        "plan_request_id": (_str, "Ledger key of the request for the plan"),
        "request_id": (_str, "Ledger key of the request for the first version"),
        "critique_request_id": (_str, "Ledger key of the request for the critique"),
        "revision_request_id": (_str, "Ledger key of the request for the rewrite"),
    }),
    "queries": Declared("A user's message that a chat begins with.", {
        "id": _id("query"),
        "domain_id": (_str, "Id of its domain; empty for an existing chat"),
        "query_type": _QUERY_TYPE,
        "position": _position("queries in the order of asking"),
        "query": (_str, "The message"),
        "topic": (_str, "Subdomain or item that it was asked about"),
        "request_id": _REQUEST,
    }),
    "chats": Declared("A chat for alignment fine-tuning that is kept.", {
        "id": _id("chat"),
        **_SAMPLE,
        "query_id": (_str, "Id of the query that it answers"),
        "query_type": _QUERY_TYPE,
        "style": _STYLE,
        "topic": (_str, "Subdomain or item that the query was asked about"),
        "passage_ids": _PASSAGES,
        "messages": ([_MESSAGE], "All messages: role, content, and the assistant's reasoning"),
        "reasoning": (_str, "Reasoning before the last reply"),
        "response": (_str, "The last reply"),
        "tools": _TOOLS,
    }),
    "verdicts": Declared("What a judge said of a document, chat or form of a spec on one criterion.", {
        "id": _id("verdict"),
        "item_table": (_str, "Table of the item"),
        "item_id": (_str, "Id of the item"),
        "criterion": (_str, "Name of the criterion"),
        "verdict": (_str, "pass, fail or unclear; unclear is never a pass"),
        "reason": (_str, "The judge's reason"),
        "model": (_str, "Model that judged"),
        "request_id": _REQUEST,
    }),
    "rejects": Declared("What did not stay, with its reason.", {
        "id": _id("reject"),
        "stage": (_str, "Table that the item would have entered"),
        "item_id": (_str, "Id that the item has, or would have had"),
        "reason": (_str, "Name of the filter, or the state of the request: truncated, refused, unparsed, failed"),
        "detail": (_str, "What was found"),
        "score": (_float, "What the filter measured"),
        "threshold": (_float, "What it allows"),
        "other_id": (_str, "Id of the one that stayed, where the item repeats another"),
        "parent_id": (_str, "Id of the row that it was asked for by"),
        "request_id": _REQUEST,
        "text": (_str, "Its text"),
        "row": (_str, "JSON: the whole row, so that a rejected item can be read like a kept one"),
    }),
    "flags": Declared("What a filter found in an item that stays, or that only a judge or a target set aside.", {
        "id": _id("flag"),
        "item_table": (_str, "Table of the item"),
        "item_id": (_str, "Id of the item"),
        "filter": (_str, "Name of the filter"),
        "detail": (_str, "What was found"),
        "score": (_float, "What the filter measured"),
        "threshold": (_float, "What it allows"),
        "other_id": (_str, "Id of the one that it resembles, where that is what was found"),
    }),
    "marks": Declared("What a person decided or noted of a document or chat: `specmill filter --marks`.", {
        "id": _id("mark"),
        "item_table": (_str, "Table of the item"),
        "item_id": (_str, "Id of the item"),
        "mark": (_str, "keep (it stays, whatever filters and judges say), drop (it goes) or note (nothing is decided)"),
        "note": (_str, "Why, in the person's words"),
        "marked_by": (_str, "The name that the person gave"),
        "marked_at": (_str, "When, in UTC: 2026-11-28T19:30:00Z"),
        "text_sha256": (_str, "Fingerprint of the text that was marked: 16 hex digits of its SHA-256"),
    }),
}  # fmt: skip
"""Tables under `tables/<name>/`: `documents` and `chats` hold what is kept, `rejects` all that is not, `flags` what
the filters found in what they let through."""

_FLAGS = (_strings, "Names of the filters that flagged it, sorted; what they found is in the table flags")
_MSM: Final[Columns] = {
    "domain": _DOMAIN, "spec_hash": _SPEC_HASH, "model": _MODEL, "tokens": (_int, "Tokens of the text, counted exactly")
}  # fmt: skip
_AFT: Final[Columns] = {
    "id": _id("chat"),
    "domain": _DOMAIN,
    "spec_hash": _SPEC_HASH,
    "model": _MODEL,
    "tokens": (_int, "Tokens of all messages, without what a chat template adds"),
    "style": _STYLE,
    "query_type": _QUERY_TYPE,
    "query_id": (_str, "Id of the query"),
    "tools": _TOOLS,
    "flags": _FLAGS,
}

DATASETS: Final[dict[str, Declared]] = {
    "msm": Declared("Documents, for midtraining.", {
        "text": (_str, "The document"),
        "title": (_str, "Its heading, or its first line where that is short"),
        "id": _id("document"),
        **_MSM,
        "subdomain": (_str, "Name of the subdomain"),
        "genre": _GENRE,
        "frame": _FRAME,
        "disagreement": _DISAGREEMENT,
        "idea_id": (_str, "Id of the idea"),
        "flags": _FLAGS,
    }),
    "aft_cot": Declared("Chats with the assistant's reasoning, for alignment fine-tuning.", {
        "messages": ([_MESSAGE], "Messages: role, content, and the assistant's reasoning"),
        **_AFT,
    }),
    "aft": Declared("The same chats without the reasoning.", {
        "messages": ([_PLAIN_MESSAGE], "Messages: role and content"),
        **_AFT,
    }),
}  # fmt: skip
"""Configs under `dataset/<name>/`: what is published and trained on."""

DECLARED: Final[dict[str, Declared]] = {**TABLES, **DATASETS}
"""Each table and dataset config with what its rows and columns mean; no two have one name."""


def type_of(kind: Kind) -> str:
    """A column's type in words."""
    if isinstance(kind, list):
        return f"list of {type_of(kind[0])}"
    if isinstance(kind, dict):
        return "struct of " + ", ".join(f"{name} ({type_of(inner)})" for name, inner in kind.items())
    return {"string": "text", "int64": "integer", "double": "number", "bool": "true or false"}[kind]
