"""Training: what is trained on, checked; trainers, their arithmetic and their files; running, submitting, serving.

`data` makes the samples, `rendering` and `checks` look at them, `steps` counts optimizer updates by the rules of the
trainer that is used (`trainers/axolotl.py`, `trainers/trl.py`), `handoff` writes all of it, `run` runs it.
"""
