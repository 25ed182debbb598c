"""A Ray cluster of two, started once, decides as one process does: files of documents, and a finished workspace."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpus.workspace import Workspace
from filters.run.many import check_parquet
from pipelines.build import Build
from pipelines.decisions.refilter import refilter
from specs.reader import read_spec
from tests.filters.run.test_parquet import ALL, CONTEXT, corpus, in_memory
from tests.pipelines.chat_tools import Told
from tests.pipelines.decisions.test_refilter import again, built

__all__ = ["built", "corpus"]  # fixtures
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def test_a_ray_cluster_of_two_keeps_the_same(corpus: list[Path]) -> None:
    settings = ALL.model_validate({**ALL.model_dump(), "executor": "ray", "cluster": {"tasks": 2}})
    assert check_parquet(corpus, settings, CONTEXT) == in_memory(corpus)


def test_a_ray_cluster_of_two_filters_a_workspace_again(
    built: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import filters.run.datatrove_executor as engine

    used: list[str] = []
    monkeypatch.setattr("filters.run.many._FEW", 3)
    monkeypatch.setattr("filters.run.many._PIECE", 2)
    chosen = engine.executor
    monkeypatch.setattr(engine, "executor", lambda *given: used.append(given[0].executor) or chosen(*given))
    here = again(built, "loose", "strict")
    workspace, recipe = Workspace(Path(shutil.copytree(built["loose"][0].root, tmp_path / "ws"))), built["strict"][1]
    filters = {**recipe.filters.model_dump(), "executor": "ray", "cluster": {"folder": str(tmp_path), "tasks": 2}}
    recipe = recipe.model_validate({**recipe.model_dump(), "filters": filters})
    there = refilter(Build(workspace, recipe, read_spec(recipe.spec, recipe.assistant), Told()), apply=True)
    assert used == ["ray"] and there == here and len(here.dropped) == 2
    assert workspace.table("documents").read_bytes() == built["strict"][0].table("documents").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["ws"], "nothing is left in the shared folder"
