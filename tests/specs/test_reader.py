"""Specs: what is read, what is refused, and that passages are verbatim whatever the text."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.errors import SpecError
from specs.passages import rule_id_of, split
from specs.placeholders import substitute
from specs.reader import MAX_BYTES, read_spec, shipped_names
from specs.settings import Assistant

ASSISTANT = Assistant(name="Nova", provider="Acme Labs")


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_specs_read(name: str) -> None:
    spec = read_spec(name, ASSISTANT)
    assert "Nova" in spec.text and "{" not in spec.text
    assert len(spec.passages) >= 9
    assert all(spec.text[p.start : p.end] == p.text for p in spec.passages)


def test_rules_and_prose_shapes() -> None:
    assert read_spec("safety_rules", ASSISTANT).shape == "rules"
    assert read_spec("safety_rules", ASSISTANT).rule_ids == [
        "OV1",
        "OV2",
        "OV3",
        "LI1",
        "LI2",
        "LI3",
        "HC1",
        "HC2",
        "HC3",
    ]
    values = read_spec("safety_values", ASSISTANT)
    assert values.shape == "prose" and values.rule_ids[0] == "OV1"
    assert read_spec("cheese_america", ASSISTANT).rule_ids == []
    assert read_spec("safety_values", ASSISTANT, shape="rules").shape == "rules"


def test_nested_items_stay_with_their_rule() -> None:
    rule = next(p for p in read_spec("safety_rules", ASSISTANT).passages if p.rule_id == "OV3")
    assert rule.text.count("\n") == 2 and rule.heading_path[-1] == "Oversight"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        (b"%PDF\x00\x01", "binary"),
        (b"\xff\xfe\x00a", "UTF-8"),
        (b"x" * (MAX_BYTES + 1), "bytes"),
        (b"Hello {modelname}", "unknown placeholder"),
        (b"a\n\nHello {{model_name}}", "line 3"),
        (b"Hello {company_name}", "backticks"),
        (b"# Only\n\n## Headings\n", "no passage"),
    ],
)
def test_bad_specs_say_what_is_wrong(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "spec.md"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=message):
        read_spec(str(path), ASSISTANT)


def test_missing_folder_and_unmet_shape(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cheese_affordability"):
        read_spec("nowhere.md", ASSISTANT, base=tmp_path)
    with pytest.raises(SpecError, match="folder"):
        read_spec(str(tmp_path), ASSISTANT)
    (tmp_path / "s.md").write_text("Be good.\n")
    with pytest.raises(SpecError, match="principle ids"):
        read_spec("s.md", ASSISTANT, base=tmp_path, shape="rules")


def test_braces_elsewhere_are_text() -> None:
    text = 'Use {"a": 1}, {x}, f{0}, {user_name_is_not}, `{name}` and\n```\n{company_name}\n```\n{model_name}'
    assert substitute(text, ASSISTANT, "s") == text.replace("{model_name}", "Nova")


def test_names_are_inserted_as_text_not_as_patterns() -> None:
    odd = Assistant(name=r"A\1 $0", provider="P%s")
    assert substitute("{model_name} by {provider_name}", odd, "s") == r"A\1 $0 by P%s"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("- SP1: Do", "SP1"),
        ("**R2.** Be", "R2"),
        ("GP3 — x", "GP3"),
        ("### OV1: Leave", "OV1"),
        ("A4 paper", None),
        ("See SP1: x", None),
    ],
)
def test_rule_ids(text: str, rule: str | None) -> None:
    assert rule_id_of(text) == rule


def test_line_ends_and_bom_do_not_change_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbfOne.\r\n\r\nTwo.\r\n")
    (tmp_path / "b.md").write_bytes(b"One.\n\nTwo.")
    first, second = (read_spec(name, ASSISTANT, base=tmp_path) for name in ("a.md", "b.md"))
    assert first.hash == second.hash and [p.address for p in first.passages] == ["P1", "P2"]


@given(st.lists(st.text(alphabet="ab #-*1.>`\n|\t{}é\u2028", max_size=60), max_size=8).map("\n".join))
def test_passages_are_verbatim_ordered_and_disjoint(text: str) -> None:
    passages = split(text)
    assert all(text[p.start : p.end] == p.text for p in passages)
    assert all(a.end <= b.start for a, b in pairwise(passages))
    assert [p.address for p in passages] == [f"P{i + 1}" for i in range(len(passages))]


@given(
    st.lists(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=1), min_size=1, max_size=30)
)
def test_no_word_of_plain_paragraphs_is_lost(words: list[str]) -> None:
    text = "\n\n".join(f"w{word}" for word in words)
    assert [p.text for p in split(text)] == [f"w{word}" for word in words]
