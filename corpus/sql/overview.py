"""What `specmill show` tells of a workspace, finished or not: plain figures, no formatting."""

from dataclasses import dataclass
from typing import Any, Final

import duckdb

from corpus.sql.views import reading
from corpus.workspace import Workspace

_QUERIES: Final = {
    "stages": "SELECT stage, planned, kept, rejected, pending FROM counted WHERE planned > 0 ORDER BY position",
    "reasons": "SELECT stage, reason, count(*) AS items, count(*) / any_value(planned) AS share "
    "FROM rejects JOIN counted USING (stage) GROUP BY position, stage, reason ORDER BY position, items DESC, reason",
    "flags": "SELECT stage, filter, items, share FROM flag_counts ORDER BY stage DESC, items DESC, filter",
    "passages": "SELECT address, coalesce(rule_id, '') AS rule_id, text, documents, tokens, genres, genres_planned "
    "FROM passage_coverage ORDER BY start, address",
    "assertions": "SELECT name, label, documents, tokens FROM assertion_coverage ORDER BY domain, subdomain, name",
    "tokens": "SELECT domain, count(*) AS documents, sum(tokens)::BIGINT AS tokens, "
    "count(*) FILTER (disagreement) AS disagreement, "
    "round(avg(tokens))::BIGINT AS mean_tokens, min(tokens) AS min_tokens, max(tokens) AS max_tokens "
    "FROM documents GROUP BY domain ORDER BY tokens DESC, domain",
    "chats": "SELECT domain, count(*) AS chats, sum(tokens)::BIGINT AS tokens FROM chats GROUP BY 1 ORDER BY 3 DESC, 1",
    "spend": "SELECT stage, sum(requests)::BIGINT AS requests, sum(ok)::BIGINT AS ok, "
    "sum(prompt_tokens)::BIGINT AS prompt_tokens, sum(cached_tokens)::BIGINT AS cached_tokens, "
    "sum(completion_tokens)::BIGINT AS completion_tokens, sum(cost_usd) AS cost_usd, sum(unpriced)::BIGINT AS unpriced "
    "FROM spend GROUP BY stage ORDER BY completion_tokens DESC, stage",
}
_SAMPLES = (
    "SELECT id, title, domain, subdomain, genre, frame, tokens, text, (SELECT list(filter || ': ' || "
    "coalesce(detail, '') ORDER BY filter) FROM flags WHERE item_id = items.id) AS flags FROM items WHERE id IN ("
    "SELECT id FROM documents ORDER BY md5(id || $seed), id LIMIT $count) AND status = 'kept' ORDER BY md5(id || $seed)"
)
_REJECTS = (
    "SELECT id, stage, genre, reason, detail, score, threshold, text FROM items WHERE status = 'rejected' "
    "ORDER BY row_number() OVER (PARTITION BY reason ORDER BY md5(id || $seed)), md5(reason || $seed), id LIMIT $count"
)

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Overview:
    """Each field holds rows of one table for the reader; all are empty in a workspace that has only a recipe."""

    stages: Rows
    reasons: Rows
    flags: Rows
    passages: Rows
    assertions: Rows
    tokens: Rows
    chats: Rows
    spend: Rows
    samples: Rows
    rejects: Rows


def overview(workspace: Workspace, *, seed: int = 0, samples: int = 3) -> Overview:
    """Funnel, coverage, tokens, spend, and `samples` documents and rejects drawn with `seed` (of different reasons)."""
    with reading(workspace.root) as connection:
        connection.execute("CREATE TEMP TABLE counted AS FROM stages")  # read twice, and many tables wide
        figures = {name: _rows(connection, sql) for name, sql in _QUERIES.items()}
        drawn = {"seed": str(seed), "count": samples}
        return Overview(
            **figures, samples=_rows(connection, _SAMPLES, drawn), rejects=_rows(connection, _REJECTS, drawn)
        )


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any] | None = None) -> Rows:
    found = connection.sql(sql, params=values)
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
