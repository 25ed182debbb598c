"""The checks of `check_axolotl.sh`; runs in Axolotl's environment: `check_axolotl.py WORKSPACE FOLDER CHECK...`."""

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml


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
    """The trainer's own updates and tokens are those that were counted."""
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
    caches = [path.parent for path in (workspace / config["dataset_prepared_path"]).glob("*/dataset_info.json")]
    wanted = pq.read_metadata(workspace / config["datasets"][0]["data_files"]).num_rows
    found = [cache for cache in caches if json.loads((cache / "dataset_info.json").read_text())["splits"]["train"]
             ["num_examples"] == wanted]  # fmt: skip
    assert len(found) == 1, f"expected one token cache of {wanted} samples, found {caches}"
    return found[0]


if __name__ == "__main__":
    import os

    root, name = Path(sys.argv[1]), sys.argv[2]
    os.chdir(root)
    for check in sys.argv[3:]:
        globals()[check](root, name, yaml.safe_load((root / "train" / name / "axolotl.yaml").read_text()))
        print(f"ok: {check} {root.parent.name} {root.name} {name}", flush=True)
