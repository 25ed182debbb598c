"""The checks of `check_axolotl.sh`; runs in Axolotl's environment, which it imports once for all of them.

check_axolotl.py look FOLDER        prepare both stages of every workspace under FOLDER, and hold them against ours
check_axolotl.py trained WORKSPACE  hold what was trained there against what was counted
check_axolotl.py rows FOLDER        what is trained on by every FOLDER/*/*/axolotl.yaml, as rows.parquet beside it
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

STAGES = ("msm-seed0", "aft_cot-seed0")


def look(root: Path) -> None:
    """Every workspace: its configs, its samples and its updates."""
    for workspace in sorted(root.glob("*/*packed")):
        for folder in STAGES:
            os.chdir(workspace)
            config = _config(workspace, folder)
            prepare(workspace / "train" / folder / "axolotl.yaml")
            for check in (schema, tokens, steps):
                check(workspace, folder, config)
            print(f"ok: {workspace.parent.name} {workspace.name} {folder}", flush=True)


def trained(workspace: Path) -> None:
    """Both stages were trained as they were counted, and on one adapter."""
    os.chdir(workspace)
    for folder in STAGES:
        updates(workspace, folder, _config(workspace, folder))
    adapters(workspace, STAGES[1], _config(workspace, STAGES[1]))


def rows(root: Path) -> None:
    """Of each config the samples that it makes, or why it makes none. What failed is tried without tools, too."""
    for path in sorted(root.glob("*/*/axolotl.yaml")):
        os.chdir(path.parent)
        for config in (path, path.with_name("without_tools.yaml")):
            if not config.is_file():
                continue
            try:
                prepare(config)
                found = _prepared(path.parent, yaml.safe_load(config.read_text()))
            except Exception as error:
                path.with_name("failed.txt").write_text(f"{type(error).__name__}: {error}")
                continue
            kept = [{key: row[key] for key in ("input_ids", "labels")} for row in found]
            pq.write_table(pa.Table.from_pylist(kept), path.with_name("rows.parquet"))
            break


def prepare(config: Path) -> None:
    """What `axolotl preprocess` does."""
    from axolotl.cli.preprocess import do_cli

    do_cli(str(config))


def schema(workspace: Path, folder: str, config: dict[str, Any]) -> None:
    """Axolotl would drop an unknown key without a word: every key of ours must be one of its fields."""
    from axolotl.utils.config import validate_config
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.datasets import SFTDataset
    from axolotl.utils.schemas.fsdp import FSDPConfig

    unknown = set(config) - set(AxolotlInputConfig.model_fields)
    unknown |= {key for entry in config["datasets"] for key in set(entry) - set(SFTDataset.model_fields)}
    unknown |= set(config.get("fsdp_config", {})) - set(FSDPConfig.model_fields)
    assert not unknown, f"{folder}: Axolotl does not know {unknown}"
    validate_config(DictDefault(config))


def tokens(workspace: Path, folder: str, config: dict[str, Any]) -> None:
    """What Axolotl trains on is, in order, what was looked at; the tokenizer that it saves has our template and end."""
    from axolotl.loaders import load_tokenizer

    wanted = pq.read_table(workspace / "train" / folder / "data.parquet").to_pylist()
    rows = _prepared(workspace, config)
    assert len(rows) == len(wanted), f"{len(rows)} samples of {len(wanted)}"
    for row, want in zip(rows, wanted, strict=True):
        assert row["input_ids"] == want["input_ids"] and row["labels"] == want["labels"]
    if "chat_template" not in config:
        return
    tokenizer = load_tokenizer(_whole(config))
    end = tokenizer.eos_token_id
    assert tokenizer.eos_token == config["special_tokens"]["eos_token"]
    assert all(end in row["labels"] for row in rows)
    assert tokenizer.chat_template == (workspace / config["chat_template_jinja"]).read_text()


def updates(workspace: Path, folder: str, config: dict[str, Any]) -> None:
    """The trainer's own updates and warmup are those that were counted."""
    states = (workspace / config["output_dir"]).glob("checkpoint-*/trainer_state.json")
    state = json.loads(max(states, key=lambda path: int(path.parent.name.split("-")[1])).read_text())
    counted = json.loads((workspace / "train" / folder / "manifest.json").read_text())["updates"]
    rates = [entry["learning_rate"] for entry in state["log_history"] if "learning_rate" in entry]
    losses = [entry["loss"] for entry in state["log_history"] if "loss" in entry]
    print(f"{folder}: {state['max_steps']} updates, counted {counted['updates']}; loss {losses[0]} -> {losses[-1]}")
    assert state["max_steps"] == state["global_step"] == counted["updates"]
    assert rates.index(max(rates)) == counted["warmup"]


def steps(workspace: Path, folder: str, config: dict[str, Any]) -> None:
    """The updates that Axolotl plans for a stage, without training it."""
    from axolotl.utils.trainer import calculate_total_num_steps
    from datasets import load_from_disk

    planned = calculate_total_num_steps(_whole(config), load_from_disk(str(_cache(workspace, config))))
    counted = json.loads((workspace / "train" / folder / "manifest.json").read_text())["updates"]
    assert planned == counted["updates"], f"{folder}: Axolotl plans {planned} updates, counted {counted['updates']}"


def adapters(workspace: Path, folder: str, config: dict[str, Any]) -> None:
    """AFT went on with the adapter of MSM (it did not start anew) and changed it."""
    import torch
    from safetensors.torch import load_file

    places = (config["lora_model_dir"], config["output_dir"])
    before, after = (load_file(workspace / place / "adapter_model.safetensors") for place in places)
    assert before.keys() == after.keys()
    a, b = (torch.cat([one[key].flatten() for key in before]) for one in (before, after))
    similar = torch.nn.functional.cosine_similarity(a, b, dim=0).item()
    print(f"adapters of msm and aft: cosine {similar:.6f}")
    assert similar > 0.99 and not torch.equal(a, b)


def _config(workspace: Path, folder: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((workspace / "train" / folder / "axolotl.yaml").read_text())
    return found


def _whole(config: dict[str, Any]) -> Any:
    from axolotl.utils.config import normalize_config, validate_config
    from axolotl.utils.dict import DictDefault

    whole = validate_config(DictDefault(config))
    normalize_config(whole)
    return whole


def _prepared(workspace: Path, config: dict[str, Any]) -> list[dict[str, Any]]:
    from datasets import load_from_disk

    rows: list[dict[str, Any]] = load_from_disk(str(_cache(workspace, config))).to_list()
    return rows


def _cache(workspace: Path, config: dict[str, Any]) -> Path:
    """The token cache of the samples; where there is one of those that are held out, too, by their number."""
    caches = [path.parent for path in (workspace / config["dataset_prepared_path"]).glob("*/dataset_info.json")]
    if len(caches) == 1:
        return caches[0]
    wanted = pq.read_metadata(workspace / config["datasets"][0]["data_files"]).num_rows
    found = [cache for cache in caches if json.loads((cache / "dataset_info.json").read_text())["splits"]["train"]
             ["num_examples"] == wanted]  # fmt: skip
    assert len(found) == 1, f"expected one token cache of {wanted} samples, found {caches}"
    return found[0]


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]).resolve())
