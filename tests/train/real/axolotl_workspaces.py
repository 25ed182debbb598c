"""Workspaces for `check_axolotl.sh`: `python -m tests.train.real.axolotl_workspaces FOLDER`, in our environment.

FOLDER/<family> has a tiny random Llama with the family's tokenizer, and workspaces that train on it: `packed` and
`unpacked`, with documents, reasoned chats of several turns, tools, weights and talk about think tags.
"""

import json
import random
import sys
from pathlib import Path

from corpus.store import write_dataset
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from tests.train.probes import PROBES
from tests.train.sample import aft_rows, msm_rows
from tests.train.standins import FAMILIES
from tests.train.tiny_llama import make_model
from train.handoff import hand_off
from train.settings import TrainSettings


def main(root: Path, families: list[str]) -> None:
    """Make them all."""
    counter = TokenCounter()
    for family in families:
        model = make_model(root / family / "model", family)
        for form in ("packed", "unpacked"):
            workspace = Workspace(root / family / form).create()
            write_dataset(workspace, "msm", random.Random(family).sample(msm_rows(120, counter), 90))
            write_dataset(workspace, "aft_cot", aft_rows(60, counter, reasoned=True))
            rows = [row | {"id": f"{name} {n}"} for name, row in PROBES.items() for n in range(3)]
            (workspace.root / "mix.jsonl").write_text("\n".join(map(json.dumps, rows)))
            settings = TrainSettings(
                base_model="../model", packing=form == "packed", attention="sdpa", cpu=True, sequence_len=512, lora_r=8,
                lora_alpha=16, gradient_accumulation=4, controls=True, hold_out=0.05, instruction_mix="mix.jsonl",
                checkpoints=2, chat_template=family,
            )  # fmt: skip
            for one in hand_off(workspace, settings).made:
                print(f"{family} {form} {one.stage.name}: {one.updates.updates} updates of {model}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(FAMILIES))
