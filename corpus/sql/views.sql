-- The joins people want, on top of one view a table (see corpus/schema.py) and `completions` (the ledger, texts left out).
-- Each view is preceded by one line of help, shown by `specmill sql WORKSPACE --list`.

-- document_details: a kept document with its idea, type, subdomain, domain, passages, assertions and verdicts
CREATE VIEW document_details AS
WITH passage_lists AS (
    SELECT link.id, list({'address': passages.address, 'rule_id': passages.rule_id, 'text': passages.text} ORDER BY passages.start) AS passages
    FROM (SELECT id, unnest(passage_ids) AS passage_id FROM documents) AS link JOIN passages ON passages.id = link.passage_id
    GROUP BY link.id
), assertion_lists AS (
    SELECT link.id, list({'name': assertions.name, 'assertion': assertions.assertion, 'label': assertions.label} ORDER BY assertions.position) AS assertions
    FROM (SELECT id, unnest(assertion_ids) AS assertion_id FROM documents) AS link JOIN assertions ON assertions.id = link.assertion_id
    GROUP BY link.id
), verdict_lists AS (
    SELECT item_id AS id, list({'criterion': criterion, 'verdict': verdict, 'reason': reason} ORDER BY criterion) AS verdicts
    FROM verdicts WHERE item_table = 'documents' GROUP BY item_id
)
SELECT documents.*, ideas.idea, document_types.description AS type_description, subdomains.summary AS subdomain_summary,
    domains.summary AS domain_summary, passage_lists.passages, assertion_lists.assertions, verdict_lists.verdicts
FROM documents
LEFT JOIN ideas ON ideas.id = documents.idea_id
LEFT JOIN document_types ON document_types.id = documents.document_type_id
LEFT JOIN subdomains ON subdomains.id = documents.subdomain_id
LEFT JOIN domains ON domains.id = documents.domain_id
LEFT JOIN passage_lists ON passage_lists.id = documents.id
LEFT JOIN assertion_lists ON assertion_lists.id = documents.id
LEFT JOIN verdict_lists ON verdict_lists.id = documents.id;

-- idea_lineage: each idea with its document type, subdomain and domain by name
CREATE VIEW idea_lineage AS
SELECT ideas.id, ideas.idea, ideas.disagreement, document_types.name AS genre, document_types.frame, subdomains.name AS subdomain, domains.name AS domain
FROM ideas
LEFT JOIN document_types ON document_types.id = ideas.document_type_id
LEFT JOIN subdomains ON subdomains.id = ideas.subdomain_id
LEFT JOIN domains ON domains.id = subdomains.domain_id;

-- items: documents and chats, kept and rejected together, with why the rejected ones went
CREATE VIEW items AS
SELECT 'documents' AS stage, id, 'kept' AS status, NULL AS reason, NULL AS detail, NULL::DOUBLE AS score, NULL::DOUBLE AS threshold,
    NULL AS other_id, idea_id AS parent_id, domain, subdomain, genre, frame, title, tokens, model, request_id, passage_ids, assertion_ids,
    NULL AS reasoning, text, disagreement
FROM documents
UNION ALL
SELECT 'chats', id, 'kept', NULL, NULL, NULL, NULL, NULL, query_id, domain, NULL, style, NULL, NULL, tokens, model, request_id, passage_ids,
    NULL, reasoning, response, NULL::BOOLEAN
FROM chats
UNION ALL
SELECT rejects.stage, rejects.item_id, 'rejected', rejects.reason, rejects.detail, rejects.score, rejects.threshold, rejects.other_id,
    rejects.parent_id, coalesce(made.domain, lineage.domain), coalesce(made.subdomain, lineage.subdomain),
    coalesce(made.genre, made.style, lineage.genre), coalesce(made.frame, lineage.frame), made.title, made.tokens, made.model,
    rejects.request_id, made.passage_ids, made.assertion_ids, made.reasoning, rejects.text,
    coalesce(made.disagreement, lineage.disagreement)
FROM (
    -- `row` is JSON that we wrote, but a foreign workspace may hold anything there
    SELECT *, CASE WHEN json_valid(row) THEN from_json(row, '{"domain": "VARCHAR", "subdomain": "VARCHAR", "genre": "VARCHAR", "style": "VARCHAR", "frame": "VARCHAR", "title": "VARCHAR", "tokens": "BIGINT", "model": "VARCHAR", "passage_ids": ["VARCHAR"], "assertion_ids": ["VARCHAR"], "reasoning": "VARCHAR", "disagreement": "BOOLEAN"}') END AS made
    FROM rejects
) AS rejects
LEFT JOIN idea_lineage AS lineage ON lineage.id = rejects.parent_id
WHERE rejects.stage IN ('documents', 'chats');

