"""A corpus that was made elsewhere, brought into a workspace and through the filters."""

from corpus.importing import import_documents
from corpus.rename import Renamer
from corpus.settings import ImportSettings
from corpus.workspace import Workspace
from pipelines.build import Build
from pipelines.decisions.refilter import refilter
from pipelines.run.reporter import Silent
from pipelines.settings import BuildSettings
from specs.errors import SpecmillError
from specs.reader import Spec


def import_corpus(
    workspace: Workspace,
    settings: BuildSettings,
    spec: Spec,
    source: str,
    fields: ImportSettings,
    *,
    filtered: bool = True,
    renamer: Renamer | None = None,
) -> None:
    """Fill a new workspace from `source`: passages of the spec, documents, dataset, manifest and card.

    With `renamer` they are moved to another assistant first. With `filtered` the documents go through the filters of
    the recipe. Stopped, it leaves a part: `workspace` is one
    that `new_workspace` gives.

    Raises:
        UserError: the source cannot be read or has no text, or the workspace has documents already.
        SpecmillError: no document passes the filters.
    """
    build = Build(workspace, settings, spec, Silent())
    build.write_spec()
    build.write_passages()
    import_documents(workspace, source, build.counter, spec.hash, fields, renamer)
    if not filtered:
        build.publishable()
        return
    try:
        refilter(build, apply=True)
    except SpecmillError as error:
        raise SpecmillError(f"{source}: {error} `--no-filter` brings them in as they are.") from error
