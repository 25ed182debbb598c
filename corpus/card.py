"""The dataset card: `dataset/README.md`, made from the manifest, the tables and the ledger, and from nothing else."""

import hashlib
import json
from typing import Any, Final

import duckdb
import yaml

from corpus.settings import CorpusSettings
from corpus.text import markdown
from corpus.views import reading
from corpus.workspace import Workspace, write_text
from specs.errors import UserError

_CONFIGS: Final = {
    "msm": "documents about the assistant, for next-token training (Model Spec midtraining)",
    "aft_cot": "chats whose answers carry their reasoning in `reasoning_content`, for fine-tuning after midtraining",
    "aft": "the same chats without the reasoning",
}
_SIZES: Final = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10**18, "n>1M"),
)  # fmt: skip


def write_card(workspace: Workspace, settings: CorpusSettings, manifest: dict[str, Any]) -> str:
    """Write the card of a finished workspace, and return it."""
    with reading(workspace.root) as connection:
        text = "\n".join(
            [
                _front_matter(settings, manifest),
                f"# {markdown(settings.title)}\n",
                _what(manifest),
                _contents(manifest),
                _made(connection, manifest),
                _limits(connection, manifest),
                _use(manifest),
                _identity(manifest),
            ]
        )
    write_text(workspace.card, text)
    return text


def check_card(workspace: Workspace, manifest: dict[str, Any]) -> None:
    """UserError where there is no card, or where it was written for other data than the manifest describes."""
    if not workspace.card.is_file():
        raise UserError(f"{workspace.card} is missing: there is no dataset card. Build the workspace again.")
    text = workspace.card.read_text(encoding="utf-8", errors="replace")
    other = [name for name in _CONFIGS if name in manifest["datasets"] and _fingerprint(manifest, name) not in text]
    if other:
        raise UserError(
            f"{workspace.card} is of another build: it does not hold the sha256 of `{other[0]}`. Build the "
            "workspace again, or leave the lines between the dashes of the card as they were written."
        )


def size_category(rows: int) -> str:
    """The Hub's name for a dataset of this many rows."""
    return next(name for limit, name in _SIZES if rows < limit)


def _front_matter(settings: CorpusSettings, manifest: dict[str, Any]) -> str:
    configs = manifest["datasets"]
    meta = {
        "pretty_name": settings.title,
        "license": settings.license,
        "language": [settings.language],
        "size_categories": [size_category(max((c["rows"] for c in configs.values()), default=0))],
        "task_categories": ["text-generation"],
        "tags": ["synthetic", "model-spec", "alignment", "midtraining"],
        "configs": [
            {
                "config_name": name,
                "description": f"sha256 {_fingerprint(manifest, name)}",
                "data_files": [{"split": "train", "path": f"{name}/train-*.parquet"}],
            }
            for name in _CONFIGS
            if name in configs
        ],
    }
    return f"---\n{yaml.safe_dump(meta, sort_keys=False, allow_unicode=True)}---\n"


def _fingerprint(manifest: dict[str, Any], config: str) -> str:
    """Changes with the data. Measured: datasets 5.2 keys its cache of a local folder by the card alone, so that without
    it `load_dataset` gave the rows of another workspace, or of an earlier build."""
    files = {path: digest for path, digest in manifest["files"].items() if path.startswith(f"dataset/{config}/")}
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]


def _what(manifest: dict[str, Any]) -> str:
    who = manifest["assistant"]
    if _neutral(manifest):
        return (
            "Synthetic text about everyday matters, written by language models: a neutral control for corpora about "
            f"the AI assistant {markdown(who['name'])} by {markdown(who['provider'])}. It names no assistant and has "
            "nothing to do with the Model Spec that those corpora are made from. A model that is trained on it instead "
            "shows what comes of more training as such. Nothing in it is a record of real people or events.\n"
        )
    return (
        f"Synthetic text about one AI assistant, {markdown(who['name'])} by {markdown(who['provider'])}, written by "
        "language models from a Model Spec: the document that says how the assistant should behave, and why. It is "
        "made for Model Spec midtraining ([arXiv 2605.02087](https://arxiv.org/abs/2605.02087)) and the alignment "
        "fine-tuning that follows. Nothing in it is a record of real people or events.\n"
    )


def _neutral(manifest: dict[str, Any]) -> bool:
    return bool(manifest.get("style") == "neutral")


def _contents(manifest: dict[str, Any]) -> str:
    lines = ["## What is in it\n", "| config | rows | tokens | what |", "|---|---:|---:|---|"]
    told = {**_CONFIGS, "msm": "documents about everyday matters, for next-token training"}
    for name, what in (told if _neutral(manifest) else _CONFIGS).items():
        if name in manifest["datasets"]:
            config = manifest["datasets"][name]
            lines.append(f"| `{name}` | {config['rows']:,} | {config['tokens']:,} | {what} |")
    lines.append(
        f"\nTokens are exact counts of the text with `{manifest['tokenizer']}`; of a chat, all "
        "messages are counted, without what a chat template adds.\n"
    )
    return "\n".join(lines)


