"""What a recipe says of the spec, and of the prompt, showing through."""

from pydantic import Field, PositiveInt

from filters.base import CheckSettings, GateSettings


class Verbatim(CheckSettings):
    """Passages copied from the spec: longest shared run of words, and share of the text's n-grams."""

    n: PositiveInt = Field(8, description="words of an n-gram")
    insider_run: int = Field(40, ge=1, description="longest run of the spec's words in an insider's document")
    insider_share: float = Field(0.25, ge=0.0, le=1.0, description="share of an insider document's n-grams")
    lay_run: int = Field(9, ge=1, description="longest run of the spec's words in a lay document")
    lay_share: float = Field(0.05, ge=0.0, le=1.0, description="share of a lay document's n-grams")
    short: PositiveInt = Field(5, description="words of the shorter n-grams that are counted in a stretch")
    window: PositiveInt = Field(60, description="words of the stretch")
    insider_window: int = Field(32, ge=1, description="words of a stretch that are the spec's, for an insider")
    lay_window: int = Field(13, ge=1, description="words of a stretch that are the spec's, for a lay author")


class SpecCitation(CheckSettings):
    """Lay authors who cite the spec they cannot know."""

    maximum: int = Field(0, ge=0, description="mentions of the spec or of its rules by a lay author")


class SpecWording(CheckSettings):
    """Lay authors who say what the spec says in its own words."""

    window: PositiveInt = Field(60, description="words of the stretch whose densest place is weighed")
    rank: PositiveInt = Field(1_500, description="the commonest words of English, which weigh nothing")
    per_word: float = Field(3.0, ge=0.0, description="bits that one word of the spec weighs at most")
    bits: float = Field(
        20.0,
        ge=0.0,
        description="bits of the spec's words in a lay document's densest stretch; more are allowed of a long spec",
    )
    counted: int = Field(1, ge=0, description="principles that a lay author may count out (`principle two`)")


class SpecWords(GateSettings):
    """The spec's own words in a user's message; the user has not read it."""

    keyness: float = Field(
        7.5, ge=0.0, description="bits by which a word may be commoner in the spec than in English, at most"
    )
    count: int = Field(2, ge=1, description="times that the spec uses a word or its relatives, for it to count")
    run: int = Field(7, ge=3, description="words in a row that are the spec's, from which on they are copied")
    allow: tuple[str, ...] = Field((), description="words that users may use all the same")


class Echo(CheckSettings):
    """The prompt's own words in the text."""

    run: int = Field(12, ge=4, description="longest run of the prompt's words that is no passage of the spec")
    obeyed: int = Field(2, ge=0, description="instructions that a text's first or last paragraph may say it obeys")
