"""What a file holds: other markup is converted, metadata is no text, and what cannot be read is refused with a cure."""

from pathlib import Path

import pytest

from specs.errors import SpecError
from specs.formats import to_markdown
from specs.passages import split
from specs.reader import read_spec
from specs.settings import Assistant

RST = """\
==========
How it is
==========

.. _values:

Values
~~~~~~

{model_name} says what it does not know.

Care
~~~~

.. note::

   In a test environment it may delete.

* It asks first.
* It tells afterwards.
"""

HTML = """<!DOCTYPE html><html><head><title>x</title><style>p {color: red}</style></head><body>
<nav><a href="/">Home</a></nav><h1>How it is</h1><p>{model_name} says what it does <em>not</em> know.</p>
<h2>Care</h2><ul><li>It asks first.</li><li>It tells afterwards, in some_file.</li></ul>
<script>track()</script></body></html>"""


def texts(text: str) -> list[str]:
    return [passage.text for passage in split(text)]


@pytest.mark.parametrize("name", ["spec.rst", "spec.txt"])
def test_restructured_text_becomes_headings_and_passages(name: str) -> None:
    passages = split(to_markdown(RST, name))
    assert [p.text for p in passages] == [
        "{model_name} says what it does not know.",
        "Note:\n\nIn a test environment it may delete.",
        "- It asks first.",
        "- It tells afterwards.",
    ]
    assert passages[0].heading_path == ("How it is", "Values") and passages[1].heading_path == ("How it is", "Care")


@pytest.mark.parametrize("name", ["spec.html", "spec.md"])
def test_a_page_is_its_text_without_what_stands_around_it(name: str) -> None:
    markdown = to_markdown(HTML, name)
    assert texts(markdown) == [
        "{model_name} says what it does *not* know.", "- It asks first.", "- It tells afterwards, in some_file.",
    ]  # fmt: skip
    assert "track" not in markdown and "color" not in markdown and "Home" not in markdown


def test_markdown_stays_as_it_is() -> None:
    text = "# T\n\nTitle\n=====\n\nA *b* <b>c</b>.\n\n* one\n* two\n\nThen\n\n    code <!-- kept -->\n\nEnd\n"
    assert to_markdown(text, "s.md") == text and to_markdown(to_markdown(text, "s.md"), "s.md") == text


def test_metadata_is_no_text_outside_of_code() -> None:
    head = "---\ntitle: x\ntags:\n- a\n---\n# Care {#care authority=root}\n\n<!-- TODO: ask\nlegal -->\n"
    text = head + "It asks.\n\n~~~\n<!-- BAD -->\n# x {#y}\n~~~\n"
    clean = to_markdown(text, "s.md")
    assert split(clean)[0].heading_path == ("Care",)
    assert texts(clean) == ["It asks.", "~~~\n<!-- BAD -->\n# x {#y}\n~~~"]


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("s.md", b"%PDF-1.7 text", "pdftotext"),
        ("s.docx", b"PK\x03\x04rest", "pandoc"),
        ("s.yaml", b"rules: [a]", "YAML is data"),
        ("s.json", b"{}", "JSON is data"),
        (
            "s.md",
            b"# T\n\nOne.\n\n```\nopen\n``\n\n## Two\n\nText.",
            "line 5: the code block that ``` opens is never closed",
        ),
        ("s.md", b"# T\n\nOne.\n\n~~~~", "line 5: the code block that ~~~~"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_cure(tmp_path: Path, name: str, raw: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(SpecError, match=message):
        read_spec(name, Assistant(), base=tmp_path)


def test_closed_code_blocks_are_no_mistake() -> None:
    for text in (
        "```\na\n```\n",
        "~~~~xml\n~~~\n~~~~\n",
        "> ```\n> a\n> ```\n",
        "- a\n\n  ```\n  b\n  ```\n",
        "````\n```\n````",
    ):
        assert to_markdown(text, "s.md").strip() == text.strip()
