-- Each passage of the spec: documents, tokens and document types that cover it, and in how many somebody disagrees; the least covered first.
SELECT address, rule_id, documents, tokens, genres, genres_planned, disagreement, left(text, 60) AS passage FROM passage_coverage ORDER BY tokens, start
