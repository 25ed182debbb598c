"""`specmill subset`: smaller corpora out of a made one."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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
        list[int] | None, typer.Option("--chats", help="Size of a dose of chats: 1250. Give it several times.")
    ] = None,
    pair: Annotated[Path | None, typer.Option("--pair", help="Another workspace: write a balanced pair.")] = None,
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
    """
    from rich.console import Console
    from rich.text import Text

    from corpus.subsets import folder_names, write_doses, write_pair
    from corpus.workspace import Workspace
    from specs.errors import UserError

    console, source = Console(), Workspace.open(workspace)
    if pair and not tokens and not chats:
        other = Workspace.open(pair)
        folders = (out / workspace.resolve().name, out / pair.resolve().name)
        done = write_pair((source, other), folders, balance=balance.value, seed=seed, kind=of.value)
        for folder, ids, size in zip(
            folders, (done.left, done.right), (done.left_tokens, done.right_tokens), strict=True
        ):
            console.print(Text(f"{folder}: {len(ids):,} {of.value}, {size:,} tokens"), soft_wrap=True)
        if done.left_out:
            console.print(Text(f"left out, as they cannot be balanced: {', '.join(done.left_out)}"), soft_wrap=True)
    elif chats and not pair and not tokens:
        numbered = {count: out.with_name(f"{out.name}-{count}") for count in chats}
        for dose in write_doses(source, numbered, balance=balance.value, seed=seed, kind="chats"):
            console.print(Text(f"{numbered[dose.target]}: {len(dose.ids):,} chats"), soft_wrap=True)
    elif tokens and not pair and not chats:
        folders_of = folder_names(out, tokens)
        for dose in write_doses(source, folders_of, balance=balance.value, seed=seed):
            made = f"{folders_of[dose.target]}: {len(dose.ids):,} documents, {dose.tokens:,} tokens"
            console.print(Text(made), soft_wrap=True)
    else:
        raise UserError("give either --tokens or --chats, once for each dose, or --pair WORKSPACE.")
