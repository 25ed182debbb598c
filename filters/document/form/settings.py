"""What a recipe says of the form of a text."""

from pydantic import Field, model_validator

from filters.base import CheckSettings, GateSettings


class Length(GateSettings):
    """Tokens of one text, counted with the corpus's tokenizer."""

    minimum: int = Field(80, ge=1, description="fewest tokens of a document")
    maximum: int = Field(16_000, ge=1, description="most tokens of a document")

    @model_validator(mode="after")
    def _ordered(self) -> "Length":
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        return self


class Language(CheckSettings):
    """The language of the corpus."""

    code: str = Field("en", pattern="^[a-z]{2}$", description="ISO 639-1 code of the language that is wanted")
    minimum_share: float = Field(0.8, ge=0.0, le=1.0, description="share of the text's pieces in that language")
    stretches: bool = Field(True, description="a clause in another script rejects; in English also in another language")


class Repetition(CheckSettings):
    """Gopher's repetition signals (Rae et al. 2021, table A1), as shares of the text."""

    duplicate_lines: float = Field(0.30, ge=0.0, le=1.0, description="characters in repeated lines")
    duplicate_paragraphs: float = Field(0.30, ge=0.0, le=1.0, description="characters in repeated paragraphs")
    top_ngram: float = Field(0.20, ge=0.0, le=1.0, description="words inside the most frequent 4-gram")
    duplicate_ngrams: float = Field(0.30, ge=0.0, le=1.0, description="words inside 8-grams that appear twice or more")


class Gibberish(CheckSettings):
    """Text that is no prose: signals of Gopher and FineWeb, the worst of them as the score."""

    minimum_alphabetic: float = Field(0.6, ge=0.0, le=1.0, description="words that have a letter")
    minimum_function_words: float = Field(0.06, ge=0.0, le=1.0, description="share of the language's commonest words")
    mean_word: tuple[float, float] = Field((2.5, 10.0), description="mean letters of a word, from and to")
    maximum_symbols: float = Field(0.25, ge=0.0, le=1.0, description="characters that are neither letter nor space")
    maximum_replaced: int = Field(0, ge=0, description="characters U+FFFD outside code: bytes that nobody could decode")
    maximum_mojibake: int = Field(2, ge=0, description="characters of UTF-8 that were read as Latin-1")
    window: int = Field(50, ge=20, description="words of the stretch, outside code, whose worst place must do as well")
    window_odd: float = Field(0.25, ge=0.0, le=1.0, description="its tokens with symbols of no prose, or without vowel")
    window_clashes: int = Field(2, ge=0, description="its word pairs that no sentence has, such as `the of` (English)")
    window_function_words: float = Field(
        0.25,
        description="its function words less 3 for such a pair, as a share, where the rest has far more (English)",
    )


class Markdown(CheckSettings):
    """Debris of markdown: lines that are only markup, escaped line ends, unbalanced fences."""

    maximum: int = Field(3, ge=0, description="pieces of debris")
    maximum_list_share: float = Field(0.9, ge=0.0, le=1.0, description="lines that are headings or list items")


class ChatLength(Length):
    """Tokens of a chat's answer."""

    minimum: int = Field(1, ge=1, description="fewest tokens of an answer")
    maximum: int = Field(8_192, ge=1, description="most tokens of an answer")
