"""The parts of the dataset card that say how the corpus was made, by whom, at what cost, and how it measures."""

from typing import Any

import duckdb

from corpus.report.figures import health_figures
from corpus.report.health import health
from corpus.text import code, markdown

Connection = duckdb.DuckDBPyConnection


def made(connection: Connection, manifest: dict[str, Any]) -> str:
    """How it was made: the plan, what became of it, what judges said, who was asked, what it cost."""
    lines = [
        "## How it was made\n",
        *_plan(connection, manifest),
        *_writing(connection),
        *_funnel(connection),
        *_flags(connection),
        *_verdicts(connection),
        *_marks(connection),
        *_models(connection, manifest),
        *_cost(connection),
    ]
    return "\n".join(lines)


def measured(connection: Connection) -> str:
    """The health figures that follow from the tables and the ledger; those of texts are in the report."""
    known = [row for row in health(health_figures(connection), []) if row["value"] is not None]
    if not known:
        return ""
    lines = [
        "## Health\n",
        "Figures of the tables and the ledger. What is expected comes from reports on corpora that worked, or is a "
        "rule of thumb: a hypothesis, not a gate.\n",
        "| figure | here | expected |",
        "|---|---:|---:|",
        *(f"| {row['name']} | {_figure(row, row['value'])} | {_band(row)} |" for row in known),
    ]
    return "\n".join(lines) + "\n"


def imported(connection: Connection) -> bool:
    """Whether the documents were made elsewhere: those that are made here each have their idea."""
    found = connection.execute("SELECT count(*), count(idea_id) FROM documents").fetchall()[0]
    return bool(found[0] and not found[1])


def neutral(manifest: dict[str, Any]) -> bool:
    """Whether it is a control corpus that has nothing to do with the spec."""
    return bool(manifest["style"] == "neutral")


def _plan(connection: Connection, manifest: dict[str, Any]) -> list[str]:
    """From the spec to the documents and chats that were asked for."""
    tables, lines = manifest["tables"], []
    elsewhere = imported(connection)
    if elsewhere:
        lines.append("The documents were made elsewhere and imported; how they were written is not recorded here.\n")
    if tables["subdomains"]["rows"] and (tables["ideas"]["rows"] or tables["queries"]["rows"]):
        came = [_many(tables, name) for name in ("document_types", "ideas") if tables[name]["rows"] and not elsewhere]
        if not neutral(manifest):
            came = [f"{_many(tables, 'assertions')} about the assistant", *came]
        whence = f"The spec was divided into {_many(tables, 'passages')}, "
        if neutral(manifest):
            whence = "A model that was shown the spec, to keep away from it, named "
        asked = _asked(connection) if tables["ideas"]["rows"] and not elsewhere else ""
        lines.append(
            f"{whence}{_many(tables, 'domains')} and {_many(tables, 'subdomains')}; "
            f"for these there were {_listed(came)}{asked}.\n"
        )
    lines += _disagreement(connection)
    if tables["queries"]["rows"]:
        lines.append(
            f"For the chats there were {_many(tables, 'queries')}, as users might write them, and each was answered.\n"
        )
    return lines


def _disagreement(connection: Connection) -> list[str]:
    """In how many of what was asked for, and of what stays, somebody disagrees with the assistant."""
    asked, argued = connection.execute("SELECT count(*), count(*) FILTER (disagreement) FROM ideas").fetchall()[0]
    kept, stay = connection.execute("SELECT count(*), count(*) FILTER (disagreement) FROM documents").fetchall()[0]
    if not argued and not stay:
        return []
    planned = f"In {argued:,} of {asked:,} ideas" if argued else "In some documents"
    return [
        f"{planned} people disagree with what the assistant holds, and it holds to it for its reasons; of the "
        f"{kept:,} documents that were kept {stay:,} are such (the column `disagreement`).\n"
    ]


def _asked(connection: Connection) -> str:
    """For how many of the ideas a document was asked: a limit or a target leaves some for later."""
    [(kept, rejected, pending)] = connection.execute(
        "SELECT kept, rejected, pending FROM stages WHERE stage = 'documents'"
    ).fetchall()
    return f", and a document was asked for {'each idea' if not pending else f'{kept + rejected:,} of the ideas'}"


def _writing(connection: Connection) -> list[str]:
    """What came before the documents, where they were planned or rewritten."""
    planned, criticised, revised = connection.execute(
        "SELECT count(plan_request_id), count(critique_request_id), count(*) FILTER (revised) FROM drafts"
    ).fetchall()[0]
    told = []
    if planned:
        told.append(f"{planned:,} documents were planned in a request of their own before they were written.")
    if criticised:
        told.append(f"{criticised:,} documents were criticised, and {revised:,} of them rewritten.")
    return [" ".join(told) + "\n"] if told else []


