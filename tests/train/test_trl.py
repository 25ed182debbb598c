"""The real TRL on a tiny random Llama: both stages and DPO, on one adapter, with the updates that are counted here."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from corpus.workspace import Workspace
from tests.lazy import needs
from tests.train.tiny_llama import make_model
from train.handoff import hand_off
from train.run.running import run_stage
from train.settings import TrainSettings
from train.trainers.trl import Trl

pytestmark = needs("trl", "peft")


@pytest.mark.slow
def test_all_stages_are_trained_as_they_are_counted(
    make_workspace: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    from train.trainers import trl_script

    workspace = make_workspace(documents=12, chats=24)
    pairs = [{"prompt": f"Lunch {n}?", "chosen": f"Soup {n}.", "rejected": f"Caviar {n}."} for n in range(8)]
    (workspace.root / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    (workspace.root / "ordinary.txt").write_text("A river runs to the sea.\n\nBread is made of flour.\n")
    model = make_model(tmp_path / "model")
    settings = TrainSettings(
        trainer="trl", base_model=str(model), cpu=True, attention="sdpa", sequence_len=256, lora_r=4, lora_alpha=8,
        gradient_accumulation=2, min_updates=2, learning_rate=5e-3, hold_out=0.1, neutral_text="ordinary.txt",
        preferences="pairs.jsonl", checkpoints=2,
    )  # fmt: skip
    result = hand_off(workspace, settings)
    msm, aft, dpo = result.made
    assert [one.stage.name for one in result.made] == ["msm", "aft", "dpo"]
    run = run_stage(workspace, msm, result.trainer, lambda run: None)  # as a user runs it, in a process of its own
    assert run is not None and run.done == msm.updates.updates
    rows = pq.read_table(workspace.train / "msm-seed0/losses.parquet").to_pylist()
    assert {row["evaluated_on"] for row in rows} == {None, "held_out", "neutral"}
    monkeypatch.chdir(workspace.root)
    for one in (aft, dpo):  # the same script in this process, which has imported torch once
        trl_script.train(yaml.safe_load((workspace.root / one.stage.folder / "trl.yaml").read_text()))
        lines = [result.trainer.progress(line) for line in capsys.readouterr().out.splitlines()]
        losses = [said.loss for said in lines if said and said.loss is not None]
        assert len(losses) == one.updates.updates, one.stage.name
    for one in result.made:
        state = max((workspace.root / one.stage.out).glob("checkpoint-*"), key=lambda at: int(at.name.split("-")[1]))
        assert json.loads((state / "trainer_state.json").read_text())["global_step"] == one.updates.updates
    _same_adapter(workspace)
    trl_script.merge(yaml.safe_load((workspace.root / aft.stage.folder / "trl.yaml").read_text()))
    _served(workspace.root / aft.stage.out / "merged")


@pytest.mark.slow  # it imports TRL
@pytest.mark.parametrize("seed", range(10))
def test_trl_packs_as_it_is_counted(seed: int) -> None:
    """Ten random corpora through TRL's own packing: the same sequences, and not a token lost."""
    import datasets
    import trl

    draw = random.Random(seed)
    lengths = [draw.randint(2, 512) for _ in range(draw.randint(900, 2300))]
    data = datasets.Dataset.from_dict({"input_ids": [[7] * one for one in lengths]})
    packed = trl.pack_dataset(data, 512, "bfd")
    found = Trl().count(lengths, TrainSettings(sequence_len=512), 4)
    assert found.sequences == len(packed) and sum(map(len, packed["input_ids"])) == sum(lengths)
    assert found.updates == -(-len(packed) // 4) and found.lost == 0


def _same_adapter(workspace: Workspace) -> None:
    """AFT went on with MSM's adapter: it is near it, and not it."""
    import torch
    from safetensors.torch import load_file

    files = (workspace.train / f"{stage}-seed0/out/adapter_model.safetensors" for stage in ("msm", "aft_cot", "dpo"))
    msm, aft, dpo = (torch.cat([one.flatten() for _, one in sorted(load_file(file).items())]) for file in files)
    for before, after in ((msm, aft), (aft, dpo)):
        assert torch.nn.functional.cosine_similarity(before, after, dim=0) > 0.9 and not torch.equal(before, after)


def _served(merged: Path) -> None:
    """The merged model stops at the end of a turn, and is asked with the template that it was trained with."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(merged)
    model = AutoModelForCausalLM.from_pretrained(merged)
    assert tokenizer.eos_token == "<|im_end|>" and model.generation_config.eos_token_id == tokenizer.eos_token_id
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
    )
    assert prompt == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
