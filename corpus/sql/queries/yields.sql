-- Requests, tokens and dollars for each document and chat that was kept.
SELECT * FROM yields ORDER BY stage DESC
