"""Both trainers, both stages, on a CPU: updates and tokens as counted and as done, and the losses.

    python -m benchmarks.training --axolotl .venv-axolotl
    python -m benchmarks.training --documents documents.jsonl --limit 80 --gguf SmolLM2-135M-Instruct.Q4_1.gguf

Without files, made-up documents and chats are trained on a random Llama of two layers: seconds a stage. `--documents`
is JSON lines with `id` and `text`; `--gguf` a model whose weights are dequantised (needs the package gguf; the weights
stay those of 4 bits). The workspaces, with the loss of every update, are kept in `--out`.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from corpus.ids import content_id
from corpus.store import write_dataset
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from tests.train.sample import aft_rows, msm_rows
from tests.train.tiny_llama import make_model
from train.handoff import HandOff, Made, hand_off
from train.run.running import Run, run_stage
from train.settings import TrainSettings

Row = dict[str, Any]


def main() -> None:
    """Train with each trainer that is there, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axolotl", type=Path, help="Axolotl's environment; without it TRL alone")
    parser.add_argument("--documents", type=Path, help="JSON lines with id and text")
    parser.add_argument("--limit", type=int, default=60, help="documents; as many chats")
    parser.add_argument("--gguf", type=Path, help="model to dequantise and train")
    parser.add_argument("--model", type=Path, help="folder of a model to train")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of train")
    parser.add_argument("--out", type=Path, default=Path("out/training"))
    given = parser.parse_args()
    model = given.model or (given.out / "model")
    if not (model / "config.json").is_file():
        _dequantised(given.gguf, model) if given.gguf else make_model(model)
    if given.axolotl:
        os.environ["PATH"] = f"{given.axolotl.resolve() / 'bin'}:{os.environ['PATH']}"
    asked = dict(pair.split("=", 1) for pair in given.set)
    settings = TrainSettings.model_validate(_settings(model) | {k: json.loads(v) for k, v in asked.items()})
    print("| trainer | stage | updates counted | done | tokens counted | done | loss | held out | seconds |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for trainer in ("axolotl", "trl") if given.axolotl else ("trl",):
        workspace = Workspace(given.out / trainer).create()
        _data(workspace, given.documents, given.limit)
        result = hand_off(workspace, settings.model_copy(update={"trainer": trainer}))
        for made in result.made:
            print(_line(workspace, result, made), flush=True)


def _settings(model: Path) -> Row:
    return {
        "base_model": str(model.resolve()), "cpu": True, "attention": "sdpa", "sequence_len": 512, "lora_r": 16,
        "lora_alpha": 32, "gradient_accumulation": 1, "min_updates": 2, "hold_out": 0.1, "checkpoints": 2,
        "learning_rate": 5e-4,
    }  # fmt: skip


def _data(workspace: Workspace, documents: Path | None, limit: int) -> None:
    counter = TokenCounter()
    rows = msm_rows(limit, counter)
    if documents is not None:
        lines = documents.read_text(encoding="utf-8").splitlines()[:limit]
        told = [json.loads(line) for line in lines]
        rows = [
            row | {"text": one["text"], "id": content_id("msm", one["id"], 0), "tokens": counter.count(one["text"])}
            for row, one in zip(rows, told, strict=False)
        ]
    write_dataset(workspace, "msm", rows)
    write_dataset(workspace, "aft_cot", aft_rows(limit, counter, reasoned=True))


def _line(workspace: Workspace, result: HandOff, made: Made) -> str:
    """Train a stage and say what came of it."""
    began = time.monotonic()
    run = run_stage(workspace, made, result.trainer, _silent, anyway=True)
    seconds = time.monotonic() - began
    folder = workspace.root / made.stage.folder
    rows = pq.read_table(folder / "losses.parquet").to_pylist()
    losses = [row["loss"] for row in rows if row["loss"] is not None]
    held = [row["eval_loss"] for row in rows if row["evaluated_on"] == "held_out"]
    counted, done = made.updates, run.done if run else len(losses)
    tokens, wanted = _tokens(workspace.root / made.stage.out), f"{counted.tokens - counted.lost:,}"
    if result.trainer.name == "axolotl":  # it counts what carries loss, and places with padding
        tokens, wanted = f"{tokens} with loss", f"{wanted}, {counted.trained:,} with loss"
    return (
        f"| {result.trainer.name} | {made.stage.name} | {counted.updates:,} | {done:,} "
        f"| {wanted} | {tokens} "
        f"| {losses[0]:.3f} → {losses[-1]:.3f} | {' → '.join(f'{loss:.3f}' for loss in held)} | {seconds:.0f} |"
    )


def _tokens(out: Path) -> str:
    """Tokens that the trainer itself says it has seen by the end."""
    said = [0]
    for file in out.glob("checkpoint-*/trainer_state.json"):
        for entry in json.loads(file.read_text())["log_history"]:
            said += [int(entry[key]) for key in ("num_tokens", "tokens/trainable") if key in entry]
    return f"{max(said):,}"


def _silent(run: Run) -> None:
    """The progress of a run, which nobody watches."""


def _dequantised(gguf: Path, folder: Path) -> None:
    """Save the model and tokenizer of a GGUF file as one that can be trained."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    place = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    config = AutoConfig.from_pretrained(**place)
    config.tie_word_embeddings = True
    model = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(AutoModelForCausalLM.from_pretrained(**place).state_dict())
    model.tie_weights()
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**place).save_pretrained(folder)


if __name__ == "__main__":
    main()
