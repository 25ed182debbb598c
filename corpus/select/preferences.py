"""Preference data out of what was made already: chosen and rejected replies to one prompt, in TRL's form.

Nothing is asked. A pair is two replies to the same prompt of which a workspace knows the better one: a document and its
first draft; a chat that was kept and one that the judge turned down; a reply with the spec in the prompt and without.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.ids import content_id
from corpus.store import read_rows
from corpus.thoughts import without_thought
from corpus.workspace import Workspace, replacing
from specs.errors import UserError

SOURCES: Final = ("revision", "judged", "spec")
_MESSAGES: Final = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))
PAIRS: Final = pa.schema(
    [
        ("prompt", _MESSAGES),
        ("chosen", _MESSAGES),
        ("rejected", _MESSAGES),
        ("source", pa.string()),
        ("id", pa.string()),
    ]
)
"""TRL's `prompt`, `chosen` and `rejected` [DPOTrainer], with where a pair comes from."""
Row = dict[str, Any]


def write_preferences(workspace: Workspace, out: Path) -> dict[str, int]:
    """Write every pair of a workspace to `out` (.jsonl or .parquet); how many there are of each source.

    Raises:
        UserError: `out` has another ending or is there already, or there is no pair.
    """
    if out.suffix not in {".jsonl", ".parquet"}:
        raise UserError(f"--out {out}: pairs are written to a file; expected one that ends in .jsonl or .parquet.")
    if out.exists():
        raise UserError(f"{out} is there already; give another name.")
    rows = list({row["id"]: row for row in preference_rows(workspace)}.values())
    if not rows:
        raise UserError(
            f"{workspace.root} holds no two replies to one prompt: documents with `documents.revise`, chats of which "
            "the judge turned some down, or open questions asked with `specmill eval --anchors`."
        )
    with replacing(out) as beside:
        if out.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(rows, PAIRS), beside, compression="zstd")
        else:
            lines = (json.dumps(row, ensure_ascii=False) for row in rows)
            beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    counts = Counter(row["source"] for row in rows)
    return {source: counts[source] for source in SOURCES}


def preference_rows(workspace: Workspace) -> Iterator[Row]:
    """Every pair, in an order that does not change."""
    yield from _revisions(workspace)
    yield from _judged(workspace)
    yield from _with_spec(workspace)


def _pair(prompt: list[Row], chosen: str, rejected: str, source: str) -> Iterator[Row]:
    better, worse = chosen.strip(), rejected.strip()
    if better and worse and better != worse:
        yield {
            "prompt": prompt, "chosen": [{"role": "assistant", "content": better}],
            "rejected": [{"role": "assistant", "content": worse}], "source": source,
            "id": content_id("preferences", source, prompt, better, worse),
        }  # fmt: skip


def _revisions(workspace: Workspace) -> Iterator[Row]:
    """A kept document that was written anew, over its first version."""
    ideas = {row["id"]: row["idea"] for row in read_rows(workspace, "ideas", ["id", "idea"])}
    drafts = {row["document_id"]: row["text"] for row in read_rows(workspace, "drafts") if row["revised"]}
    for row in read_rows(workspace, "documents", ["id", "idea_id", "genre", "text"]):
        draft, idea = drafts.get(row["id"]), ideas.get(row["idea_id"])
        if draft and idea:
            task = f"Write this text. Its kind: {row['genre']}. What it is about: {idea}"
            yield from _pair([{"role": "user", "content": task}], row["text"], draft, "revision")


def _judged(workspace: Workspace) -> Iterator[Row]:
    """A chat that was kept, over one with the same turns before the last reply that a criterion turned down."""
    criteria = {row["criterion"] for row in read_rows(workspace, "verdicts", ["criterion"])}
    down: dict[str, list[str]] = {}
    for row in read_rows(workspace, "rejects", ["stage", "reason", "row"]):
        if row["stage"] == "chats" and row["row"] and row["reason"] in criteria:
            messages = json.loads(row["row"]).get("messages") or []
            if messages:
                down.setdefault(_turns(messages[:-1]), []).append(str(messages[-1]["content"]))
    for row in read_rows(workspace, "chats", ["messages"]):
        *before, last = row["messages"]
        for worse in down.get(_turns(before), []):
            yield from _pair(_plain(before), last["content"], worse, "judged")


def _turns(messages: list[Row]) -> str:
    return json.dumps(_plain(messages), sort_keys=True)


def _plain(messages: list[Row]) -> list[Row]:
    return [{"role": one["role"], "content": one["content"]} for one in messages]


def _with_spec(workspace: Workspace) -> Iterator[Row]:
    """A reply with the spec in its prompt over one of the same model without, where the judge has it higher."""
    replies: dict[tuple[str, int], dict[str, Row]] = {}
    columns = ["question_id", "question", "sample", "reply", "score", "arm"]
    for path in sorted(workspace.eval.glob("*.judged.parquet")):
        try:
            rows = pq.read_table(path, columns=columns).to_pylist()
        except (OSError, ValueError, pa.ArrowException) as error:
            raise UserError(f"cannot read the replies of a result in {path}: {error}.") from error
        for row in rows:
            if row["arm"] in {"base", "spec"} and row["score"] is not None:
                replies.setdefault((row["question_id"], row["sample"]), {})[row["arm"]] = row
    for _, arms in sorted(replies.items()):
        if len(arms) == 2 and arms["spec"]["score"] > arms["base"]["score"]:
            prompt = [{"role": "user", "content": arms["spec"]["question"]}]
            better, worse = (without_thought(arms[arm]["reply"] or "") for arm in ("spec", "base"))
            yield from _pair(prompt, better, worse, "spec")
