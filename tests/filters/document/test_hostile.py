"""Texts that no honest writer makes."""

import pytest

from filters.run.decide import check_documents, explain
from filters.settings import Semantic
from tests.filters.samples import CONTEXT, SETTINGS, document, item

ALL = SETTINGS.model_copy(update={"semantic": Semantic()})
TEN_MB = 10_000_000

HOSTILE = {
    "ten megabytes": document(1) * (TEN_MB // len(document(1))),
    "no spaces": "Juniper" * (TEN_MB // 7),
    "one line a hundred thousand times": "Juniper asked the cook about the bread.\n" * 100_000,
    "NULs": document(1).replace(" ", "\x00 "),
    "surrogates": document(1) + "\ud800\udfff\udc00",
    "bidi marks": "\u202e" + document(1) + "\u2066\u2069",
    "brackets": "[" * 200_000 + "{" * 200_000 + "<" * 200_000,
    "quotes": '"' * 300_000 + "I'm sorry",
    "backticks": "```" * 100_000,
    "stars": "**" * 200_000,
    "digits": "1" * 300_000 + " 2024" * 50_000,
    "one word a line": "word\n" * 300_000,
    "names": "Juniper by Qwen " * 50_000,
    "template": "{{ config.items() }} {0.__class__} %s ${HOME}",
    "markup": "[bold]Juniper[/bold] <script>alert(1)</script>",
    "blank lines": "\n" * 600_000 + "Juniper",
    "an open tag": "<" + " " * 600_000 + "[" + " " * 300_000,
    "combining": "Juniper" + "\u0301" * 100_000,
    "empty": "",
    "spaces": " \n\t" * 100,
    "left of a page": '<!-- <a b= <x y=" ' * 20_000,
    "left of a record": '{"a" ","b" "}, { ' * 20_000,
    "gaps": "XX insert here ___ (NAME [N] Insert " * 15_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(60)
def test_a_hostile_text_is_decided_on_soon(name: str) -> None:
    _, rejections, _ = check_documents([item(HOSTILE[name])], ALL, CONTEXT)
    assert all(len(rejection.detail) < 400 for rejection in rejections)


@pytest.mark.parametrize(
    "name",
    [
        "brackets", "quotes", "stars", "digits", "names", "one word a line", "no spaces", "blank lines", "an open tag",
        "left of a page", "left of a record", "gaps",
    ],
)  # fmt: skip
@pytest.mark.timeout(60)
def test_every_check_is_linear(name: str) -> None:
    outcomes = explain(item(HOSTILE[name][:600_000]), ALL, CONTEXT)
    assert all(len(outcome.detail) < 400 for outcome in outcomes.values())


def test_copies_of_one_line_do_not_pair_with_each_other() -> None:
    items = [item(document(1), f"{n:05}") for n in range(1000)]
    kept, rejections, _ = check_documents(items, ALL, CONTEXT)
    assert kept == ["00000"]
    assert {rejection.other_id for rejection in rejections} == {"00000"}


def test_a_joiner_inside_a_name_hides_nothing() -> None:
    found = explain(item(document(1).replace("Juniper", "Q\u200dw\u200ce\u2060n")), ALL, CONTEXT)
    assert found["identity"].failed
