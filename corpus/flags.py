"""What the filters flagged in a workspace: the table `flags`, by item."""

from collections import defaultdict

from corpus.store import read_rows
from corpus.workspace import Workspace


def flags_by_item(workspace: Workspace, table: str) -> dict[str, list[str]]:
    """The names of the filters that flagged each item of a table which they let through, sorted."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in read_rows(workspace, "flags", ["item_table", "item_id", "filter"]):
        if row["item_table"] == table:
            found[row["item_id"]].append(row["filter"])
    return {item_id: sorted(names) for item_id, names in found.items()}
