"""Where a workspace comes from: built where it is, imported, or taken out of another one.

What was not built here cannot be built again here: there is no ledger, so that a build would pay for everything anew
and put other rows in the place of those that are there.
"""

from typing import Final, Literal

from corpus.store import read_rows
from corpus.workspace import Workspace
from specs.errors import UserError

Kind = Literal["documents", "chats"]
SUBSET_PARTS: Final[dict[Kind, str]] = {"documents": "subset-documents", "chats": "subset-chats"}
"""The part of `rejects` that only a subset has: what its source turned down, and what was left out of the subset."""


def is_subset(workspace: Workspace, *kinds: Kind) -> bool:
    """Whether it was taken out of another workspace; with `kinds`, whether it is a subset of one of those."""
    return any(workspace.table("rejects", SUBSET_PARTS[kind]).is_file() for kind in kinds or SUBSET_PARTS)


def is_imported(workspace: Workspace) -> bool:
    """Whether documents in it were made elsewhere: those have no idea that they were asked for by."""
    return any(row["idea_id"] is None for row in read_rows(workspace, "documents", ["idea_id"]))


def refuse_to_build(workspace: Workspace, *, chats_only: bool) -> None:
    """UserError where a build would replace what was not built here. Chats can be made beside imported documents."""
    if is_subset(workspace):
        raise UserError(
            f"{workspace.root} is a subset of another workspace: building here would pay for everything again, and "
            "replace it. Build in the workspace that it was taken from, and take the subset again."
        )
    if not chats_only and is_imported(workspace):
        raise UserError(
            f"{workspace.root} holds documents that were imported, and a build would replace them. Chats beside them: "
            "`specmill chat`. For a corpus of the recipe's own give another folder: --out."
        )
