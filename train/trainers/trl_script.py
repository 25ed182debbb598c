"""Trains one stage with TRL, as `specmill train` wrote it: `python train.py trl.yaml`, in the workspace's folder.

Copied into the stage's folder; it needs trl, peft, transformers, datasets and torch, and nothing of specmill. Samples
are tokenized and labelled already, and none is longer than a sequence, so nothing is rendered, masked or cut here.

    python train/<stage>/train.py train/<stage>/trl.yaml            train, or go on from the last checkpoint
    python train/<stage>/train.py train/<stage>/trl.yaml --merge    merge the adapter into the model, into out/merged
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
import yaml
from datasets import load_dataset
from peft import LoraConfig, PeftModel, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, TrainerCallback, set_seed
from transformers.trainer_utils import get_last_checkpoint
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

NOT_A_NUMBER = 3  # exit code of a run whose loss is no number


def main() -> None:
    """Train or merge, as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--merge", action="store_true", help="merge the trained adapter into the model")
    given = parser.parse_args()
    config = yaml.safe_load(given.config.read_text(encoding="utf-8"))
    if given.merge:
        merge(config)
    else:
        train(config)


def train(config: dict[str, Any]) -> None:
    """Train a stage, from its last checkpoint where there is one, and save model (or adapter) and tokenizer."""
    set_seed(config["seed"])
    tokenizer = load_tokenizer(config)
    trainer = make_trainer(config, load_model(config), tokenizer)
    trainer.add_callback(Progress())
    out = config["output_dir"]
    trainer.train(resume_from_checkpoint=get_last_checkpoint(out) if Path(out).is_dir() else None)
    trainer.save_model(out)
    tokenizer.save_pretrained(out)


def load_tokenizer(config: dict[str, Any]) -> Any:
    """The tokenizer, with the template and the EOS that the trained model is served with."""
    tokenizer = AutoTokenizer.from_pretrained(config["tokenizer"])
    if config.get("chat_template"):
        tokenizer.chat_template = Path(config["chat_template"]).read_text(encoding="utf-8")
    if config.get("eos_token"):
        tokenizer.eos_token = config["eos_token"]
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(config: dict[str, Any]) -> Any:
    """The base model, with a new adapter, or with an earlier stage's to go on with; all of its weights without
    adapter."""
    loading: dict[str, Any] = {"dtype": torch.float32 if config["cpu"] else torch.bfloat16}
    loading["attn_implementation"] = config["attention"]
    if config["adapter"] == "qlora":
        loading["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16,
            bnb_4bit_use_double_quant=True,
        )  # fmt: skip
    before = config.get("continues")
    if config["adapter"] == "full":
        return AutoModelForCausalLM.from_pretrained(before or config["base_model"], **loading)
    model = AutoModelForCausalLM.from_pretrained(config["base_model"], **loading)
    if config["adapter"] == "qlora":
        model = prepare_model_for_kbit_training(model)
    if before:
        return PeftModel.from_pretrained(model, before, is_trainable=True)
    return get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **config["lora"]))


def make_trainer(config: dict[str, Any], model: Any, tokenizer: Any) -> Any:
    """TRL's trainer of a stage."""
    shared = {**config["training"], "output_dir": config["output_dir"], "use_cpu": config["cpu"]}
    shared |= {"bf16": config["bf16"], "seed": config["seed"]}
    data = load_samples(config["data"])
    if config["kind"] == "preferences":
        arguments = DPOConfig(**shared, **config["dpo"])
        return DPOTrainer(model, args=arguments, train_dataset=data, processing_class=tokenizer)
    held_out = {name: load_samples(file) for name, file in config["evaluation"].items()}
    arguments = SFTConfig(**shared, **config["sft"], eos_token=tokenizer.eos_token)
    return SFTTrainer(
        model, args=arguments, train_dataset=data, eval_dataset=held_out or None, processing_class=tokenizer
    )


def load_samples(file: str) -> Any:
    """Samples of a Parquet file, in its order."""
    data = load_dataset("parquet", data_files=file, split="train")
    return data.remove_columns("attention_mask") if "attention_mask" in data.column_names else data


class Progress(TrainerCallback):
    """One JSON line for each loss; a loss that is no number ends the run."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **more: Any) -> None:
        """Print the losses of an update."""
        said = {key: value for key, value in (logs or {}).items() if key in {"loss", "learning_rate"}}
        said |= {key: value for key, value in (logs or {}).items() if key.startswith("eval_") and key.endswith("_loss")}
        if said and state.is_world_process_zero:
            print("specmill " + json.dumps({"step": state.global_step, **said}), flush=True)
        if not math.isfinite(said.get("loss", 0.0)):
            print(f"the loss is {said['loss']} at update {state.global_step}: stopped", file=sys.stderr, flush=True)
            sys.exit(NOT_A_NUMBER)


def merge(config: dict[str, Any]) -> None:
    """Merge the adapter of a trained stage into its base model."""
    model = AutoModelForCausalLM.from_pretrained(
        config["base_model"], dtype=torch.float32 if config["cpu"] else torch.bfloat16
    )
    merged = PeftModel.from_pretrained(model, config["output_dir"]).merge_and_unload()
    out = Path(config["output_dir"], "merged")
    tokenizer = AutoTokenizer.from_pretrained(config["output_dir"])
    merged.generation_config.eos_token_id = tokenizer.eos_token_id
    merged.config.eos_token_id = tokenizer.eos_token_id
    merged.save_pretrained(out)
    tokenizer.save_pretrained(out)


if __name__ == "__main__":
    main()
