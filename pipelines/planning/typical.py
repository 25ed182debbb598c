"""Rows and texts of typical length, with which prompts are rendered before anything is spent."""

from typing import Any

Row = dict[str, Any]

_OF_PLAN = ("assertion", "reason", "other_reason")
TYPICAL = (
    "a remark at the counter of a small shop, and what the clerk who heard it made of it when the question of the "
    "reason came up again in the evening between two people who do not agree on much"
)
OTHER = (
    "the minutes of a meeting in which nobody wanted to speak first, though everybody had come with a complaint " * 2
)


def typical_text(words: float) -> str:
    """A text of about so many words."""
    return TYPICAL * max(1, round(words / len(TYPICAL.split())))


def differently(row: Row) -> Row:
    """The same values, which begin otherwise."""
    return {
        name: [OTHER + one for one in value] if isinstance(value, list) else OTHER + value
        for name, value in row.items()
    }


def row_of(template: str, words: str) -> Row:
    """Values of typical length for the part of a prompt that differs from row to row."""
    domain = {"name": "name of a domain", "summary": TYPICAL}
    subdomain = {"name": "name of a subdomain", "summary": TYPICAL * 2, "rule_id": "R1"}
    assertion = {"assertion": TYPICAL, "explanation": TYPICAL}
    kind = {"name": "internal memo", "description": TYPICAL, "frame": "lay"}
    task = {
        "subdomain": subdomain,
        "assertions": [assertion] * 6,
        "document_type": kind,
        "idea": {"idea": words * 2, "position": 0, "disagreement": False},
        "given": {"idea": words * 2, "opening": words, "outcome": words, **dict.fromkeys(_OF_PLAN, TYPICAL)},
    }
    last: dict[str, Row] = {
        "subdomains": {"domain": {**domain, "name": words}},
        "rules": {"domain": {**domain, "name": words}},
        "assertions": {"subdomain": {**subdomain, "name": words}},
        "document_types": {"subdomain": {**subdomain, "name": words}},
        "ideas": {"subdomain": subdomain, "assertions": [assertion] * 6, "document_type": {**kind, "name": words}},
        **dict.fromkeys(("documents", "plan", "critique", "revise", "judge_document"), task),
        **{name: {"topic": words, "manners": ["plainly"]} for name in ("queries", "queries_opaque", "queries_advice")},
        **{
            f"question_{kind}": {"job": {**assertion, "assertion": words, "domain": "a domain", "disguise": 0}}
            for kind in ("knowledge", "cloze", "behaviour", "preference", "opinion", "open")
        },
        "judge_mix": {"chat": [{"role": "user", "content": words}, {"role": "assistant", "content": TYPICAL * 3}]},
        "judge_chat": {"turns": [{"query": words, "thought": TYPICAL * 3, "reply": TYPICAL * 4}]},
    }  # fmt: skip
    template = template.removesuffix("_story").removesuffix("_neutral").replace("odds_", "judge_")
    response = {"query": words, "given": task["given"]}
    return last.get(template, response if template.startswith("responses_") else {})
