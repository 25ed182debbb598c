-- The kept documents and chats with the most flags, to be read first.
SELECT stage, id, count(*) AS flags, string_agg(filter, ', ' ORDER BY filter) AS filters, left(any_value(title), 40) AS title FROM flagged GROUP BY stage, id ORDER BY flags DESC, stage, id LIMIT 100
