"""A corpus that was made elsewhere, brought into a workspace and through the filters."""

from collections.abc import Iterator, Mapping

from corpus.importing import Fields, import_documents
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from filters.base import Item
from filters.decide import check_documents
from pipelines.base import Row, rejected
from pipelines.build import Build
from pipelines.settings import BuildSettings
from specs.errors import SpecmillError
from specs.reader import Spec


class _Silent:
    """The reporter of a run that asks no model."""

    def stage(self, planned: Mapping[str, int]) -> None:
        """Nothing to say."""

    def say(self, text: str) -> None:
        """Nothing to say."""


def import_corpus(
    workspace: Workspace, settings: BuildSettings, spec: Spec, source: str, fields: Fields, *, filtered: bool = True
) -> None:
    """Fill a new workspace from `source`: passages of the spec, documents, dataset, manifest and card.

    With `filtered` the documents go through the filters of the recipe. The caller holds the workspace's lock.

    Raises:
        UserError: the source cannot be read or has no text, or the workspace has documents already.
        SpecmillError: no document passes the filters.
    """
    build = Build(workspace, settings, spec, _Silent())
    build.write_passages()
    import_documents(workspace, source, build.counter, spec.hash, fields)
    if filtered:
        _filter(build)
    build.publishable()


def _filter(build: Build) -> None:
    kept, rejections = check_documents(_items(build), build.settings.filters, build.context())
    staying, going = set(kept), {rejection.item_id: rejection for rejection in rejections}
    rows = read_rows(build.workspace, "documents")
    dropped = (rejected("documents", going[row["id"]], row, row["text"]) for row in rows if row["id"] in going)
    write_table(build.workspace, "rejects", dropped, part="documents")
    rows = (row for row in read_rows(build.workspace, "documents") if row["id"] in staying)
    if not write_table(build.workspace, "documents", rows):
        raise SpecmillError("none of the imported documents passed the filters; `specmill show` lists why.")


def _items(build: Build) -> Iterator[Item]:
    for position, row in enumerate(read_rows(build.workspace, "documents")):
        yield _item(row, position)


def _item(row: Row, position: int) -> Item:
    meta = {"position": position, "title": row["title"]}
    return Item(row["id"], row["text"], frame=row["frame"] or "insider", genre=row["genre"], meta=meta)
