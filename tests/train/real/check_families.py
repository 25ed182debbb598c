"""The table of docs/training.md: what Axolotl and TRL really train on, family by family, before and after.

    python -m tests.train.real.check_families [--axolotl ENVIRONMENT_FOLDER] [FAMILY...]

Before: Axolotl with the config that specmill wrote at commit 3e21e3a and the maker's own template, and TRL as its
pages say (`messages`, `tools`, `assistant_only_loss`). After: what `specmill train` writes now. Each trainer tokenizes
the chats of `measure.chats` itself, with a stand-in of the base model's tokenizer (real special tokens, a small
vocabulary), and what it would train on is read back. Without an environment of Axolotl's, TRL alone. Fails where
anything is wrong after.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from corpus.store import write_dataset
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from tests.train.published import published_template
from tests.train.real.measure import COLUMNS, Measured, Row, chats, measure
from tests.train.sample import aft_rows
from tests.train.standins import FAMILIES
from tests.train.tiny_llama import make_model
from train.handoff import hand_off
from train.settings import TrainSettings
from train.tokenizer import load_tokenizer

Rows = list[tuple[list[int], list[int]]]
HERE: Final = Path(__file__).parent
# Templates that specmill could name at that commit; for the others it wrote `tokenizer_default`.
NAMED: Final = {"llama3": "llama3", "qwen3": "qwen3", "chatml": "chatml"}
CASES: Final = {**{family: (family, True) for family in FAMILIES}, "qwen3, no thinking": ("qwen3", False)}
NO_TOOLS: Final = ("olmo2", "gpt-oss")  # their forms cannot say tools: `--check` says so and leaves such chats out


def main() -> None:
    """Make everything, let the trainers tokenize it, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)}; all")
    parser.add_argument("--instruct", action="store_true", help="tokenizers of instruct models; of base models")
    parser.add_argument("--axolotl", type=Path, help="Axolotl's environment")
    given = parser.parse_args()
    cases = {key: case for key, case in CASES.items() if not given.families or case[0] in given.families}
    with tempfile.TemporaryDirectory() as work:
        root, counter = Path(work).resolve(), TokenCounter()
        for key, case in cases.items():
            _make(root / key, *case, given.instruct, counter)
        if given.axolotl is not None:
            program = str(given.axolotl.resolve() / "bin" / "python")
            with (root / "log.txt").open("w") as log:
                command = [program, str(HERE / "check_axolotl.py"), "rows", str(root)]
                subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
        wrong = _print(root, cases, given.axolotl is not None)
    sys.exit(wrong)


def _make(place: Path, family: str, reasoned: bool, instruct: bool, counter: TokenCounter) -> None:
    """A tiny base model, what was written of the chats before, and what is written now."""
    model = make_model(place / "model", family, instruct=instruct)
    template = published_template(family)
    if template is not None:
        (model / "chat_template.jinja").write_text(template)
    rows = chats(reasoned=reasoned, tools=family not in NO_TOOLS)
    _before(place / "before", model, family, rows, reasoned)
    workspace = Workspace(place / "after").create()
    write_dataset(workspace, "aft_cot", aft_rows(1, counter, reasoned=False))
    (workspace.root / "mix.jsonl").write_text("\n".join(map(json.dumps, rows)))
    hand_off(workspace, _settings(family, "axolotl"))
    made = workspace.root / "train/aft_cot-seed0/axolotl.yaml"
    (workspace.root / "axolotl.yaml").write_text(made.read_text())


def _settings(family: str, trainer: str) -> TrainSettings:
    return TrainSettings(
        trainer=trainer, base_model="../model", packing=False, attention="sdpa", cpu=True, sequence_len=2048, lora_r=8,
        lora_alpha=16, instruction_mix="mix.jsonl", chat_template=family,
    )  # fmt: skip


def _before(place: Path, model: Path, family: str, rows: list[Row], reasoned: bool) -> None:
    """Config and data as they were: reasoning in the content, no calls of tools, `/no_think` for a Qwen3 without."""
    (place / "train").mkdir(parents=True)
    (place / "model").symlink_to(model)
    config = yaml.safe_load((HERE / "before.yaml").read_text())
    config["chat_template"] = NAMED.get(family, "tokenizer_default")
    if family == "qwen3":
        config["datasets"][0]["split_thinking"] = True
    for name, kept in (("axolotl", rows), ("without_tools", [row for row in rows if "tools" not in row])):
        config["datasets"][0]["data_files"] = f"train/{name}.parquet"
        config["dataset_prepared_path"] = f"train/prepared-{name}"
        data = [
            {"messages": _plain(row, family == "qwen3" and not reasoned), "tools": json.dumps(row["tools"])
             if "tools" in row else None} for row in kept
        ]  # fmt: skip
        pq.write_table(pa.Table.from_pylist(data), place / "train" / f"{name}.parquet")
        (place / f"{name}.yaml").write_text(yaml.safe_dump(config))