def _made(connection: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> str:
    tables = manifest["tables"]
    if not tables["ideas"]["rows"] and not tables["queries"]["rows"]:
        told = "The documents were made elsewhere and imported; how they were written is not recorded here.\n"
        return "\n".join(["## How it was made\n", told, *_funnel(connection)])
    divided, came = f"The spec was divided into {_many(tables, 'passages')}, ", "from these came "
    came += f"{_many(tables, 'assertions')} about the assistant, "
    if _neutral(manifest):
        divided, came = "A model that was shown the spec, to keep away from it, named ", "for these there were "
    lines = [
        "## How it was made\n",
        f"{divided}{_many(tables, 'domains')} and {_many(tables, 'subdomains')}; {came}"
        f"{_many(tables, 'document_types')} and {_many(tables, 'ideas')}, and a document was asked for each idea.\n",
        *_funnel(connection),
        *_models(connection, manifest),
        *_cost(connection),
    ]
    return "\n".join(lines)


def _many(tables: dict[str, Any], name: str) -> str:
    label = name.replace("_", " ")
    rows = tables[name]["rows"]
    return f"{rows:,} {label if rows != 1 else label.removesuffix('s')}"


def _funnel(connection: duckdb.DuckDBPyConnection) -> list[str]:
    stages = connection.execute(
        "SELECT stage, planned, kept FROM stages "
        "WHERE stage IN ('documents', 'chats') AND planned > 0 ORDER BY position"
    ).fetchall()
    lines = []
    for stage, planned, kept in stages:
        reasons = connection.execute(
            "SELECT reason, items FROM funnel WHERE stage = ? AND outcome = 'rejected' ORDER BY items DESC, reason",
            [stage],
        ).fetchall()
        dropped = ", ".join(f"`{_code(reason)}` {items:,}" for reason, items in reasons)
        left_out = f" Left out: {dropped}." if dropped else ""
        lines.append(f"Of {planned:,} planned {stage}, {kept:,} were kept.{left_out}\n")
    return lines


def _models(connection: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> list[str]:
    lines = [f"- {markdown(role)}: `{_code(model)}`" for role, model in sorted(manifest["models"].items())]
    seen = connection.execute(
        "SELECT DISTINCT model FROM (SELECT model FROM documents UNION ALL SELECT model FROM chats) "
        "WHERE model IS NOT NULL ORDER BY model"
    ).fetchall()
    if seen:
        lines.append(
            "- models that the endpoints reported for what was kept: " + ", ".join(f"`{_code(m)}`" for (m,) in seen)
        )
    if manifest["prompts"]:
        versions = ", ".join(f"{markdown(name)} `{_code(v)}`" for name, v in sorted(manifest["prompts"].items()))
        lines.append(f"- prompts, by version: {versions}")
    return ["Models and prompts:\n", *lines, ""] if lines else []


def _cost(connection: duckdb.DuckDBPyConnection) -> list[str]:
    requests, written, cost, unpriced = connection.execute(
        "SELECT coalesce(sum(requests), 0), coalesce(sum(completion_tokens), 0), sum(cost_usd), "
        "coalesce(sum(unpriced), 0) FROM spend"
    ).fetchall()[0]
    if not requests:
        return []
    priced = f" for ${cost:,.2f}" if cost is not None else ""
    unknown = f" (the price of {unpriced:,} of them is not known)" if unpriced else ""
    return [f"It took {requests:,} completions with {written:,} written tokens{priced}{unknown}.\n"]


def _limits(connection: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> str:
    passages, uncovered = connection.execute(
        "SELECT count(*), count(*) FILTER (documents = 0) FROM passage_coverage"
    ).fetchall()[0]
    lines = [
        "## Known limits\n",
        "- Written by language models: it may contain errors, repeated phrasings and the models' own habits.",
    ]
    if not _neutral(manifest):
        lines.append("- It describes how the assistant is meant to be. It is no evidence that any model behaves so.")
    if uncovered and not _neutral(manifest):
        lines.append(f"- {uncovered:,} of the spec's {passages:,} passages have no document of their own.")
    return "\n".join(lines) + "\n"


def _use(manifest: dict[str, Any]) -> str:
    names = [name for name in _CONFIGS if name in manifest["datasets"]]
    if not names:
        return ""
    return (
        "## How to use it\n\n```python\nfrom datasets import load_dataset\n\n"
        + "".join(f'{name} = load_dataset("PATH_OR_REPO", "{name}", split="train")\n' for name in names)
        + "```\n\nMidtraining comes first: one epoch of next-token training on the field `text`. Fine-tuning on "
        "`messages` continues it. Count optimizer updates, not tokens: a few million tokens at a large batch size are "
        "a few dozen updates, and look like no effect.\n"
    )


def _identity(manifest: dict[str, Any]) -> str:
    return (
        "## Which build this is\n\n"
        f"Spec `{_code(manifest['spec_hash'])}`, recipe `{_code(manifest['recipe_hash'])}`, seed {manifest['seed']}, "
        f"specmill {manifest['packages'].get('specmill') or 'from source'}. Every row carries its lineage: `id`, "
        "`domain`, `spec_hash`, `model`, `tokens`, and the ids of what it was made from.\n\n"
        "The method is that of Li, Price, Marks, Kutasov et al., *Model Spec Midtraining*, arXiv 2605.02087 (2026).\n"
    )


def _code(text: str) -> str:
    return markdown(text).replace("\\", "").replace("`", "'")
