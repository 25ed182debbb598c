"""`specmill subset`: smaller corpora out of a made one."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from corpus.origin import Kind as What
    from corpus.select.balance import Balance as Balanced


class Balance(StrEnum):
    """What a subset is balanced over."""

    DOMAIN = "domain"
    GENRE = "genre"
    ASSERTION = "assertion"
    NONE = "none"


class Kind(StrEnum):
    """What a subset is taken of; the rest of the corpus stays."""

    DOCUMENTS = "documents"
    CHATS = "chats"


def subset(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder whose build has ended.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; with --tokens, the number is added to its name.")],
    tokens: Annotated[
        list[str] | None, typer.Option("--tokens", help="Size of a dose: 400k, 1.5M. Give it several times.")
    ] = None,
    chats: Annotated[
        list[int] | None, typer.Option("--chats", min=1, help="Size of a dose of chats: 1250. Give it several times.")
    ] = None,
    pair: Annotated[Path | None, typer.Option("--pair", help="Another workspace: write a balanced pair.")] = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Write chosen and rejected replies to --out, a .jsonl or .parquet file.")
    ] = False,
    rejects: Annotated[
        bool, typer.Option("--rejects", help="Write a pair: documents that were kept, and such as were turned down.")
    ] = False,
    reason: Annotated[
        list[str] | None, typer.Option("--reason", help="With --rejects: only those turned down for this; several.")
    ] = None,
    of: Annotated[Kind, typer.Option("--of", help="What a pair is balanced in.")] = Kind.DOCUMENTS,
    balance: Annotated[Balance, typer.Option(help="What is balanced.")] = Balance.DOMAIN,
    seed: Annotated[int, typer.Option(help="Chooses other documents.")] = 0,
) -> None:
    """Make smaller corpora out of a made one: doses of exact sizes, or a pair to compare.

    Doses are nested: each holds all of the smaller ones, and only its last document goes beyond the size. A pair has
    equal numbers of documents in each domain, and tokens within 0.5%. Each subset is a workspace of its own.

    Examples:

      specmill subset out/cheese --tokens 400k --tokens 1.5M --out doses/cheese

      specmill subset out/cheese --chats 1250 --chats 2500 --out doses/cheese

      specmill subset out/affordability --pair out/america --out paired

    --pairs writes preference data for other trainers, in TRL's form, out of what was made already: documents and their
    first drafts, chats that were kept and such that the judge turned down, replies with the spec and without.

      specmill subset out/cheese --pairs --out pairs.jsonl

    --rejects writes OUT/accepted and OUT/rejected, as many documents and tokens of either, so that what a filter or a
    judge is worth can be tested by training. The card of the rejected says that they are for nothing else.

      specmill subset out/cheese --rejects --reason judge_attributed --balance none --out worth
    """
    from corpus.select.subsets import folder_names
    from specs.errors import UserError

    if rejects and not (pair or tokens or chats or pairs):
        _rejected(workspace, out, reason or [], balance.value, seed)
    elif rejects or reason:
        raise UserError(
            "--rejects, with --reason, stands alone: give it without --tokens, --chats, --pair and --pairs."
        )
    elif pairs and not (pair or tokens or chats):
        _preferences(workspace, out)
    elif pairs:
        raise UserError("--pairs stands alone: give it without --tokens, --chats and --pair.")
    elif pair and not tokens and not chats:
        _pair(workspace, pair, out, balance.value, seed, of.value)
    elif bool(chats) != bool(tokens) and not pair:
        sizes = (
            folder_names(out, tokens)
            if tokens
            else {count: out.with_name(f"{out.name}-{count}") for count in chats or ()}
        )
        _doses(workspace, sizes, balance.value, seed, "documents" if tokens else "chats")
    else:
        raise UserError("give either --tokens or --chats, once for each dose, or --pair WORKSPACE, or --pairs.")


def _doses(root: Path, folders: dict[int, Path], balance: "Balanced", seed: int, kind: "What") -> None:
    from corpus.select.subsets import write_doses
    from corpus.workspace import Workspace

    for dose in write_doses(Workspace.open(root), folders, balance=balance, seed=seed, kind=kind):
        size = f"{len(dose.ids):,} {kind}" + (f", {dose.tokens:,} tokens" if kind == "documents" else "")
        _say(f"{folders[dose.target]}: {size}")


def _pair(root: Path, other: Path, out: Path, balance: "Balanced", seed: int, kind: "What") -> None:
    from corpus.select.subsets import pair_folders, write_pair
    from corpus.text import one_line
    from corpus.workspace import Workspace

    folders, sources = pair_folders(out, (root, other)), (Workspace.open(root), Workspace.open(other))
    done = write_pair(sources, folders, balance=balance, seed=seed, kind=kind)
    for folder, ids, size in zip(folders, (done.left, done.right), (done.left_tokens, done.right_tokens), strict=True):
        _say(f"{folder}: {len(ids):,} {kind}, {size:,} tokens")
    if done.left_out:
        names = ", ".join(one_line(name, 80) for name in done.left_out)
        _say(f"left out, as they cannot be balanced: {names}")


def _rejected(root: Path, out: Path, reasons: list[str], balance: "Balanced", seed: int) -> None:
    from corpus.select.subsets import write_rejected
    from corpus.workspace import Workspace

    done = write_rejected(Workspace.open(root), out, reasons=reasons, balance=balance, seed=seed)
    _say(f"{out / 'accepted'}: {len(done.left):,} documents, {done.left_tokens:,} tokens")
    _say(f"{out / 'rejected'}: {len(done.right):,} documents, {done.right_tokens:,} tokens")


def _preferences(root: Path, out: Path) -> None:
    from corpus.select.preferences import write_preferences
    from corpus.workspace import Workspace

    counts = write_preferences(Workspace.open(root), out)
    said = ", ".join(f"{count:,} of {source}" for source, count in counts.items() if count)
    _say(f"{out}: {sum(counts.values()):,} pairs ({said})")


def _say(text: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console().print(Text(text), soft_wrap=True)
