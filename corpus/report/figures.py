"""The figures of the report: every chart's numbers, small enough to be sent to the page whole."""

from typing import Any, Final

import duckdb

_QUERIES: Final = {
    "stages": "SELECT stage, planned, kept, rejected, pending FROM stages WHERE planned > 0 ORDER BY position",
    "reasons": "SELECT stage, reason, items FROM funnel WHERE outcome = 'rejected' "
    "ORDER BY position, items DESC, reason",
    "flags": "SELECT stage, filter, items, share FROM flag_counts ORDER BY stage DESC, items DESC, filter",
    "passages": "SELECT p.address, p.rule_id, p.heading_path, p.text, made.documents, made.tokens, made.genres, "
    "made.genres_planned, row_number() OVER (ORDER BY p.id) - 1 AS place "
    "FROM passages AS p JOIN passage_coverage AS made ON passage_id = id "
    "ORDER BY p.start, p.address",
    "domains": "SELECT domain, count(*) AS documents, sum(tokens)::BIGINT AS tokens FROM documents "
    "GROUP BY domain ORDER BY tokens DESC, domain",
    "lengths": "SELECT stage, status, tokens // 25 * 25 AS tokens, count(*) AS items FROM items "
    "WHERE tokens IS NOT NULL GROUP BY ALL ORDER BY ALL",
    "spend": "SELECT * FROM spend ORDER BY cost_usd DESC NULLS LAST, completion_tokens DESC, stage",
    "yields": "SELECT * FROM yields ORDER BY stage DESC",
    "verdicts": "SELECT item_table, criterion, verdict, count(*) AS items FROM verdicts GROUP BY ALL ORDER BY ALL",
    "disagreement": "SELECT count(*) AS documents, count(*) FILTER (disagreement) AS argued FROM documents",
    "cited": "SELECT address, rule_id, text FROM passages ORDER BY id",
    "assertions": "SELECT name, label, assertion FROM assertions ORDER BY id",
    "marks": "SELECT item_table, mark, marked_by, count(*) AS items FROM marks GROUP BY ALL ORDER BY ALL",
    "genres": "SELECT genre, count(*) AS documents, sum(tokens)::BIGINT AS tokens FROM documents "
    "WHERE genre <> '' GROUP BY genre ORDER BY tokens DESC, genre",
    "quantiles": "SELECT stage, quantile_disc(tokens, 0.1) AS p10, quantile_disc(tokens, 0.5) AS p50, "
    "quantile_disc(tokens, 0.9) AS p90 FROM items WHERE status = 'kept' AND tokens IS NOT NULL "
    "GROUP BY stage ORDER BY stage DESC",
    "models": "SELECT DISTINCT model FROM items WHERE model IS NOT NULL ORDER BY model",
}

_OF_HEALTH: Final = ("stages", "reasons", "passages", "domains", "spend", "yields", "disagreement")
_ASSERTED: Final = "SELECT documents FROM assertion_coverage"
_TOP_GENRES = 40
_CELLS: Final = {
    "passages": "SELECT passage_id AS id, genre, documents, tokens FROM coverage",
    "assertions": "WITH made AS (SELECT assertion_id, genre, count(*) AS documents, sum(tokens)::BIGINT AS tokens "
    "FROM (SELECT genre, tokens, unnest(assertion_ids) AS assertion_id FROM documents) GROUP BY ALL), "
    "planned AS (SELECT assertions.id AS assertion_id, document_types.name AS genre FROM assertions "
    "JOIN document_types ON document_types.subdomain_id = assertions.subdomain_id GROUP BY ALL) "
    "SELECT assertion_id AS id, genre, coalesce(documents, 0) AS documents, coalesce(tokens, 0) AS tokens "
    "FROM planned FULL JOIN made USING (assertion_id, genre)",
}
_ROWS: Final = {
    "passages": "SELECT id, coalesce(rule_id, address) AS label, text AS hint FROM passages ORDER BY start, address",
    "assertions": "SELECT assertion_id AS id, name AS label, domain || ' / ' || subdomain || ': ' || assertion AS hint "
    "FROM assertion_coverage ORDER BY domain, subdomain, name, assertion_id LIMIT 600",
}

_TIME = """
WITH span AS (
    SELECT min(finished_at) AS start, greatest((max(finished_at) - min(finished_at)) / $buckets, 1) AS step
    FROM completions JOIN making USING (stage)
), kept AS (
    SELECT request_id, tokens FROM documents UNION ALL SELECT request_id, tokens FROM chats
)
SELECT least(floor((finished_at - start) / step), $buckets - 1)::INTEGER AS bucket, any_value(start) AS start,
    any_value(step) AS step, count(*) AS requests, count(*) FILTER (state = 'ok') AS ok,
    coalesce(sum(completion_tokens), 0)::BIGINT AS written, coalesce(sum(cost_usd), 0) AS cost_usd,
    coalesce(sum(tokens), 0)::BIGINT AS kept_tokens
FROM completions JOIN making USING (stage) CROSS JOIN span LEFT JOIN kept USING (request_id)
GROUP BY bucket ORDER BY bucket
"""
_BUCKETS = 60


def figures(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """All figures but those that read texts: a dict of JSON values."""
    found: dict[str, Any] = {name: rows(connection, sql) for name, sql in _QUERIES.items()}
    found["asserted"] = rows(connection, _ASSERTED)
    found["time"] = rows(connection, _TIME, {"buckets": _BUCKETS})
    found["coverage"] = {name: _matrix(connection, name) for name in _ROWS}
    return found


def health_figures(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Those of `figures` that `corpus.report.health` reads, without what is shared among texts."""
    found: dict[str, Any] = {name: rows(connection, _QUERIES[name]) for name in _OF_HEALTH}
    return {**found, "asserted": rows(connection, _ASSERTED), "coverage": {"passages": _matrix(connection, "passages")},
            "shared": None}  # fmt: skip


def rows(connection: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The result of a query as dicts."""
    found: list[dict[str, Any]] = connection.sql(sql, params=values).to_arrow_table().to_pylist()
    return found


def _matrix(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """Rows x document types: documents and tokens of each cell, [] where the plan has none, [0, 0] for a hole.

    A row: its label, its text, its cells, and its place among all by their ids. The types with the most tokens get a
    column of their own, the rest share the last.
    """
    lines = rows(connection, _ROWS[name])
    places = {row["id"]: i for i, row in enumerate(rows(connection, f"SELECT id FROM {name} ORDER BY id"))}  # noqa: S608
    cells = rows(connection, _CELLS[name])
    by_genre: dict[str, int] = {}
    for cell in cells:
        by_genre[cell["genre"]] = by_genre.get(cell["genre"], 0) + cell["tokens"]
    ranked = sorted(by_genre, key=lambda genre: (-by_genre[genre], genre))
    columns = ranked[:_TOP_GENRES]
    place = {genre: i for i, genre in enumerate(columns)}
    other = len(columns)
    grid: dict[str, list[list[int]]] = {line["id"]: [[] for _ in range(other + 1)] for line in lines}
    for cell in cells:
        if cell["id"] in grid:
            column = place.get(cell["genre"], other)
            old = grid[cell["id"]][column] or [0, 0]
            grid[cell["id"]][column] = [old[0] + cell["documents"], old[1] + cell["tokens"]]
    if len(ranked) > other:
        columns = [*columns, f"{len(ranked) - other} other types"]
    return {
        "columns": columns,
        "rows": [[line["label"], line["hint"], grid[line["id"]][: len(columns)], places[line["id"]]] for line in lines],
    }
