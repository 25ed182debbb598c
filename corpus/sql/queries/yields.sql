-- Requests, tokens and dollars for each document and chat that was kept; plans, critiques, rewrites, queries and verdicts count.
SELECT * FROM yields ORDER BY stage DESC
