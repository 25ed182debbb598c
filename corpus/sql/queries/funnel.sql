-- Planned, kept, rejected and not yet made, stage by stage, with the reasons.
SELECT stage, outcome, reason, items, round(100 * share, 1) AS percent FROM funnel ORDER BY position, outcome, items DESC, reason
