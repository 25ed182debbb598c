"""A folder that `argilla.Dataset.from_disk` reads (Argilla 2): settings, dataset and records as JSON.

What judges and people said comes as suggestions of the question `decision`; the embeddings as vectors, by which Argilla
finds similar records.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from corpus.exporting.gathered import Gathered, Row, judged
from corpus.workspace import write_text

_TERMS: Final = ("domain", "subdomain", "genre", "frame", "status", "reason", "flags", "judged", "model")
_FLOATS: Final = ("projection_x", "projection_y")
_GUIDELINES: Final = (
    "Read the text beside what was asked for. `keep`: it may be trained on. `drop`: it may not; say why in the note."
)


def write(found: Gathered, folder: Path) -> list[Path]:
    """Write the three files; return them."""
    records = [_record(found, place, row) for place, row in enumerate(found.rows)]
    name = re.sub(r"[^a-z0-9_-]+", "-", f"{found.name}-{found.kind}".lower()).strip("-_") or "corpus"
    dataset = {"name": name[:200], "status": "draft", "guidelines": _GUIDELINES, "allow_extra_metadata": False}
    files = {".argilla/dataset.json": dataset, ".argilla/settings.json": _settings(found), "records.json": records}
    for place, value in files.items():
        write_text(folder / place, json.dumps(value, ensure_ascii=True, allow_nan=False) + "\n")
    return [folder / place for place in files]


def _settings(found: Gathered) -> dict[str, Any]:
    text = {"type": "text", "use_markdown": False}
    fields = [{"name": "title", "title": "Title", "required": False, "settings": text}]
    if found.kind == "chats":
        chat = {"type": "chat", "use_markdown": False}
        fields = [{"name": "messages", "title": "Chat", "required": True, "settings": chat}]
    else:
        fields.append({"name": "text", "title": "Text", "required": True, "settings": text})
        fields.append({"name": "asked", "title": "What was asked for", "required": False, "settings": text})
    options = [{"value": word, "text": word} for word in ("keep", "drop")]
    questions = [
        {
            "name": "decision", "title": "May it be trained on?", "required": True, "description": None,
            "settings": {"type": "label_selection", "options": options, "visible_options": None},
        },
        {"name": "note", "title": "Why", "required": False, "description": None, "settings": text},
    ]  # fmt: skip
    kinds = {**dict.fromkeys(_TERMS, "terms"), "tokens": "integer"}
    kinds |= dict.fromkeys(_FLOATS, "float") if found.places else {}
    metadata = [
        {
            "name": name, "title": name, "visible_for_annotators": True,
            "settings": {"type": kind, "visible_for_annotators": True},
        }
        for name, kind in kinds.items()
    ]  # fmt: skip
    size = found.places.vectors.shape[1] if found.places else 0
    return {
        "guidelines": _GUIDELINES, "fields": fields, "questions": questions, "metadata": metadata,
        "vectors": [{"name": "embedding", "title": "embedding", "dimensions": size}] if size else [],
        "allow_extra_metadata": False, "distribution": {"strategy": "overlap", "min_submitted": 1}, "mapping": None,
    }  # fmt: skip


def _record(found: Gathered, place: int, row: Row) -> dict[str, Any]:
    said = {**row, "judged": judged(row)}
    metadata = {name: said[name] for name in (*_TERMS, "tokens") if said[name] not in (None, "", [])}
    vectors = {}
    if found.places:
        metadata |= {name: float(value) for name, value in zip(_FLOATS, found.places.xy[place], strict=True)}
        vectors = {"embedding": [round(float(value), 6) for value in found.places.vectors[place]]}
    return {
        "id": row["id"], "fields": _fields(found, row), "metadata": metadata, "suggestions": _suggestions(row),
        "responses": {}, "vectors": vectors,
    }  # fmt: skip


def _fields(found: Gathered, row: Row) -> dict[str, Any]:
    if found.kind == "documents":
        fields = {"title": row["title"], "text": row["text"], "asked": row["asked"]}
        return {name: value for name, value in fields.items() if value}
    messages = json.loads(row["messages"]) if row["messages"] else _turns(row)
    return {"messages": [{"role": one["role"], "content": _content(one)} for one in messages]}


def _content(message: dict[str, Any]) -> str:
    """Argilla's chats have no place for reasoning."""
    thought = message.get("reasoning_content")
    return f"[reasoning] {thought}\n\n{message['content']}" if thought else str(message["content"] or "")


def _turns(row: Row) -> list[dict[str, Any]]:
    asked = [{"role": "user", "content": row["asked"]}] if row["asked"] else []
    return [*asked, {"role": "assistant", "content": row["text"]}]


def _suggestions(row: Row) -> dict[str, Any]:
    """A person's word before a judge's, a judge's before the filters'."""
    if row["mark"] in {"keep", "drop"}:
        value, agent = row["mark"], row["marked_by"]
    elif row["verdicts"]:
        value, agent = "keep" if judged(row) == "pass" else "drop", "judge"
    elif row["status"] == "rejected":
        value, agent = "drop", row["reason"]
    else:
        return {}
    found = {"decision": {"value": value, "agent": agent, "score": None}}
    if row["note"]:
        found["note"] = {"value": row["note"], "agent": row["marked_by"], "score": None}
    return found
