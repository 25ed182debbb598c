"""The checks of `check_axolotl.sh`; runs in Axolotl's environment: `check_axolotl.py CHECK WORKSPACE STAGE`."""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from train.settings import TrainSettings
from train.steps import count_updates


def schema(workspace: Path, stage: str, config: dict[str, Any]) -> None:
    """Axolotl would drop an unknown key without a word: every key of ours must be one of its fields."""
    from axolotl.utils.config import validate_config
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.datasets import SFTDataset

    unknown = set(config) - set(AxolotlInputConfig.model_fields)
    unknown |= {key for entry in config["datasets"] for key in set(entry) - set(SFTDataset.model_fields)}
    assert not unknown, f"{stage}: Axolotl does not know {unknown}"
    validate_config(DictDefault(config))


def tokens(workspace: Path, stage: str, config: dict[str, Any]) -> None:
    """Documents end with EOS once; chats train on the reply alone, with one think block at most."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(workspace / config["base_model"])
    rows = _prepared(workspace, config)
    ends = sum(row["input_ids"][-1] == tokenizer.eos_token_id for row in rows)
    if stage == "msm":
        assert ends == 120 < len(rows), f"{ends} of {len(rows)} pieces end with EOS; expected one a document"
        assert all(row["labels"] == row["input_ids"] for row in rows)
        return
    qwen3 = config["chat_template"] == "qwen3"
    reasoned = "cot" in workspace.name or not qwen3
    for row in rows:
        trained = tokenizer.decode([one for one in row["labels"] if one != -100])
        whole = tokenizer.decode(row["input_ids"])
        assert whole.count("<think>") == whole.count("</think>") == 1, whole
        # Qwen3's template writes the opening tag (and, without reasoning, an empty block), which Axolotl masks.
        assert trained.startswith("<think>") is not qwen3 and ("</think>" in trained) is reasoned, trained
        assert ("is open to all" in trained) is reasoned, whole
        assert trained.rstrip().endswith("<|im_end|>") and "I would take soup" in trained
        assert "What shall I eat" not in trained and "What shall I eat" in whole
        assert ("/no_think" in whole) is (qwen3 and not reasoned), whole


def updates(workspace: Path, stage: str, config: dict[str, Any]) -> None:
    """The trainer's own count of updates and its warmup are ours, given the lengths that it trained on."""
    state = json.loads(max(workspace.glob(f"train/out/{stage}/checkpoint-*/trainer_state.json")).read_text())
    lengths = [len(row["input_ids"]) for row in _prepared(workspace, config)]
    settings = TrainSettings(
        base_model="tiny", sequence_len=config["sequence_len"],
        gradient_accumulation=config["gradient_accumulation_steps"], packing=config["sample_packing"],
    )  # fmt: skip
    counted = count_updates(lengths, settings, split_long=stage == "msm")
    rates = [entry["learning_rate"] for entry in state["log_history"] if "learning_rate" in entry]
    print(f"{stage}: {state['max_steps']} updates, we count {counted.updates}; learning rates {rates[:4]}")
    # Packing depends on the order, which is random: one part in twenty either way.
    assert abs(state["max_steps"] - counted.updates) <= max(1, counted.updates // 20)
    assert rates.index(max(rates)) == counted.warmup


def adapters(workspace: Path, stage: str, config: dict[str, Any]) -> None:
    """AFT went on with the adapter of MSM (it did not start anew) and changed it."""
    import torch
    from safetensors.torch import load_file

    before, after = (load_file(workspace / f"train/out/{name}/adapter_model.safetensors") for name in ("msm", "aft"))
    assert before.keys() == after.keys()
    a = torch.cat([before[key].flatten() for key in before])
    b = torch.cat([after[key].flatten() for key in before])
    similar = torch.nn.functional.cosine_similarity(a, b, dim=0).item()
    print(f"adapters of msm and aft: cosine {similar:.6f}")
    assert similar > 0.99 and not torch.equal(a, b)


def _prepared(workspace: Path, config: dict[str, Any]) -> list[dict[str, Any]]:
    from datasets import load_from_disk

    folders = [path.parent for path in (workspace / config["dataset_prepared_path"]).glob("*/dataset_info.json")]
    assert len(folders) == 1, f"expected one token cache, found {folders}"
    return load_from_disk(str(folders[0])).to_list()


if __name__ == "__main__":
    check, root, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    globals()[check](root, name, yaml.safe_load((root / "train" / f"{name}.yaml").read_text()))
    print(f"ok: {check} {root.name} {name}")
