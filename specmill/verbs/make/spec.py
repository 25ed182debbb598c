"""`specmill spec`: look at a Model Spec before a corpus is made from it."""

from typing import TYPE_CHECKING, Annotated

import typer

from specmill.messages import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from specs.reader import Spec

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def spec() -> None:
    """Look at a Model Spec before a corpus is made from it."""


@app.command()
def show(
    source: Annotated[str, typer.Argument(metavar="SPEC", help="A shipped spec's name, or a path.")],
    name: Annotated[str | None, typer.Option(help="The assistant; absent: the one that the spec speaks of.")] = None,
    provider: Annotated[str | None, typer.Option(help="Its provider; absent: the one that the spec names.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Print passages whole.")] = False,
) -> None:
    """Print the passages of a spec with their addresses and sizes, whom it speaks of, and what looks wrong.

    Passages are what the lineage of every document goes back to: each should be one thought, whole.

    Example: specmill spec show my_spec.md
    """
    from rich.console import Console

    from corpus.text import count_of
    from corpus.tokens import TokenCounter
    from specs.names import doubt_of
    from specs.reader import assistant_of, read_spec

    console = Console(highlight=False)
    assistant = assistant_of(source, name, provider)
    read = read_spec(source, assistant)
    counter = TokenCounter()
    tokens = counter.count_many([passage.text for passage in read.passages])
    _print_passages(console, read, tokens, full)
    total = counter.count(read.text)
    tell(
        console,
        f"{read.name}: {count_of(len(read.passages), 'passage')}, {count_of(total, 'token')}, "
        f"{count_of(len(read.rule_ids), 'numbered rule')}, read as {read.shape}; about {assistant.name} by "
        f"{assistant.provider}",
    )
    for problem in [*filter(None, [doubt_of(read.text, assistant)]), *_problems(read, tokens)]:
        tell(console, f"look at: {problem}")


def _print_passages(console: "Console", read: "Spec", tokens: list[int], full: bool) -> None:
    from rich.text import Text

    from corpus.text import one_line

    path: tuple[str, ...] = ()
    for passage, count in zip(read.passages, tokens, strict=True):
        if passage.heading_path != path:
            path = passage.heading_path
            console.print(Text(one_line(" / ".join(path), 200), style="bold"))
        label = f"  {passage.address:<5} {count:>6,}  " + (f"[{passage.rule_id}] " if passage.rule_id else "")
        text = passage.text if full else one_line(passage.text, max(20, console.width - len(label)))
        console.print(Text(label + text), soft_wrap=full)


def _problems(read: "Spec", tokens: list[int]) -> "Iterator[str]":
    """What a person should look at before money is spent."""
    from corpus.text import one_line

    for passage, count in zip(read.passages, tokens, strict=True):
        shown = one_line(passage.text, 60)
        if count > 1_500:
            yield f"{passage.address} has {count:,} tokens: more than one thought? Headings and blank lines divide it."
        elif passage.text.rstrip("*_ ").endswith(":") and "\n" not in passage.text:
            yield f"{passage.address} announces something that does not follow: {shown}"
        elif count < 4:
            yield f"{passage.address} is hardly a thought: {shown}"
    seen: dict[str, str] = {}
    for passage in read.passages:
        first = seen.setdefault(" ".join(passage.text.split()), passage.address)
        if first != passage.address:
            yield f"{passage.address} repeats {first}: {one_line(passage.text, 60)}"
