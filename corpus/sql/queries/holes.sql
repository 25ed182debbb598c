-- What no document covers: passages, assertions, and passage x document type cells that the plan allows.
SELECT 'passage' AS hole, address, rule_id, left(text, 80) AS what FROM passage_coverage
WHERE documents = 0 AND EXISTS (FROM subdomains WHERE len(passage_ids) > 0)
UNION ALL
SELECT 'assertion', NULL, NULL, label || ': ' || name || ' (' || domain || ' / ' || subdomain || ')' FROM assertion_coverage WHERE documents = 0
UNION ALL
SELECT 'cell', address, rule_id, genre FROM coverage WHERE documents = 0
ORDER BY hole DESC, address, what
