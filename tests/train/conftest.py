from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus.store import write_dataset
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from tests.train.sample import aft_rows, msm_rows
from tests.train.standins import make_tokenizer
from train.settings import TrainSettings


@pytest.fixture(scope="session")
def counter() -> TokenCounter:
    return TokenCounter()


@pytest.fixture(scope="session")
def base_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the tokenizer of a base model of the Qwen2.5 family, and no weights."""
    return str(make_tokenizer(tmp_path_factory.mktemp("base"), "qwen2.5", instruct=False))


@pytest.fixture
def settings(base_model: str) -> Callable[..., TrainSettings]:
    """Settings with a base model whose tokenizer is there."""

    def make(**values: Any) -> TrainSettings:
        return TrainSettings.model_validate({"base_model": base_model} | values)

    return make


@pytest.fixture
def make_workspace(tmp_path: Path, counter: TokenCounter) -> Callable[..., Workspace]:
    """A workspace with `documents` documents and `chats` chats; none of a config where the number is 0."""

    def make(documents: int = 60, chats: int = 40) -> Workspace:
        workspace = Workspace(tmp_path / "ws").create()
        if documents:
            write_dataset(workspace, "msm", msm_rows(documents, counter))
        if chats:
            write_dataset(workspace, "aft_cot", aft_rows(chats, counter, reasoned=True))
            write_dataset(workspace, "aft", aft_rows(chats, counter, reasoned=False))
        return workspace

    return make
