"""Reading a reply to a question with options. Strict: a reply that does not say which option is meant is `UNCLEAR`."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from corpus.thoughts import without_thought
from eval.questions.base import LETTERS, SHOWN, Choice
from filters.text.patterns import Patterns

_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufe0e\ufe0f\ufeff]")
_TEX = re.compile(r"\\(?:text|textbf|textit|mathbf|mathrm|mathit|mathsf|bf|rm)\s*\{([^{}]*)\}")
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb\u201e\u201a"
_EN = Patterns.of("eval.questions", "en")
_EVASIVE, _NEGATED = _EN.expression("evasive"), _EN.expression("negated")
_CHOOSES = rf"{_EN.in_order('chooses')} (?:(?:a|an|the) )?"
_CLOZE_WORDS = 40  # of a reply that fills in a blank; one that says much more may hold any word


@dataclass(frozen=True, slots=True)
class Reading:
    """How a reply was read, and by what."""

    choice: Choice
    scorer: str = "letter"  # letter | name | words


@dataclass(frozen=True, slots=True)
class _Patterns:
    """The expressions for a number of options: a letter beyond the last option's is none."""

    item: re.Pattern[str]
    inline: re.Pattern[str]
    head: re.Pattern[str]
    said: re.Pattern[str]
    marked: re.Pattern[str]
    quoted: re.Pattern[str]


@cache
def _patterns(count: int) -> _Patterns:
    one = f"[{LETTERS[:count]}]"
    mark = rf"(?:option\s+)?[({{\[]?({one})[)}}\]]?(?![\w'])"
    return _Patterns(
        # An item of the list of the options, as a reply may repeat it: "- Option A: the text of it".
        item=re.compile(rf"^[^A-Za-z\n]*(?:[Oo]ption )?({one})[ \t]*[).:\]]+[ \t]+\S.*$", re.MULTILINE),
        inline=re.compile(rf"(?<!\w)({one})[:)][ \t]+\S"),
        # A letter counts only where it cannot be the article "A": alone on its line, or before punctuation. It must
        # stand on the line where it is said to be the choice: "let us look at each option:" begins a list.
        head=re.compile(rf"[(\[{{<]?({one})(?:[)\]}}>]|[.:,;!]|[ \t]+[-–—][ \t]+|\s*$|\s*\n)"),
        said=re.compile(
            rf"(?i:\b{_EN.in_order('says')}\b(?:\s+(?:is|would be))?(?:\s+option)?:?)"
            rf"[ \t]*[(\[]?({one})(?:[)\]]|[.:,;!]|\s*$|\s*\n|[ \t]+[-–—][ \t]|\s+{_EN.in_order('goes_on')}\b)"
        ),
        # What a reply marks as its answer, wherever it stands.
        marked=re.compile(
            rf"\\boxed\s*\{{\s*{mark}[^{{}}]*\}}|\\fbox\s*\{{\s*{mark}[^{{}}]*\}}"
            rf"|<(?:final_)?{_EN.in_order('marked')}>\s*{mark}[^<]*</|\[\[\s*{mark}\s*\]\]"
            rf"|[\"'](?:final_)?{_EN.in_order('keyed')}[\"']\s*:\s*[\"']{mark}",
            re.IGNORECASE,
        ),
        quoted=re.compile(rf"[{_QUOTES}]+[ \t]*[(\[]?({one})[)\]]?(?P<dot>[.:,;]?)[ \t]*[{_QUOTES}]+"),
    )


def parse_choice(reply: str, *options: str) -> Choice:
    """Which of the options, as they were shown, a reply chooses, by letter (A is the first) or by name."""
    return read_choice(reply, options).choice


def read_choice(reply: str, options: Sequence[str]) -> Reading:
    """`parse_choice`, with what decided."""
    patterns = _patterns(len(options))
    said = _plain_tex(without_thought(_visible(reply)))
    marked = {next(filter(None, found.groups())).upper() for found in patterns.marked.finditer(said)}
    if marked:
        return Reading(_letter(marked.pop()) if len(marked) == 1 else Choice.UNCLEAR)
    names = [_cleaned(_visible(name)) for name in options]
    text = _without_list(_cleaned(patterns.quoted.sub(r"\1\g<dot>", _plain_maths(said))), names, patterns)
    if not text or len(set(patterns.inline.findall(text))) > 1:
        return Reading(Choice.UNCLEAR)
    letters = _bare_letters(text, patterns)
    if len(letters) > 1:
        return Reading(Choice.UNCLEAR)
    letter = next(iter(letters), None)
    if letter is None and _EVASIVE.search(text.casefold()):
        return Reading(Choice.NEITHER)
    if letter is None:
        letter = _said_letter(text, patterns)
    if letter is not None:
        named = _names(text, names)  # "A: <name of B>" contradicts itself
        return Reading(Choice.UNCLEAR if len(named) == 1 and letter not in named else letter)
    return Reading(_by_name(text, names), "name")


