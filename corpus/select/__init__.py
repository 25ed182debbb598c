"""Which of the documents that there are make a smaller corpus: exact sizes, nested doses, matched pairs, preferences.

`balance` chooses among documents by their tokens and groups; `subsets` does it with a workspace. How many documents are
written in the first place is another question: `pipelines/documents/target_tokens.py`.
"""
