-- Documents and tokens of each domain, and its share of the corpus.
SELECT domain, count(*) AS documents, sum(tokens)::BIGINT AS tokens, round(100 * sum(tokens) / sum(sum(tokens)) OVER (), 1) AS percent, round(avg(tokens))::BIGINT AS mean_tokens FROM documents GROUP BY domain ORDER BY tokens DESC, domain
