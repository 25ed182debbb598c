-- Passage x document type cells that the plan allows and no document fills.
SELECT address, rule_id, genre FROM coverage WHERE documents = 0 ORDER BY start, genre
