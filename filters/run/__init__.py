"""Deciding on many documents: in this process, in several, or on a cluster.

`decide` is where a finding becomes a reject or a flag. `many` chooses how documents are gone through (`processes`,
`parquet`, `datatrove_executor`). `stored` and `verdicts` decide again on what is stored; `marks` are people's words.
"""
