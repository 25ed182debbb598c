"""A package that the settings ask for and that is not installed."""

import sys

import pytest

from filters.base import Item
from filters.run.many import check_many
from filters.settings import FilterSettings
from filters.text.embeddings import embedder
from filters.text.needs import raise_if_missing
from specs.errors import UserError
from tests.filters.samples import CONTEXT


@pytest.mark.parametrize(
    ("package", "settings", "says"),
    [
        ("sentence_transformers", {}, r"filters\.semantic\.embedder: .*specmill\[filters\].*embedder: static"),
        ("ray", {"executor": "ray"}, r"filters\.executor: ray.*specmill\[cluster\].*executor: local"),
        ("datatrove", {"executor": "slurm"}, r"filters\.executor: slurm.*specmill\[filters\]"),
        (
            "sentence_transformers",
            {"semantic": {"embedder": "static", "document_embedder": "some/model"}},
            r"filters\.semantic\.document_embedder: some/model.*document_embedder: static",
        ),
    ],
)
def test_is_named_with_its_extra_and_the_way_around(
    package: str, settings: dict[str, object], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = FilterSettings.model_validate(settings)
    raise_if_missing(chosen)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=says):
        raise_if_missing(chosen)


@pytest.mark.parametrize("settings", [{"semantic": {"embedder": "static"}}, {"semantic": {"action": "off"}}])
def test_the_core_needs_none(settings: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("sentence_transformers", "datatrove", "ray"):
        monkeypatch.setitem(sys.modules, package, None)
    raise_if_missing(FilterSettings.model_validate(settings))
    assert embedder("static")(["a text of words", "another"]).shape[0] == 2


def test_the_clusters_folder_is_looked_for() -> None:
    settings = FilterSettings.model_validate({"executor": "ray", "cluster": {"folder": "/no/such/folder"}})
    with pytest.raises(UserError, match=r"filters\.cluster\.folder: /no/such/folder is no folder"):
        raise_if_missing(settings)
    with pytest.raises(UserError, match=r"filters\.cluster\.folder"):
        check_many([Item(f"{n}", "a text") for n in range(1_000)], settings, CONTEXT)
