"""Every table of a workspace, declared once.

Lineage runs passages -> domains -> subdomains -> assertions -> document_types -> ideas -> documents, and
domains -> queries -> chats. A table is written with its schema whether a column is empty or not, so that every
Parquet file of one table reads alike. Ids are `corpus.ids.content_id`; `request_id` is the ledger's key of the
completion that a row was parsed from.
"""

from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = 1

_str, _int, _float, _bool = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_strings = pa.list_(pa.string())


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


PASSAGES = _schema(
    id=_str, spec_hash=_str, address=_str, heading_path=_strings, text=_str,
    start=_int, end=_int,  # character offsets into the rendered spec
    rule_id=_str,  # principle id such as "SP2", where the spec numbers its rules
    tokens=_int,
)  # fmt: skip
DOMAINS = _schema(id=_str, spec_hash=_str, position=_int, name=_str, summary=_str, request_id=_str)
SUBDOMAINS = _schema(
    id=_str, domain_id=_str, position=_int, name=_str, summary=_str,
    passage_ids=_strings, rule_id=_str, request_id=_str,
)  # fmt: skip
ASSERTIONS = _schema(
    id=_str, subdomain_id=_str, position=_int, name=_str, assertion=_str, explanation=_str,
    label=_str,  # behaviour | value | preference | belief | tone
    request_id=_str,
)  # fmt: skip
DOCUMENT_TYPES = _schema(
    id=_str, subdomain_id=_str, position=_int, name=_str, description=_str,
    frame=_str,  # insider (may know the spec) | lay (describes observed behaviour)
    request_id=_str,
)  # fmt: skip
IDEAS = _schema(
    id=_str, document_type_id=_str, subdomain_id=_str, position=_int, idea=_str, request_id=_str,
)  # fmt: skip
_SAMPLE = dict(
    id=_str, spec_hash=_str, domain_id=_str, domain=_str, prompt_version=_str, model=_str, endpoint=_str,
    request_id=_str, finish_reason=_str, attempts=_int, tokens=_int, tokenizer=_str,
    prompt_tokens=_int, completion_tokens=_int, cost_usd=_float,
)  # fmt: skip
DOCUMENTS = _schema(
    **_SAMPLE, idea_id=_str, subdomain_id=_str, subdomain=_str, document_type_id=_str, genre=_str, frame=_str,
    passage_ids=_strings, assertion_ids=_strings, title=_str, text=_str,
)  # fmt: skip
DRAFTS = _schema(
    id=_str, document_id=_str,  # of the final version, kept or rejected
    plan=_str, text=_str, tokens=_int,  # the first version
    critique=pa.list_(pa.struct([pa.field(name, _str) for name in ("kind", "quote", "problem")])),
    revised=_bool,  # false: the rewrite failed, the first version stands
    plan_request_id=_str, request_id=_str, critique_request_id=_str, revision_request_id=_str,
)  # fmt: skip
QUERIES = _schema(id=_str, domain_id=_str, query_type=_str, position=_int, query=_str, topic=_str, request_id=_str)
_MESSAGE = pa.struct([pa.field("role", _str), pa.field("content", _str), pa.field("reasoning_content", _str)])
CHATS = _schema(
    **_SAMPLE, query_id=_str, query_type=_str, style=_str, topic=_str, passage_ids=_strings,
    messages=pa.list_(_MESSAGE), reasoning=_str, response=_str,
    tools=_str,  # JSON: tool definitions in the OpenAI format, or null
)  # fmt: skip
VERDICTS = _schema(
    id=_str, item_table=_str, item_id=_str, criterion=_str,
    verdict=_str,  # pass | fail | unclear; unclear is never a pass
    reason=_str, model=_str, request_id=_str,
)  # fmt: skip
REJECTS = _schema(
    id=_str, stage=_str,  # the table that the item would have entered
    item_id=_str, reason=_str,  # name of the filter, or the state of a request: truncated, refused, unparsed, ...
    detail=_str, score=_float, threshold=_float,
    other_id=_str,  # the survivor, where the item is a duplicate
    parent_id=_str, request_id=_str, text=_str,
    row=_str,  # the whole row as JSON, so that a rejected item can be read like a kept one
)  # fmt: skip

TABLES: Final[dict[str, pa.Schema]] = {
    "passages": PASSAGES,
    "domains": DOMAINS,
    "subdomains": SUBDOMAINS,
    "assertions": ASSERTIONS,
    "document_types": DOCUMENT_TYPES,
    "ideas": IDEAS,
    "documents": DOCUMENTS,
    "drafts": DRAFTS,
    "queries": QUERIES,
    "chats": CHATS,
    "verdicts": VERDICTS,
    "rejects": REJECTS,
}
"""Tables under `tables/<name>/`: `documents` and `chats` hold what is kept, `rejects` all that is not."""

_REASONED = pa.list_(_MESSAGE)
_PLAIN = pa.list_(pa.struct([pa.field("role", _str), pa.field("content", _str)]))
_LINEAGE = dict(id=_str, domain=_str, spec_hash=_str, model=_str, tokens=_int)

DATASETS: Final[dict[str, pa.Schema]] = {
    "msm": _schema(text=_str, title=_str, **_LINEAGE, subdomain=_str, genre=_str, frame=_str, idea_id=_str),
    "aft_cot": _schema(messages=_REASONED, **_LINEAGE, style=_str, query_type=_str, query_id=_str, tools=_str),
    "aft": _schema(messages=_PLAIN, **_LINEAGE, style=_str, query_type=_str, query_id=_str, tools=_str),
}
"""Configs under `dataset/<name>/`: what is published and trained on."""
