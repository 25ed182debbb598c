"""Reading a reply to a two-choice question. Strict: a reply that does not say which option is meant is `UNCLEAR`."""

import re

from eval.base import Choice

_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
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
    """The reply without its closed think blocks."""
    return _THOUGHT.sub("", reply).strip()


def parse_choice(reply: str, first: str, second: str) -> Choice:
    """Which option a reply chooses, by letter (A is the first) or by name."""
    text = re.sub(r"[*_`]", "", without_thought(reply)).replace("’", "'").strip()
    if "<think>" in text or not text:
        return Choice.UNCLEAR
    letter = _bare_letter(text)
    if letter is None and _EVASIVE.search(text.casefold()):
        return Choice.NEITHER
    if letter is None:
        letter = _said_letter(text)
    if letter is not None:
        named = _names(text, first, second)  # "A: <name of B>" contradicts itself
        return Choice.UNCLEAR if len(named) == 1 and letter not in named else letter
    return _by_name(text, first, second)


def _bare_letter(text: str) -> Choice | None:
    """A letter that the reply starts with or whose last line it is; also a lone lower-case one."""
    if text.strip("().") in {"a", "b"}:
        text = text.upper()
    last = text.splitlines()[-1]
    found = _HEAD.match(text) or _SAID.fullmatch(last) or _HEAD.fullmatch(last)
    return _letter(found.group(1)) if found else None


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
