-- Document lengths in tokens, in steps of 250.
SELECT tokens // 250 * 250 AS from_tokens, count(*) AS documents, sum(tokens)::BIGINT AS tokens FROM documents GROUP BY 1 ORDER BY 1
