"""Deciding again on what is stored."""

import json

import pytest

from filters.run.decide import check_documents
from filters.run.stored import explain_document, reasons, stored_items
from filters.settings import Length
from specs.errors import UserError
from tests.filters.samples import CONTEXT, SETTINGS, document

DOCUMENTS = [
    {"id": f"d{n}", "idea_id": f"i{n}", "text": document(n), "frame": "insider", "genre": "memo"} for n in range(4)
]
SHORT = {
    "id": "short",
    "idea_id": "i9",
    "text": "Juniper told the cook about a loaf of bread.",
    "frame": "lay",
    "genre": "x",
}
COPY = {**DOCUMENTS[1], "id": "copy", "idea_id": "i0b"}
REJECTS = [
    {"stage": "documents", "item_id": "short", "reason": "length", "row": json.dumps(SHORT)},
    {"stage": "documents", "item_id": "copy", "reason": "exact", "row": json.dumps(COPY)},
    {"stage": "documents", "item_id": "i77", "reason": "truncated", "row": json.dumps({"id": "i77", "idea": "x"})},
    {"stage": "ideas", "item_id": "i5", "reason": "semantic", "row": None},
]
IDEAS = ["i0", "i0b", "i1", "i2", "i3", "i9"]
LONGER = SETTINGS.model_copy(update={"length": Length(minimum=20)})


def items() -> list[object]:
    return list(stored_items(DOCUMENTS, REJECTS, IDEAS))


def test_all_that_was_written_comes_back_with_its_age() -> None:
    found = {item.id: item.meta["position"] for item in stored_items(DOCUMENTS, REJECTS, IDEAS)}
    assert found == {"d0": 0, "d1": 2, "d2": 3, "d3": 4, "short": 5, "copy": 1}


def test_reasons_have_counts_and_five_examples() -> None:
    many = [{**SHORT, "id": f"s{n}", "text": f"Juniper saw {n}."} for n in range(8)]
    stored = list(stored_items([*DOCUMENTS, *many], REJECTS, IDEAS))
    _, rejections, _ = check_documents(stored, LONGER, CONTEXT)
    table = reasons(rejections, stored, len(stored))
    assert [(row.reason, row.count, len(row.examples)) for row in table] == [("length", 9, 5), ("exact", 1, 1)]
    assert table[0].examples[0][1].startswith("Juniper saw 0")
    assert table[0].share == pytest.approx(9 / 14)


def test_a_document_is_explained() -> None:
    _, rejections, _ = check_documents(items(), SETTINGS, CONTEXT)
    gone = explain_document("d1", items, rejections, SETTINGS, CONTEXT)
    assert gone.rejection is not None
    assert (gone.rejection.reason, gone.rejection.other_id) == ("exact", "copy")
    assert not any(outcome.failed for outcome in gone.outcomes.values())
    stays = explain_document("copy", items, rejections, SETTINGS, CONTEXT)
    assert stays.rejection is None
    assert [rejection.item_id for rejection in stays.gave_way] == ["d1"]


def test_an_unknown_id_is_said() -> None:
    with pytest.raises(UserError, match=r"no document has the id 'copyy'.*copy"):
        explain_document("copyy", items, [], SETTINGS, CONTEXT)
