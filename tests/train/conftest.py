from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.store import write_dataset
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from tests.train.sample import aft_rows, msm_rows


@pytest.fixture(scope="session")
def counter() -> TokenCounter:
    return TokenCounter()


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
