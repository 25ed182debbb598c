-- Requests, tokens and cost by stage and model, and what each stage serves.
SELECT * FROM spend ORDER BY completion_tokens DESC, stage, model
