-- The first three words of documents, where ten or more share them: the corpus's tics.
SELECT array_to_string(regexp_split_to_array(trim(left(text, 200)), '\s+')[1:3], ' ') AS opening, count(*) AS documents FROM documents GROUP BY 1 HAVING count(*) >= 10 ORDER BY documents DESC, opening
