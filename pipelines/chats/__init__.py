"""Chats for alignment fine-tuning: queries, responses, verdicts, in backfill rounds.

`rounds` runs them; `quotas` says how many queries a round asks for. `queries` and `responses` are the two pipelines of
a round, with the templates in `pipelines/prompts/chats/`; `styles` is what a style asks for. `rows` makes rows of it.
"""
