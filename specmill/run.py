"""What the verbs that ask models share: the embedded model while it is needed, the lock, the progress, the end."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from corpus.workspace import Workspace
from specmill.progress import Progress
from specmill.recipe import Recipe, save_recipe


def console() -> Console:
    """Where the verbs write for people; results go to standard output, progress to standard error."""
    return Console(stderr=True, highlight=False)


@contextmanager
def endpoints_up(recipe: Recipe, progress: Console) -> Iterator[Recipe]:
    """The recipe with an address for every embedded model that it names, each served while the context lasts."""
    from pipelines.embedded import running

    served: dict[str, str] = {}
    with ExitStack() as stack:
        endpoints = dict(recipe.endpoints)
        for name, endpoint in endpoints.items():
            if endpoint.embedded:
                if endpoint.embedded not in served:
                    progress.print(Text(f"starting the embedded model {endpoint.embedded} ..."))
                    served[endpoint.embedded] = stack.enter_context(running(endpoint.embedded))
                endpoints[name] = endpoint.served_at(served[endpoint.embedded])
        yield recipe.model_copy(update={"endpoints": endpoints})


def build_workspace(recipe: Recipe, base: Path, out: Path) -> Workspace:
    """Build, or go on building, the corpus of `recipe` in `out`."""
    spec = recipe.read_spec(base)
    workspace = Workspace(out).create()
    progress = console()
    with workspace.lock():
        save_recipe(recipe, workspace)
        with endpoints_up(recipe, progress) as served:
            from pipelines.build import Build
            from pipelines.ledger import Ledger

            with Ledger(workspace.ledger) as ledger:
                ledger.start_run()
                with Progress(progress, ledger) as shown:
                    Build(workspace, served, spec, shown).run()
    progress.print(Text(f"done: {workspace.root}. Look at it with: specmill show {workspace.root}"))
    return workspace
