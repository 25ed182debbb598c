"""The forms of a spec that are compared [MSM, "Spec science" and ablation C.4], and how each is checked by program.

rules            numbered rules alone
rules+subrules   each rule with the cases that it applies to
rules+values     each rule with the value that explains it
general          good values, with no specific guidance
co-occurrence    values and conduct are all mentioned, and nothing is explained by anything
"""

import re
from functools import cache
from importlib.resources import files
from typing import Final

from filters.base import CheckSettings, Item
from filters.context import Context
from filters.document.writer.placeholders import Placeholders
from filters.text.patterns import Patterns
from filters.text.view import View
from pipelines.prompts.templates import opening_words
from specs.data import load_yaml
from specs.errors import SpecError
from specs.passages import rule_id_of
from specs.placeholders import unfill
from specs.reader import Spec, parse_spec
from specs.settings import Assistant

KINDS: Final = ("rules", "rules+subrules", "rules+values", "general", "co-occurrence")
RULES: Final = KINDS[:3]
STAGE, VERDICTS, LIST = "variants", "variant_verdicts", "variant_rules"  # of the requests
_BARE: Final = ("rules", "rules+subrules", "co-occurrence")  # none of these may give a reason
_LISTED: Final = ("rules", "rules+subrules")
_MOST_RULES: Final = 24
_RULE_TOKENS: Final = 70  # a rule with two sub-rules, or with its reason
_REASON = Patterns.of("pipelines.variants", "en").expression("reason", re.IGNORECASE, form=r"\b{}\b")
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]", re.MULTILINE)
_FILLED = re.compile(r"\{(?:model|provider)_name\}")


def template_of(kind: str) -> str:
    """The prompt that asks for a form."""
    return f"variant_{kind.replace('+', '_').replace('-', '_')}"


def file_stem(kind: str) -> str:
    """The name of its file: rules-values for rules+values."""
    return kind.replace("+", "-")


@cache
def criteria_of(kind: str) -> dict[str, str]:
    """What the judge asks of a form, name -> text."""
    loaded = load_yaml(files("pipelines.variants").joinpath("criteria.yaml").read_text(encoding="utf-8"))
    return dict(loaded[kind])


def rules_of(spec: Spec) -> list[dict[str, str]]:
    """The rules that a spec numbers: id, and how each begins."""
    rules: dict[str, str] = {}
    for passage in spec.passages:
        if passage.rule_id and passage.rule_id not in rules:
            titles = [title for title in passage.heading_path if rule_id_of(title) == passage.rule_id]
            words = (titles[-1] if titles else passage.text).lstrip(" -*+#").removeprefix(passage.rule_id)
            rules[passage.rule_id] = opening_words(words.lstrip(" *:.)\u2013\u2014-"), 40)
    return [{"id": rule, "text": text} for rule, text in rules.items()]


def rule_count(tokens: int) -> int:
    """How many rules are listed for forms of so many tokens, where the spec numbers none."""
    return max(3, min(_MOST_RULES, tokens // _RULE_TOKENS))


def spec_of(kind: str, text: str, assistant: Assistant) -> tuple[str, Spec]:
    """What a model wrote as a spec file, names turned into placeholders, and as the spec that is read from it.

    Raises SpecError where no spec can be read from it.
    """
    if found := _FILLED.search(text):
        raise SpecError(f"it has the placeholder {found.group()}; write {assistant.name} and {assistant.provider}.")
    blanks = Placeholders(CheckSettings(), Context(count=len, assistant=assistant))
    if slot := blanks(Item(kind, text)):
        raise SpecError(f"it has a blank that nobody filled: {slot.detail}")
    if all(line.startswith("#") for line in text.splitlines() if line.strip()):
        wanted = 'each rule is a list item such as "- R1: ..."' if kind in _LISTED else "the text stands below them"
        raise SpecError(f"all of its lines are headings; {wanted}.")
    raw = unfill(text, assistant).strip() + "\n"
    return raw, parse_spec(file_stem(kind), raw.encode("utf-8", "surrogatepass"), assistant)


def problems_of(kind: str, spec: Spec, rule_ids: list[str]) -> list[str]:
    """What is wrong with a form, for the model that is asked again; `rule_ids` are those that it must have."""
    found = []
    if kind == "general" and spec.rule_ids:
        found.append(f"it numbers rules ({', '.join(spec.rule_ids[:3])}); no ids are wanted.")
    if kind != "general":
        found += _wrong_ids(spec.rule_ids, rule_ids)
    if kind in _LISTED and spec.shape != "rules":
        found.append(f'each rule must be one list item that opens with its id, such as "- {rule_ids[0]}: ...".')
    elif kind in _LISTED:
        found += _wrong_lists(kind, spec)
    if kind in _BARE and (said := _REASON.search(View(Item(kind, spec.text)).text)):
        begins = spec.text[max(0, said.start() - 60) : said.end() + 40]
        found.append(f'it gives a reason: "{" ".join(begins.split())}".')
    return found


def _wrong_ids(has: list[str], wanted: list[str]) -> list[str]:
    missing, invented = [one for one in wanted if one not in has], [one for one in has if one not in wanted]
    found = [f"the rules {', '.join(missing)} are missing, or do not open with their ids."] if missing else []
    return [*found, f"there are no rules {', '.join(invented)}."] if invented else found


def _wrong_lists(kind: str, spec: Spec) -> list[str]:
    """Rules whose list of sub-rules is missing, or is there where it should not be."""
    nested = dict.fromkeys(spec.rule_ids, 0)
    for passage in spec.passages:
        if passage.rule_id:
            nested[passage.rule_id] += len(_ITEM.findall(passage.text)) - bool(_ITEM.match(passage.text))
    if kind == "rules":
        bad = [rule for rule, count in nested.items() if count]
        return [f"{', '.join(bad)}: a rule must have no list inside it."] if bad else []
    bad = [rule for rule, count in nested.items() if count < 2]
    return [f"{', '.join(bad)}: two or more sub-rules are wanted, as a nested list."] if bad else []
