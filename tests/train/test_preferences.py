import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from specs.errors import UserError
from tests.train.standins import make_tokenizer
from train.data import Writer
from train.families import family_of
from train.preferences import write_preferences
from train.settings import TrainSettings
from train.tokenizer import load_tokenizer


def writer(folder: Path, family: str, **values) -> Writer:
    tokenizer = load_tokenizer(str(make_tokenizer(folder / family, family)), Path())
    return Writer(tokenizer, family_of("x", tokenizer), TrainSettings(**values))


def write(tmp_path: Path, *rows: object, family: str = "qwen2.5", **values) -> list[dict]:
    source = tmp_path / "pairs.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)))
    write_preferences(tmp_path / "data.parquet", source, writer(tmp_path, family, **values))
    return pq.read_table(tmp_path / "data.parquet").to_pylist()


def test_a_pair_is_the_prompt_and_two_replies_with_their_end(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "You are Juniper."}, {"role": "user", "content": "Lunch?"}]
    said = {
        "chosen": [{"role": "assistant", "content": "Soup."}],
        "rejected": [{"role": "assistant", "content": "No."}],
    }
    text, whole = write(
        tmp_path, {"prompt": "Lunch?", "chosen": "Soup.", "rejected": "No."}, {"prompt": messages, **said}
    )
    assert text == {
        "prompt": "<|im_start|>user\nLunch?<|im_end|>\n<|im_start|>assistant\n", "chosen": "Soup.<|im_end|>",
        "rejected": "No.<|im_end|>",
    }  # fmt: skip
    assert whole["prompt"].startswith("<|im_start|>system\nYou are Juniper.<|im_end|>\n")


def test_a_beginning_that_the_tokenizer_writes_itself_is_not_written_twice(tmp_path: Path) -> None:
    (row,) = write(tmp_path, {"prompt": "Lunch?", "chosen": "Soup.", "rejected": "No."}, family="llama3")
    assert row["prompt"].startswith("<|start_header_id|>user")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "x", "chosen": "y"}, "row 2 of .*: no rejected beside a prompt"),
        ({"chosen": "y", "rejected": "z"}, "row 2 of .*: no chosen beside a prompt"),
        (
            {"prompt": "x", "chosen": "y", "rejected": "z " * 300},
            "row 2 of .* has .* tokens, more than sequence_len 128",
        ),
        ({"prompt": "x", "chosen": "<|im_end|>", "rejected": "z"}, "row 2 of .*: the control token"),
    ],
)
def test_a_row_that_is_no_pair_is_named(row: dict, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"train.preferences: {said}"):
        write(tmp_path, {"prompt": "a", "chosen": "b", "rejected": "c"}, row, sequence_len=128)


def test_a_file_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no pairs"):
        write(tmp_path)
