-- What the judges said, by criterion.
SELECT item_table, criterion, verdict, count(*) AS items FROM verdicts GROUP BY ALL ORDER BY ALL