-- flagged: each kept document or chat with what a filter found in it, a row a flag
CREATE VIEW flagged AS
SELECT items.stage, items.id, filter, flags.detail, flags.score, flags.threshold, flags.other_id, domain, genre, title, tokens, text
FROM flags JOIN items ON items.id = flags.item_id AND items.stage = flags.item_table AND items.status = 'kept';

-- flag_counts: for each filter how many of the kept documents or chats it flagged
CREATE VIEW flag_counts AS
WITH kept AS (
    SELECT 'documents' AS stage, id FROM documents UNION ALL SELECT 'chats', id FROM chats
), totals AS (
    SELECT stage, count(*) AS items FROM kept GROUP BY stage
)
SELECT stage, filter, count(*) AS items, count(*) / any_value(totals.items) AS share, median(score) AS median_score, max(threshold) AS threshold
FROM flags JOIN kept ON kept.id = flags.item_id AND kept.stage = flags.item_table JOIN totals USING (stage)
GROUP BY stage, filter;

-- stages: for each stage how many rows were planned, kept, rejected and not yet made
CREATE VIEW stages AS
WITH kept AS (
    SELECT 1 AS position, 'domains' AS stage, count(*) AS kept FROM domains
    UNION ALL SELECT 2, 'subdomains', count(*) FROM subdomains
    UNION ALL SELECT 3, 'assertions', count(*) FROM assertions
    UNION ALL SELECT 4, 'document_types', count(*) FROM document_types
    UNION ALL SELECT 5, 'ideas', count(*) FROM ideas
    UNION ALL SELECT 6, 'documents', count(*) FROM documents
    UNION ALL SELECT 7, 'queries', count(*) FROM queries
    UNION ALL SELECT 8, 'chats', count(*) FROM chats
), dropped AS (
    SELECT stage, count(DISTINCT item_id) AS rejected FROM rejects GROUP BY stage
), pending AS (
    SELECT 'documents' AS stage, count(*) AS pending FROM ideas
    WHERE id NOT IN (SELECT idea_id FROM documents WHERE idea_id IS NOT NULL)
        AND id NOT IN (SELECT parent_id FROM rejects WHERE stage = 'documents' AND parent_id IS NOT NULL)
    UNION ALL
    SELECT 'chats', count(*) FROM queries
    WHERE id NOT IN (SELECT query_id FROM chats WHERE query_id IS NOT NULL)
        AND id NOT IN (SELECT parent_id FROM rejects WHERE stage = 'chats' AND parent_id IS NOT NULL)
)
SELECT position, stage, kept + coalesce(rejected, 0) + coalesce(pending, 0) AS planned, kept,
    coalesce(rejected, 0) AS rejected, coalesce(pending, 0) AS pending
FROM kept LEFT JOIN dropped USING (stage) LEFT JOIN pending USING (stage);

-- funnel: for each stage what became of what was planned: kept, not yet made, or rejected, by reason
CREATE VIEW funnel AS
WITH counted AS MATERIALIZED (
    FROM stages
), outcomes AS (
    SELECT stage, 'kept' AS outcome, NULL AS reason, kept AS items FROM counted
    UNION ALL SELECT stage, 'pending', NULL, pending FROM counted WHERE pending > 0
    UNION ALL SELECT stage, 'rejected', reason, count(*) FROM rejects GROUP BY stage, reason
)
SELECT counted.position, stage, outcome, reason, items, CASE WHEN planned > 0 THEN items / planned END AS share
FROM outcomes JOIN counted USING (stage) WHERE planned > 0;

-- coverage: each passage x document type that the plan allows or the corpus has, with documents and tokens (0: a hole), and in how many of them somebody disagrees
CREATE VIEW coverage AS
WITH planned AS (
    SELECT DISTINCT link.passage_id, document_types.name AS genre
    FROM (SELECT id, unnest(passage_ids) AS passage_id FROM subdomains) AS link
    JOIN document_types ON document_types.subdomain_id = link.id
), made AS (
    SELECT passage_id, genre, count(*) AS documents, sum(tokens)::BIGINT AS tokens, count(*) FILTER (disagreement) AS disagreement
    FROM (SELECT genre, tokens, disagreement, unnest(passage_ids) AS passage_id FROM documents) GROUP BY ALL
)
SELECT passages.id AS passage_id, passages.address, passages.rule_id, passages.start, genre,
    coalesce(made.documents, 0) AS documents, coalesce(made.tokens, 0) AS tokens, coalesce(made.disagreement, 0) AS disagreement