def _plain(row: Row, no_think: bool) -> list[Row]:
    told = []
    for message in row["messages"]:
        content = message["content"]
        if message.get("reasoning_content"):
            content = f"<think>\n{message['reasoning_content']}\n</think>\n\n{content}"
        elif no_think and message["role"] in {"system", "user"}:
            content += " /no_think"
        told.append({"role": message["role"], "content": content})
    return told


def _print(root: Path, cases: dict[str, tuple[str, bool]], axolotl: bool) -> int:
    """The table as Markdown; 1 where something is wrong of what is written now."""
    wrong = 0
    print("| family | trainer | end of turn trained | foreign name | reasoning kept | tools kept | decoded equal |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for key, (family, reasoned) in cases.items():
        tokenizer = load_tokenizer(str(root / key / "model"), Path())
        rows = chats(reasoned=reasoned, tools=family not in NO_TOOLS)
        for trainer, (before, how), now in _read(root / key, rows, axolotl):
            then, after = measure(rows, before, family, tokenizer), measure(rows, now, family, tokenizer)
            cells = [_cell(column, then, after) for column in COLUMNS]
            print(f"| {key} | {trainer}{how} | {' | '.join(cells)} |", flush=True)
            wrong |= after.right != after.of
    return wrong


def _cell(column: str, then: Measured, now: Measured) -> str:
    """Chats that are right, before and after, of those that it concerns; of foreign names, those that have one."""
    of = now.of[column]
    shown = [of - one.right[column] if column == "identity" else one.right[column] for one in (then, now)]
    return f"{shown[0]} → {shown[1]} of {of}" if of else "-"


def _read(place: Path, rows: list[Row], axolotl: bool) -> Iterator[tuple[str, tuple[Rows, str], Rows]]:
    """Of each trainer what it trained on before, with a remark, and what it does now."""
    if axolotl:
        found = [place / when / "rows.parquet" for when in ("before", "after")]
        before, now = (_pairs(file) if file.is_file() else [] for file in found)
        failed = (place / "before" / "failed.txt").is_file()
        yield "Axolotl", (before, ", without tools" if before and failed else ", refused" if failed else ""), now
    yield "TRL", _trl_before(place, rows), _trl_after(place)


def _pairs(file: Path) -> Rows:
    return [(row["input_ids"], row["labels"]) for row in pq.read_table(file).to_pylist()]


def _trl_before(place: Path, rows: list[Row]) -> tuple[Rows, str]:
    """What TRL's SFTTrainer makes of messages and tools. Where it refuses, it is given what its error asks for: chats
    without tools, or loss on all tokens."""
    import datasets
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    plain = [row for row in rows if "tools" not in row]
    for kept, only, how in ((rows, True, ""), (plain, True, ", without tools"), (rows, False, ", loss on all")):
        arguments = SFTConfig(
            output_dir=str(place / "trl"), assistant_only_loss=only, max_length=2048, use_cpu=True, bf16=False,
            report_to="none", gradient_checkpointing=False,
        )  # fmt: skip
        data = datasets.Dataset.from_list([{"messages": row["messages"], "tools": row.get("tools")} for row in kept])
        model = AutoModelForCausalLM.from_pretrained(place / "model")
        tokenizer = AutoTokenizer.from_pretrained(place / "model")
        try:
            return _collated(SFTTrainer(model, args=arguments, train_dataset=data, processing_class=tokenizer)), how
        except Exception as error:
            print(f"{place.name}: {error}", file=sys.stderr)
    return [], ", refused"


def _trl_after(place: Path) -> Rows:
    """What the script that we write makes of our samples."""
    import os

    from train.trainers.trl_script import load_model, load_tokenizer, make_trainer

    workspace = Workspace(place / "after")
    made = hand_off(workspace, _settings(place.name.partition(",")[0], "trl")).named("aft")
    os.chdir(workspace.root)
    config: dict[str, Any] = yaml.safe_load((workspace.root / made.stage.folder / "trl.yaml").read_text())
    return _collated(make_trainer(config, load_model(config), load_tokenizer(config)))


def _collated(trainer: Any) -> Rows:
    """Ids and labels of every sample as the model gets them."""
    out = []
    for row in trainer.train_dataset:
        batch = trainer.data_collator([row])
        out.append((batch["input_ids"][0].tolist(), batch["labels"][0].tolist()))
    return out


if __name__ == "__main__":
    main()