def _funnel(connection: Connection) -> list[str]:
    stages = connection.execute(
        "SELECT stage, kept + rejected, kept FROM stages "
        "WHERE stage IN ('documents', 'chats') AND kept + rejected > 0 ORDER BY position"
    ).fetchall()
    lines = []
    for stage, made, kept in stages:
        reasons = connection.execute(
            "SELECT reason, count(*) AS items FROM rejects WHERE stage = ? GROUP BY reason ORDER BY items DESC, reason",
            [stage],
        ).fetchall()
        dropped = ", ".join(f"`{code(reason)}` {items:,}" for reason, items in reasons)
        left_out = f" Left out: {dropped}." if dropped else ""
        said = "imported" if stage == "documents" and imported(connection) else "made"
        lines.append(f"Of {made:,} {stage} that were {said}, {kept:,} were kept.{left_out}\n")
    return lines


def _flags(connection: Connection) -> list[str]:
    """What filters found in documents and chats that stay."""
    lines = []
    for stage in ("documents", "chats"):
        rows = connection.execute(
            "SELECT filter, items FROM flag_counts WHERE stage = ? ORDER BY items DESC, filter", [stage]
        ).fetchall()
        if rows:
            said = ", ".join(f"`{code(name)}` {items:,}" for name, items in rows)
            told = "the column `flags` names the filters of each row"
            lines.append(f"Filters that may be wrong flagged {stage} and left them in ({told}): {said}.\n")
    return lines


def _verdicts(connection: Connection) -> list[str]:
    """What judges said of documents and chats, whether it was carried out or not."""
    lines = []
    for table in ("documents", "chats"):
        rows = connection.execute(
            "SELECT criterion, count(*) FILTER (verdict = 'pass'), count(*) FROM verdicts WHERE item_table = ? "
            "GROUP BY criterion ORDER BY criterion",
            [table],
        ).fetchall()
        said = ", ".join(f"`{code(criterion)}` {passed:,} of {items:,}" for criterion, passed, items in rows)
        lines += [f"A model judged {table} by criteria; so many clearly passed: {said}.\n"] if said else []
    return lines


def _marks(connection: Connection) -> list[str]:
    """What people marked, who are named in the table `marks` alone."""
    people, items, keep, drop = connection.execute(
        "SELECT count(DISTINCT marked_by), count(DISTINCT item_id), count(DISTINCT item_id) FILTER (mark = 'keep'), "
        "count(DISTINCT item_id) FILTER (mark = 'drop') FROM marks"
    ).fetchall()[0]
    if not items:
        return []
    who, what = "person" if people == 1 else "people", "document" if items == 1 else "documents"
    stay = f"{keep:,} {'stays' if keep == 1 else 'stay'} on their word, whatever filters and judges say"
    return [f"{people:,} {who} read {items:,} {what} and marked them: {stay}, and {drop:,} went.\n"]


def _models(connection: Connection, manifest: dict[str, Any]) -> list[str]:
    lines = [f"- {markdown(role)}: `{code(model)}`" for role, model in sorted(manifest["models"].items())]
    for model, license_ in sorted(manifest["licenses"].items()):
        lines.append(f"- licence of `{code(model)}`: {markdown(license_) if license_ else 'not known'}")
    seen = connection.execute(
        "SELECT DISTINCT model FROM (SELECT model FROM documents UNION ALL SELECT model FROM chats) "
        "WHERE model <> '' ORDER BY model"
    ).fetchall()
    if seen:
        who = "the imported rows name" if imported(connection) else "the endpoints reported for what was kept"
        lines.append(f"- models that {who}: " + ", ".join(f"`{code(model)}`" for (model,) in seen))
    if manifest["prompts"]:
        versions = ", ".join(f"{markdown(name)} `{code(v)}`" for name, v in sorted(manifest["prompts"].items()))
        lines.append(f"- prompts, by version: {versions}")
    return ["Models and prompts:\n", *lines, ""] if lines else []


def _cost(connection: Connection) -> list[str]:
    """Of the stages that make a corpus: evaluations and audits of it are in the same ledger."""
    requests, written, cost, unpriced = connection.execute(
        "SELECT coalesce(sum(requests), 0), coalesce(sum(completion_tokens), 0), sum(cost_usd), "
        "coalesce(sum(unpriced), 0) FROM spend WHERE serves IS NOT NULL"
    ).fetchall()[0]
    if not requests:
        return []
    priced = f" for ${cost:,.2f}" if cost is not None else ""
    unknown = f" (the price of {unpriced:,} of them is not known)" if unpriced else ""
    began = "What was added to it here" if imported(connection) else "It"
    return [f"{began} took {requests:,} completions with {written:,} written tokens{priced}{unknown}.\n"]


def _many(tables: dict[str, Any], name: str) -> str:
    rows, label = tables[name]["rows"], name.replace("_", " ")
    one = {"queries": "query"}.get(name, label.removesuffix("s"))
    return f"{rows:,} {label if rows != 1 else one}"


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _figure(row: dict[str, Any], value: float) -> str:
    return {"share": f"{value:.0%}", "usd": f"${value:,.2f}"}.get(row["unit"], f"{value:.2f}")


def _band(row: dict[str, Any]) -> str:
    low, high = (None if row[end] is None else _figure(row, row[end]) for end in ("low", "high"))
    if low and high:
        return f"{low} to {high}"
    return f"at least {low}" if low else f"at most {high}" if high else "-"