FROM planned FULL JOIN made USING (passage_id, genre) JOIN passages ON passages.id = passage_id;

-- passage_coverage: each passage of the spec with the documents and tokens that cite it (0: a hole), and in how many of them somebody disagrees
CREATE VIEW passage_coverage AS
SELECT passages.id AS passage_id, passages.address, passages.rule_id, passages.start, passages.text, passages.tokens AS passage_tokens,
    coalesce(sum(documents), 0)::BIGINT AS documents, coalesce(sum(coverage.tokens), 0)::BIGINT AS tokens,
    count(genre) AS genres_planned, count(genre) FILTER (documents > 0) AS genres,
    coalesce(sum(disagreement), 0)::BIGINT AS disagreement
FROM passages LEFT JOIN coverage ON coverage.passage_id = passages.id GROUP BY ALL;

-- assertion_coverage: each assertion with the documents and tokens that express it (0: a hole)
CREATE VIEW assertion_coverage AS
SELECT assertions.id AS assertion_id, domains.name AS domain, subdomains.name AS subdomain, assertions.name, assertions.label,
    assertions.assertion, coalesce(made.documents, 0) AS documents, coalesce(made.tokens, 0) AS tokens
FROM assertions
LEFT JOIN subdomains ON subdomains.id = assertions.subdomain_id
LEFT JOIN domains ON domains.id = subdomains.domain_id
LEFT JOIN (
    SELECT assertion_id, count(*) AS documents, sum(tokens)::BIGINT AS tokens
    FROM (SELECT tokens, unnest(assertion_ids) AS assertion_id FROM documents) GROUP BY assertion_id
) AS made ON made.assertion_id = assertions.id;

-- making: the stages whose requests make a corpus, and what they serve: its plan, its documents or its chats; audits, evaluations and the like do not
CREATE VIEW making AS
SELECT * FROM (VALUES
    ('domains', 'plan'), ('subdomains', 'plan'), ('assertions', 'plan'), ('document_types', 'plan'), ('ideas', 'plan'),
    ('plans', 'documents'), ('documents', 'documents'), ('critiques', 'documents'), ('revisions', 'documents'), ('document_verdicts', 'documents'),
    ('topics', 'chats'), ('queries', 'chats'), ('chats', 'chats'), ('follow_ups', 'chats'), ('verdicts', 'chats')
) AS stages(stage, serves);

-- spend: requests, tokens and cost by stage and model, from the ledger; `serves` is empty where a stage makes nothing of the corpus
CREATE VIEW spend AS
SELECT stage, serves, role, model, requests, ok, retries, prompt_tokens, cached_tokens, cache_written_tokens,
    completion_tokens, reasoning_tokens, cost_usd, unpriced, median_latency_s
FROM spent LEFT JOIN making USING (stage);

-- yields: for documents and chats the requests, tokens and dollars spent on each that was kept; plans, critiques, rewrites, queries and verdicts count
CREATE VIEW yields AS
WITH kept AS (
    SELECT 'documents' AS stage, count(*) AS kept, coalesce(sum(tokens), 0)::BIGINT AS kept_tokens FROM documents
    UNION ALL SELECT 'chats', count(*), coalesce(sum(tokens), 0)::BIGINT FROM chats
), spent AS (
    SELECT serves AS stage, sum(requests)::BIGINT AS requests, sum(completion_tokens)::BIGINT AS completion_tokens, sum(cost_usd) AS cost_usd
    FROM spend GROUP BY serves
)
SELECT stage, kept, kept_tokens, requests, CASE WHEN requests > 0 THEN kept / requests END AS kept_per_request,
    CASE WHEN completion_tokens > 0 THEN kept_tokens / completion_tokens END AS kept_per_written_token,
    CASE WHEN kept > 0 THEN cost_usd / kept END AS usd_per_kept, CASE WHEN kept_tokens > 0 THEN 1e6 * cost_usd / kept_tokens END AS usd_per_million_kept_tokens
FROM kept LEFT JOIN spent USING (stage);
