#!/usr/bin/env bash
# What:    inspect-ai 0.3.285 (28 November 2026), the scorer exact()
# Guess:   an answer that equals the target is correct
# Happens: texts are normalised as for SQuAD, articles go, and what is left of the letter A is nothing: the answer "A"
#          to the target "A" is incorrect, while B, C and D are correct
# So:      a multiple choice is scored by a reader of its own (eval/questions/parsing.py)
source "$(dirname "$0")/run.sh"
run inspect-ai==0.3.285 <<'PYTHON'
import asyncio
from importlib.metadata import version

from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Target, exact
from inspect_ai.solver import TaskState


def scored(letter):
    output = ModelOutput.from_content("none", letter)
    state = TaskState(model="none", sample_id=1, epoch=1, input="Which?", messages=[], output=output)
    return asyncio.run(exact()(state, Target(letter))).value


found = {letter: scored(letter) for letter in "ABCD"}
print(f"inspect-ai {version('inspect-ai')}: {found} (C correct, I incorrect)")
raise SystemExit(0 if found == {"A": "I", "B": "C", "C": "C", "D": "C"} else 1)
PYTHON
