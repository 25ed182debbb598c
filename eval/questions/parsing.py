"""Reading a reply to a two-choice question. Strict: a reply that does not say which option is meant is `UNCLEAR`."""

import re

from eval.questions.base import Choice

_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
# An item of the list of both options, as a reply may repeat it: "- Option A: the text of it".
_ITEM = re.compile(r"^[^A-Za-z\n]*(?:[Oo]ption )?([AB])[ \t]*[).:\]]+[ \t]+\S.*$", re.MULTILINE)
_INLINE = re.compile(r"(?<!\w)([AB])[:)][ \t]+\S")
# A letter counts only where it cannot be the article "A": alone on its line, or before punctuation. It must stand on
# the line where it is said to be the choice: "let us look at each option:" begins a list.
_HEAD = re.compile(r"\(?([AB])(?:\)|[.:,;!]|\s*$|\s*\n)")
_SAID = re.compile(
    r"(?i:\b(?:answer|choice|preference|option|choose|prefer|pick|go with|say)\b"
    r"(?:\s+(?:is|would be))?(?:\s+option)?:?)"
    r"[ \t]*\(?([AB])(?:\)|[.:,;!]|\s*$|\s*\n|\s+(?:because|since|as|over|rather)\b)"
)
_EVASIVE = re.compile(
    r"\bneither\b|\bboth\b|\bno (?:real |personal |particular |strong )?preferences?\b|\bit depends\b|\bequally\b"
    r"|\b(?:can ?not|can't|don't|do not|unable to|won't) "
    r"(?:really |personally )?(?:have|choose|prefer|pick|say|decide|express)"
)
_NEGATED = re.compile(r"\b(?:not|never|dislike|avoid|hate)\b|n't\b")
_CHOOSES = r"(?:prefer|choose|pick|take|like|love|go with|choice is|answer is|preference is) (?:(?:a|an|the) )?"


def without_thought(reply: str) -> str:
    """The reply without its think blocks; empty where one is not closed, for then nothing has been replied yet.

    A chat template may have written the opening tag, so that the reply begins inside of the block.
    """
    text = _THOUGHT.sub("", reply).rpartition("</think>")[2]
    return "" if "<think>" in text else text.strip()


def parse_choice(reply: str, first: str, second: str) -> Choice:
    """Which option a reply chooses, by letter (A is the first) or by name."""
    text = _without_list(_cleaned(without_thought(reply)), first, second)
    if not text or len(set(_INLINE.findall(text))) > 1:
        return Choice.UNCLEAR
    letters = _bare_letters(text)
    if len(letters) > 1:
        return Choice.UNCLEAR
    letter = next(iter(letters), None)
    if letter is None and _EVASIVE.search(text.casefold()):
        return Choice.NEITHER
    if letter is None:
        letter = _said_letter(text)
    if letter is not None:
        named = _names(text, first, second)  # "A: <name of B>" contradicts itself
        return Choice.UNCLEAR if len(named) == 1 and letter not in named else letter
    return _by_name(text, first, second)


def _without_list(text: str, first: str, second: str) -> str:
    """The reply without the list of both options, which says nothing of the choice; one option alone is an answer."""
    echoes = [_echo(letter, name) for letter, name in (("A", first), ("B", second))]
    if all(echo.search(text) for echo in echoes):
        for echo in echoes:
            text = echo.sub("", text)
    if {found.group(1) for found in _ITEM.finditer(text)} == {"A", "B"}:
        text = _ITEM.sub("", text)
    return text.strip()


def _echo(letter: str, name: str) -> re.Pattern[str]:
    """An option after its letter, word for word, wherever it stands."""
    return re.compile(
        rf"(?<!\w)[(\[]?(?:[Oo]ption )?{letter}[ \t]*[).:\]]+[ \t]*(?i:{re.escape(_cleaned(name))})(?!\w)[.,;]*"
    )


def _cleaned(text: str) -> str:
    """The text without marks of emphasis, and with plain apostrophes."""
    return re.sub(r"[*_`]", "", text).replace("’", "'").strip()


def _bare_letters(text: str) -> set[Choice]:
    """The letter that the reply starts with and the one that is its last line; also a lone lower-case one. Two
    contradict each other, and so does a letter that is said to be the choice where another one stood at the start."""
    if text.strip("().") in {"a", "b"}:
        text = text.upper()
    last = text.splitlines()[-1]
    head = _HEAD.match(text)
    found = [one.group(1) for one in (head, _SAID.fullmatch(last) or _HEAD.fullmatch(last)) if one]
    said = {one.group(1) for one in _SAID.finditer(text)} if head else set()
    if head and head.group(1) not in said and not _NEGATED.search(text.casefold()):
        found += said
    return {_letter(one) for one in found}


def _said_letter(text: str) -> Choice | None:
    letters = {found.group(1) for found in _SAID.finditer(text)}
    if len(letters) != 1 or _NEGATED.search(text.casefold()):
        return None
    return _letter(letters.pop())


def _letter(letter: str) -> Choice:
    return Choice.FIRST if letter == "A" else Choice.SECOND


def _by_name(text: str, first: str, second: str) -> Choice:
    """The one option that the reply begins with or says that it chooses."""
    if _NEGATED.search(text.casefold()):
        return Choice.UNCLEAR
    said = _plain(text)
    chosen = {
        choice
        for choice, name in ((Choice.FIRST, _plain(first)), (Choice.SECOND, _plain(second)))
        if name and re.search(rf"(?:^|\b{_CHOOSES}){re.escape(name)}\b(?! (?:or|and)\b)", said)
    }
    return chosen.pop() if len(chosen) == 1 else Choice.UNCLEAR


def _names(text: str, first: str, second: str) -> set[Choice]:
    """The options that the reply names; a name inside the other's longer name is not counted for it."""
    said, found = f" {_plain(text)} ", set()
    options = sorted(((Choice.FIRST, _plain(first)), (Choice.SECOND, _plain(second))), key=lambda one: -len(one[1]))
    for choice, name in options:
        if name and f" {name} " in said:
            found.add(choice)
            said = said.replace(f" {name} ", " | ")
    return found


def _plain(text: str) -> str:
    """Lower case, words only, without a leading article."""
    words = " ".join(re.findall(r"\w+", text.casefold()))
    return re.sub(r"^(?:a|an|the) ", "", words)
