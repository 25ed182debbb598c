-- Why items were rejected, with the scores beside the threshold.
SELECT stage, reason, count(*) AS items, round(median(score), 3) AS median_score, max(threshold) AS threshold, left(any_value(detail ORDER BY id), 60) AS example FROM rejects GROUP BY stage, reason ORDER BY items DESC, stage, reason
