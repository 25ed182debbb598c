"""Refusals in any words: who will not write a text says so, says why writing it would be wrong, and offers another.

One of these is anybody's; two of them, in the writer's own voice at the start or the end, are not.
"""

import re

_VERB = (
    r"(?:writ(?:e|ing)|compos(?:e|ing)|produc(?:e|ing)|draft(?:ing)?|creat(?:e|ing)|provid(?:e|ing)|prepar(?:e|ing)|"
    r"pen(?:ning)?|"
    r"generat(?:e|ing)|fulfil(?:l|ling)?|complet(?:e|ing)|deliver(?:ing)?|author(?:ing)?|supply(?:ing)?|"
    r"craft(?:ing)?|invent(?:ing)?|"
    r"fabricat(?:e|ing)|put(?:ting)? together|tak(?:e|ing) on|go(?:ing)? ahead|adopt(?:ing)?|speak(?:ing)? (?:as|"
    r"for)|pretend(?:ing)?|do(?:ing)?)"
)
_OBJECT = r"(?: (?:it|this|that|one|so|such|as|to|any|in|with|an?|the|these|those|your|for)\b)"
_NOT_ABLE = r"not (?:able|willing|going|in a position|prepared|comfortable) (?:to )?|un(?:able|willing) to|reluctant to"
_WILL_NOT = (
    r" (?:won't|will not|can't|cannot|can not|couldn't|could not|shouldn't|should not|wouldn't|would not|must not|"
    r"(?:must |would have to |am going to )?decline to|hesitate to|have (?:decided|chosen) not to|feel unable to|"
    r"(?:do not|don't) think (?:that )?i (?:can|should|ought to)|don't feel able to|"
    rf"(?:(?:would|will|do) (?:rather|prefer) not|prefer not)(?: to)?|am {_NOT_ABLE})|"
    rf"'d (?:rather|prefer) not(?: to)?|'m (?:{_NOT_ABLE})|'ve (?:decided|chosen) not to|'ll have to decline to"
)
_REFUSES = re.compile(  # begins with a letter that is looked for fast; what is before it comes after
    rf"i(?<!\wi)(?:(?:{_WILL_NOT})\W+(?:\w+ly )?{_VERB}{_OBJECT}|"
    r"(?:'m| am| will be|'ll be)? (?:declin(?:e|ing)|pass(?:ing)? on|hold(?:ing)? off(?: on)?|step(?:ping)? back from) "
    r"(?:on |from )?(?:it|this|that|the (?:request|piece|task|brief))\b|"
    r"(?:'m| am| will|'ll| have|'ve) set(?:ting)? (?:it|this|the (?:request|piece|brief)) aside\b|"
    r" have (?:therefore |so )?(?:not written|kept to|left (?:it|this) unwritten)\b)|"
    r"not (?:something|a (?:piece|request|text|task)) (?:that )?i(?:'m| am| can| could| would| feel)\b"
)
_OF_TEXT = re.compile(  # a letter too may say that somebody cannot provide a thing and would be happy to help
    r"\b(?:writ|compos|draft|pen|author|craft|fabricat|invent|pretend|speak|piece|request|brief|unwritten)"
)
_WRONG = re.compile(  # why it would be wrong to write it, or that it was asked for
    r"\b(?:mislead\w*|decepti\w+|deceiv\w+|dishonest\w*|fabricat\w+|impersonat\w+|inauthentic|astroturf\w*|"
    r"disinformation|misinformation|"
    r"propaganda|put(?:s|ting)? words|real-seeming|made[- ]up (?:person|review|customer|testimon\w+)|(?:fake|false|"
    r"invented|fictitious|fictional) "
    r"(?:testimon\w+|reviews?|correspondents?|quotes?|people|persons?|person|experiences?|customers?|endorsements?|"
    r"accounts?|voices?)|"
    r"(?:can't|cannot|could not|couldn't|unable to|no way to|am not able to) (?:\w+ )?(?:confirm|verify|check|vouch)|"
    r"(?:this|the|your) (?:request|prompt|brief|outline|task|assignment)|you(?:'ve| have)? (?:asked|requested)|"
    r"(?:what you(?:'re| are) asking)|"
    r"present(?:s|ed|ing)? (?:\w+ ){0,4}as (?:a )?(?:fact|real|genuine|true)|sincere preferences|against (?:my|"
    r"the) guidelines|"
    r"one-sided|unfair to|disparag\w+|stereotyp\w+|harmful|sensitive (?:topic|subject))\b"
)
_INSTEAD = re.compile(
    r"\b(?:(?:here(?:'s| is)|below is|this is) what i can|what i can (?:offer|do|give|provide|share|suggest)|"
    r"in (?:its|their) (?:place|stead)|"
    r"as an alternative|alternatively|instead,? (?:i|here)|i(?:'d| would| will|'ll|'m| am) (?:be )?(?:happy|glad|"
    r"willing|pleased) to|"
    r"i (?:can|could|might|may) (?:\w+ )?(?:offer|suggest|outline|help|share|describe|write|sketch|provide|"
    r"give)\b[^.\n]{0,80}\b(?:instead|in its place)|"
    r"happy to (?:help|assist|discuss|offer|write|try)|if (?:that|this|it) would (?:help|be (?:useful|of use))|"
    r"let me know (?:if|which)|"
    r"just tell me which|(?:some|a few) (?:other )?(?:options|alternatives|directions))\b"
)
_EDGE = 900
_GATE = frozenset(
    re.findall(
        r"\S+",
        "won't can't cannot couldn't shouldn't wouldn't don't not decline declining rather hesitate unable unwilling "
        "reluctant aside pass passing hold holding kept left",
    )
)


def excused(lower: str, vocabulary: frozenset[str]) -> re.Match[str] | None:
    """A refusal at the start or the end that comes with a reason or another offer, outside quotes."""
    if not vocabulary & _GATE:
        return None
    for edge in (lower[:_EDGE], lower[-_EDGE:]):
        plain = _unquoted(edge) if _REFUSES.search(edge) else ""
        refused = _REFUSES.search(plain)
        if refused:
            others = (_WRONG.search(plain) is not None) + (_INSTEAD.search(plain) is not None)
            if others >= (1 if _OF_TEXT.search(refused.group()) else 2):
                return refused
    return None


def _unquoted(text: str) -> str:
    """`text` without what is between quotation marks, and without lines that name their speaker."""
    lines = (line for line in re.sub(r'"[^"\n]*(?:"|$)', '""', text, flags=re.MULTILINE).splitlines())
    return "\n".join(line for line in lines if not re.match(r"\s*(?:>|\**[\w .'-]{1,40}:\**)", line))
