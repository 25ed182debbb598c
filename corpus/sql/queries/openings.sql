-- The first three words of documents, where ten or more share them: the corpus's tics.
SELECT regexp_extract(left(text, 200), '^\s*(\S+\s+\S+\s+\S+)', 1) AS opening, count(*) AS documents
FROM documents GROUP BY 1 HAVING count(*) >= 10 ORDER BY documents DESC, opening
