-- Requests, tokens and cost by stage and model.
SELECT * FROM spend ORDER BY completion_tokens DESC, stage, model
