"""Texts that repeat others: exactly, nearly, in meaning, or in what too many share.

`exact`, `near`, `semantic`, `overused` find them; `survivor_rank` is the one rule by which one of them stays. All work
on `sketch`es, so that a corpus need not fit into memory.
"""
