"""Documents for midtraining: decompose a spec, brainstorm types and ideas, write.

`decompose`, `brainstorm` and `write` are the stages; `rows` makes rows of their replies. `target_tokens` says how many
documents are written, and which next; `idea_topup` asks for more ideas where they run out, `spread` is their order.
`given` takes a plan from the recipe, `disagreement` says which documents argue, `neutral` makes control corpora,
`planning_failures` is what planning lost.
"""
