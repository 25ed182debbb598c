"""The workspace: one folder a corpus, self-contained, movable, safe to copy (design/contracts.md, 2).

recipe.yaml            the resolved recipe
ledger.sqlite          every completion, committed before anything uses it
tables/<t>/*.parquet   lineage and rejects
dataset/<c>/*.parquet  what is published, and README.md, its card
sources/               existing chats that are rewritten, a tokenizer's file, each named by its content
train/<arm>-seed<k>/   samples as they are trained on, a trainer's files, what was trained
audit/                 what too many documents share
questions/             question sets made of the spec, and how they came about
report/                the page for people
exports/               documents in the forms of other tools
finished.json          what a build that ended well was made of, and what it made
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from specs.errors import UserError, WorkspaceBusyError

RESOLVED: Final = "# The resolved recipe of this workspace"
"""How a recipe begins that was written into a workspace, by which it is told from one that a person wrote."""

_LOCK: Final = ".lock"
_FILLING: Final = ".filling"  # in a folder that is to become a workspace, and is none yet


class Workspace:
    """Paths of one workspace. Making one touches no file; `create` does."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self.recipe = self.root / "recipe.yaml"
        self.ledger = self.root / "ledger.sqlite"
        self.tables = self.root / "tables"
        self.dataset = self.root / "dataset"
        self.card = self.dataset / "README.md"
        self.manifest = self.root / "manifest.json"
        self.sources = self.root / "sources"
        self.train = self.root / "train"
        self.eval = self.root / "eval"
        self.questions = self.root / "questions"
        self.audit = self.root / "audit"
        self.report = self.root / "report"
        self.exports = self.root / "exports"
        self.log = self.root / "log.txt"
        self.finished = self.root / "finished.json"

    def create(self) -> "Workspace":
        """Make the folder; UserError if a file is in its place or it cannot be written."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make the workspace {self.root}: {error.strerror}") from error
        return self

    @classmethod
    def open(cls, root: str | os.PathLike[str]) -> "Workspace":
        """An existing workspace; UserError with what to do if there is none at `root`."""
        workspace = cls(root)
        if not workspace.recipe.is_file():
            raise UserError(
                f"{workspace.root} is not a workspace: it has no recipe.yaml. "
                "Make one with `specmill build RECIPE --out FOLDER`."
            )
        return workspace

    def table(self, name: str, part: str = "part-00000") -> Path:
        """One Parquet file of a table. Most have one part; `rejects` has one for each stage, named after it."""
        return self.tables / name / f"{part}.parquet"

    def parts(self, name: str) -> list[Path]:
        """The Parquet files of a table that are there, in order."""
        return sorted((self.tables / name).glob("*.parquet"))

    def shards(self, config: str) -> list[Path]:
        """The Parquet files of a config of the dataset, in order; none if it has not been made."""
        return sorted((self.dataset / config).glob("train-*-of-*.parquet"))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the workspace for one run; WorkspaceBusyError at once if another run holds it.

        The lock is the kernel's (`flock`), so it ends with its process however that ends.
        """

        def busy(owner: str) -> Exception:
            return WorkspaceBusyError(
                f"another run (process {owner}) is using {self.root}. Wait for it, or give this run its own --out."
            )

        with held(self.root / _LOCK, busy) as lock:
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield


@contextmanager
def held(place: Path, busy: Callable[[str], Exception]) -> Iterator[IO[str]]:
    """Hold a lock file by the kernel (`flock`), and yield it to be written who holds it; raises `busy(who)` at once
    where another process does."""
    with place.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            raise busy(handle.read().strip() or "unknown") from error
        yield handle


def refuse_other_files(root: str | os.PathLike[str]) -> None:
    """UserError where `root` is a folder of something else: a corpus is not built among other files.

    A workspace has a recipe or a ledger; a run that was killed before it had either leaves only names of a workspace.
    A recipe that a person wrote, and that lies where nothing was made yet, is not one: a build puts its own there.
    """
    workspace = Workspace(root)
    if not workspace.root.is_dir():
        return
    if workspace.recipe.exists() and not workspace.tables.exists() and not _is_resolved(workspace.recipe):
        raise UserError(
            f"{workspace.root} is no workspace: the recipe.yaml in it is one that you wrote, and would be replaced. "
            f"Give a folder of its own: specmill build {workspace.recipe} --out {workspace.root / 'out' / 'mine'}"
        )
    if workspace.recipe.exists() or workspace.ledger.exists():
        return
    names = {path.name for path in vars(workspace).values()} | {"spec.md", _LOCK, _FILLING}
    others = sorted(path.name for path in workspace.root.iterdir() if path.name not in names)
    if others:
        raise UserError(
            f"{workspace.root} has other files in it, such as {others[0]}, and is no workspace. Give a new folder: "
            f"--out {workspace.root / 'corpus'}, for instance."
        )


def _is_resolved(recipe: Path) -> bool:
    """Whether a recipe is what a build writes into its workspace."""
    with recipe.open("rb") as file:
        return file.read(len(RESOLVED)) == RESOLVED.encode()


@contextmanager
def new_workspace(root: str | os.PathLike[str]) -> Iterator[Workspace]:
    """Yield a locked workspace to fill, inside of `root`; what is in it becomes the workspace `root` on success.

    A failure leaves nothing. A run that was killed leaves a folder that is no workspace, and that the next one empties.

    Raises:
        UserError: there is something in `root`, or it cannot be made.
        WorkspaceBusyError: another run is filling it.
    """
    place = Workspace(root)
    new = not place.root.exists()
    if not new and (place.root.is_file() or any(path.name != _FILLING for path in place.root.iterdir())):
        raise UserError(f"{place.root} is not empty. Give a new folder.")
    inside = Workspace(place.create().root / _FILLING).create()
    with inside.lock():
        try:
            _empty(inside.root)
            yield inside
            # The recipe comes last: without one the folder is no workspace, wherever this is killed.
            for path in sorted(inside.root.iterdir(), key=lambda path: path.name == inside.recipe.name):
                path.rename(place.root / path.name)
        finally:
            shutil.rmtree(inside.root, ignore_errors=True)
            if new and not any(place.root.iterdir()):
                place.root.rmdir()


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; renamed over it on success, removed on failure.

    A crash leaves the old file or the new one, never half of one (design/contracts.md, 2).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o644)
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")