def read_cloze(reply: str, accepted: Sequence[str]) -> Reading:
    """Whether the words that a reply puts into a blank are the right ones: FIRST, else OTHER."""
    text = _cleaned(_plain_maths(_plain_tex(without_thought(_visible(reply)))))
    words = _plain(text).split()
    if not words or len(words) > _CLOZE_WORDS:
        return Reading(Choice.UNCLEAR, "words")
    said = f" {' '.join(words)} "
    if any(plain and f" {plain} " in said for plain in map(_plain, accepted)):
        return Reading(Choice.UNCLEAR if _NEGATED.search(text.casefold()) else Choice.FIRST, "words")
    return Reading(Choice.NEITHER if _EVASIVE.search(text.casefold()) else Choice.OTHER, "words")


def _visible(text: str) -> str:
    """The text with letters in their plain form (full width, bold, circled), without what cannot be seen."""
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))


def _plain_tex(text: str) -> str:
    while (plain := _TEX.sub(r"\1", text)) != text:
        text = plain
    return text


def _plain_maths(text: str) -> str:
    return re.sub(r"\$+([^$\n]{1,200})\$+|\\[(\[]\s*(.*?)\s*\\[)\]]", lambda found: found[1] or found[2] or "", text)


def _without_list(text: str, names: Sequence[str], patterns: _Patterns) -> str:
    """The reply without the list of all options, which says nothing of the choice; one option alone is an answer."""
    echoes = [_echo(letter, name) for letter, name in zip(LETTERS, names, strict=False)]
    if all(echo.search(text) for echo in echoes):
        for echo in echoes:
            text = echo.sub("", text)
    if {found.group(1) for found in patterns.item.finditer(text)} == set(LETTERS[: len(names)]):
        text = patterns.item.sub("", text)
    return text.strip()


def _echo(letter: str, name: str) -> re.Pattern[str]:
    """An option after its letter, word for word, wherever it stands."""
    return re.compile(rf"(?<!\w)[(\[]?(?:[Oo]ption )?{letter}[ \t]*[).:\]]+[ \t]*(?i:{re.escape(name)})(?!\w)[.,;]*")


def _cleaned(text: str) -> str:
    """The text without marks of emphasis, and with plain apostrophes."""
    return re.sub(r"[*_`]", "", text).replace("’", "'").strip()


def _bare_letters(text: str, patterns: _Patterns) -> set[Choice]:
    """The letter that the reply starts with and the one that is its last line; also a lone lower-case one. Two
    contradict each other, and so does a letter that is said to be the choice where another one stood at the start."""
    lone = text.strip("().[]{}<>\"' ")
    if len(lone) == 1 and lone.upper() in LETTERS:
        text = lone.upper()
    last = text.splitlines()[-1]
    head = patterns.head.match(text)
    found = [one.group(1) for one in (head, patterns.said.fullmatch(last) or patterns.head.fullmatch(last)) if one]
    said = {one.group(1) for one in patterns.said.finditer(text)} if head else set()
    if head and head.group(1) not in said and not _NEGATED.search(text.casefold()):
        found += said
    return {_letter(one) for one in found}


def _said_letter(text: str, patterns: _Patterns) -> Choice | None:
    letters = {found.group(1) for found in patterns.said.finditer(text)}
    if len(letters) != 1 or _NEGATED.search(text.casefold()):
        return None
    return _letter(letters.pop())


def _letter(letter: str) -> Choice:
    return SHOWN[LETTERS.index(letter)]


def _by_name(text: str, names: Sequence[str]) -> Choice:
    """The one option that the reply begins with or says that it chooses."""
    if _NEGATED.search(text.casefold()):
        return Choice.UNCLEAR
    said = _plain(text)
    chosen = {
        choice
        for choice, name in zip(SHOWN, map(_plain, names), strict=False)
        if name and re.search(rf"(?:^|\b{_CHOOSES}){re.escape(name)}\b(?! (?:or|and)\b)", said)
    }
    return chosen.pop() if len(chosen) == 1 else Choice.UNCLEAR


def _names(text: str, names: Sequence[str]) -> set[Choice]:
    """The options that the reply names; a name inside another's longer name is not counted for it."""
    said, found = f" {_plain(text)} ", set()
    for choice, name in sorted(zip(SHOWN, map(_plain, names), strict=False), key=lambda one: -len(one[1])):
        if name and f" {name} " in said:
            found.add(choice)
            said = said.replace(f" {name} ", " | ")
    return found


def _plain(text: str) -> str:
    """Lower case, words only, without a leading article."""
    words = " ".join(re.findall(r"\w+", text.casefold()))
    return re.sub(r"^(?:a|an|the) ", "", words)
