-- What the filters found in documents and chats that stay, with the scores beside the threshold.
SELECT stage, filter, count(*) AS items, round(median(score), 3) AS median_score, max(threshold) AS threshold, left(any_value(detail ORDER BY id), 60) AS example FROM flagged GROUP BY stage, filter ORDER BY items DESC, stage, filter
