"""For all tests."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from specs.plugins import forget
from tests.plugins import found

# One thread for torch, NumPy and Arrow, and for tokenizers and Polars, here and in what tests start. There are more
# tests at once than cores: with a thread a core, most of their time went into waiting for one another, awake.
for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(name, "1")
gc.disable()  # until all is imported

LONGEST = (
    "pipelines/engine/test_suspects.py", "pipelines/decisions/test_ray.py", "train/test_trl.py", "e2e/test_build.py",
    "eval/tasks/test_provider.py", "specmill/experiment/test_whole.py", "pipelines/local/test_serve.py",
    "corpus/publish/test_hub.py", "pipelines/chats/test_rounds.py", "pipelines/engine/test_kills.py",
    "pipelines/engine/test_errors.py", "pipelines/decisions/test_refilter.py", "filters/document/test_hostile.py",
    "pipelines/judging/test_documents.py", "filters/document/test_properties.py", "filters/run/test_parquet.py",
    "corpus/report/test_reader.py", "e2e/test_claude.py", "e2e/test_chat.py", "e2e/test_card.py",
)  # fmt: skip
"""Files that take longest, by the clock: they begin first, so that no worker has one left when the others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first (`--no-loadscope-reorder` keeps this order)."""
    files: dict[str, list[pytest.Item]] = {name: [] for name in LONGEST}
    here = Path(__file__).parent
    for item in items:
        files.setdefault(item.path.relative_to(here).as_posix(), []).append(item)
    items[:] = [item for tests in files.values() for item in tests]


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not look at it again and again, and seldom, as in the program."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    gc.enable()


def pytest_unconfigure() -> None:
    """Modules that look for leaks as Python ends find none."""
    gc.unfreeze()


def pytest_configure() -> None:
    """A suite that a shell runs in the background inherits that Ctrl-C is ignored, and so would what the tests stop."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _fresh_plugins() -> Iterator[None]:
    """What a test installs is gone with it; what is installed for good is looked for once."""
    yield
    if found:
        found.clear()
        forget()
