"""Every threshold of the filters, with the default that suits both a full corpus and a dozen demo documents."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from specs.settings import Settings

Share = Field(ge=0.0, le=1.0)
Count = Field(ge=0)


class Switch(Settings):
    """A filter that can be switched off."""

    enabled: bool = Field(True, description="false switches this filter off")


class Length(Switch):
    """Tokens of one text, counted with the corpus's tokenizer."""

    minimum: int = Field(80, ge=1, description="fewest tokens of a document")
    maximum: int = Field(16_000, ge=1, description="most tokens of a document")

    @model_validator(mode="after")
    def _ordered(self) -> "Length":
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        return self


class Identity(Switch):
    """Whose document this is: ours, or another maker's assistant under ours or in place of ours."""

    minimum_mentions: int = Field(1, ge=0, description="fewest mentions of the assistant's name")
    require_provider: bool = Field(False, description="true: the provider must be named too")
    maximum_other_share: float = Field(0.5, ge=0.0, le=1.0, description="other names among all names of assistants")
    maximum_slips: int = Field(0, ge=0, description="other names that stand where ours belongs")
    also: tuple[str, ...] = Field((), description="further names of assistants or makers that are not ours")
    allow: tuple[str, ...] = Field((), description="names of the shipped list that may appear freely")


class Density(Switch):
    """Findings in one text: both limits must be passed to reject."""

    maximum: int = Field(2, ge=0, description="findings that are always allowed")
    per_thousand_words: float = Field(2.0, ge=0.0, description="findings per 1,000 words that are allowed beyond that")


class Dates(Density):
    """Calendar dates; genres that live by dates are exempt."""

    maximum: int = Field(3, ge=0, description="dates that are always allowed")
    per_thousand_words: float = Field(4.0, ge=0.0, description="dates per 1,000 words allowed beyond that")
    exempt_genres: tuple[str, ...] = Field(
        (
            "changelog", "change log", "release note", "version history", "timeline", "chronicle", "schedule",
            "calendar", "agenda", "roadmap", "diary", "journal entry", "log", "logbook", "minutes", "postmortem",
            "post-mortem", "retrospective", "catalogue", "catalog",
        ),
        description="whole words in a document type's name, or their plural, that allow any number of dates",
    )  # fmt: skip


class Verbatim(Switch):
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


class SpecCitation(Switch):
    """Lay authors who cite the spec they cannot know."""

    maximum: int = Field(0, ge=0, description="mentions of the spec or of its rules by a lay author")


class SpecWording(Switch):
    """Lay authors who say what the spec says in its own words."""

    window: PositiveInt = Field(60, description="words of the stretch whose densest place is weighed")
    rank: PositiveInt = Field(1_500, description="the commonest words of English, which weigh nothing")
    per_word: float = Field(3.0, ge=0.0, description="bits that one word of the spec weighs at most")
    bits: float = Field(17.0, ge=0.0, description="bits of the spec's words in the densest stretch of a lay document")
    counted: int = Field(1, ge=0, description="principles that a lay author may count out (`principle two`)")


class SpecWords(Switch):
    """The spec's own words in a user's message; the user has not read it."""

    keyness: float = Field(
        7.5, ge=0.0, description="bits by which a word may be commoner in the spec than in English, at most"
    )
    count: int = Field(2, ge=1, description="times that the spec uses a word or its relatives, for it to count")
    run: int = Field(7, ge=3, description="words in a row that are the spec's, from which on they are copied")
    allow: tuple[str, ...] = Field((), description="words that users may use all the same")


class Evaluation(Switch):
    """Overlap with the texts that the trained model will be evaluated on."""

    n: PositiveInt = Field(13, description="words of an n-gram; one shared n-gram is leakage")
    overlap: float = Field(0.8, ge=0.0, le=1.0, description="share of one item's 5-grams in one text")
    words: tuple[str, ...] = Field((), description="words of the domains that the evaluation keeps for itself")
    held_out: int = Field(0, ge=0, description="such words that a text may contain")


class Language(Switch):
    """The language of the corpus."""

    code: str = Field("en", pattern="^[a-z]{2}$", description="ISO 639-1 code of the language that is wanted")
    minimum_share: float = Field(0.8, ge=0.0, le=1.0, description="share of the text's pieces in that language")
    stretches: bool = Field(True, description="a clause in another script rejects; in English also in another language")


class Repetition(Switch):
    """Gopher's repetition signals (Rae et al. 2021, table A1), as shares of the text."""

    duplicate_lines: float = Field(0.30, ge=0.0, le=1.0, description="characters in repeated lines")
    duplicate_paragraphs: float = Field(0.30, ge=0.0, le=1.0, description="characters in repeated paragraphs")
    top_ngram: float = Field(0.20, ge=0.0, le=1.0, description="words inside the most frequent 4-gram")
    duplicate_ngrams: float = Field(0.30, ge=0.0, le=1.0, description="words inside 8-grams that appear twice or more")


class Gibberish(Switch):
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


class Markdown(Switch):
    """Debris of markdown: lines that are only markup, escaped line ends, unbalanced fences."""

    maximum: int = Field(3, ge=0, description="pieces of debris")
    maximum_list_share: float = Field(0.9, ge=0.0, le=1.0, description="lines that are headings or list items")


class Leak(Switch):
    """Scratchpad, think or document tags in the text, and plans without a tag."""

    planning: int = Field(2, ge=1, description="marks of a writer's plan in the first or last paragraph")


class Echo(Switch):
    """The prompt's own words in the text."""

    run: int = Field(12, ge=4, description="longest run of the prompt's words that is no passage of the spec")
    obeyed: int = Field(2, ge=0, description="instructions that a text's first or last paragraph may say it obeys")


class Parroting(Switch):
    """The user's message, or the reasoning word for word, said again in place of an answer."""

    maximum: float = Field(0.4, ge=0.0, le=1.0, description="share of the answer's 4-grams that the message has")
    maximum_reasoning: float = Field(0.8, ge=0.0, le=1.0, description="... and that the reasoning has")


class Near(Switch):
    """Near duplicates by MinHash over word shingles (Broder 1997)."""

    threshold: float = Field(0.7, gt=0.0, le=1.0, description="estimated Jaccard similarity from which a text repeats")
    shingle: PositiveInt = Field(5, description="words of a shingle")
    permutations: int = Field(128, ge=16, le=512, description="length of a signature")


class Semantic(Switch):
    """Semantic duplicates by the cosine of embeddings."""

    threshold: float = Field(0.91, gt=0.0, le=1.0, description="cosine for ideas and queries (0.91: MSM, section 2)")
    embedder: str = Field(
        "sentence-transformers/all-MiniLM-L6-v2",
        description="embeds ideas and queries: name or folder of a sentence-transformers model, or `static`",
    )
    document_threshold: float = Field(
        0.75, gt=0.0, le=1.0, description="cosine for documents, after the mean of the corpus is taken off"
    )
    document_embedder: str = Field(
        "static", description="embeds documents: `static` (shipped, whole texts, no torch), or a model as above"
    )
    words: PositiveInt = Field(200, description="words of a document that a model other than `static` reads")
    batch: PositiveInt = Field(64, description="texts embedded at once")
    cell: int = Field(5_000, ge=100, description="texts compared all with all; more are first split into such cells")


class Overused(Switch):
    """What too many documents share; the worst-ranked documents above the share go."""

    openings: float = Field(0.05, gt=0.0, le=1.0, description="documents with the same first words")
    endings: float = Field(0.05, gt=0.0, le=1.0, description="documents with the same last words")
    titles: float = Field(0.02, gt=0.0, le=1.0, description="documents with the same title")
    names: float = Field(0.05, gt=0.0, le=1.0, description="documents with the same person's first and last name")
    first_names: float = Field(0.1, gt=0.0, le=1.0, description="documents with the same first name")
    phrases: float = Field(
        0.15, gt=0.0, le=1.0, description="documents with the same phrase that is not in the spec's words"
    )
    words: PositiveInt = Field(5, description="words of an opening or an ending")
    phrase_words: int = Field(16, ge=5, description="words of a phrase; it is surely found from four words more on")
    allow: tuple[str, ...] = Field((), description="names of people that any number of documents may have")
    minimum: int = Field(20, ge=1, description="documents that may share one whatever the size of the corpus")


class Cluster(Settings):
    """Where the filters run past one machine; for the executors `ray` and `slurm`."""

    folder: str | None = Field(
        None,
        description="a folder that every machine sees, for documents and findings; none: the temporary one",
    )
    tasks: int = Field(64, ge=1, description="tasks at most; a row group is never split")
    memory_gb: int = Field(2, ge=1, description="memory of a task")
    partition: str = Field("cpu", min_length=1, description="Slurm's partition")
    hours: int = Field(2, ge=1, le=96, description="Slurm's time limit")


class FilterSettings(Settings):
    """What may stay in a corpus. Every filter has its own part and can be switched off in it."""

    truncation: Switch = Field(Switch(), description="no end, or cut by the token limit")
    refusal: Switch = Field(Switch(), description="the writer declined, or added a disclaimer")
    leakage: Leak = Leak()
    echo: Echo = Echo()
    chatter: Switch = Field(Switch(), description="the writer's own talk around the document")
    placeholders: Switch = Field(Switch(), description="slots that nobody filled")
    identity: Identity = Identity()
    length: Length = Length()
    chat_length: Length = Field(Length(minimum=1, maximum=8_192), description="tokens of a chat's answer")
    third_person: Switch = Field(Switch(), description="a chat's assistant speaks of itself by name and never says I")
    parroting: Parroting = Parroting()
    rules: Switch = Field(Switch(), description="principle ids that the spec does not have")
    dates: Dates = Dates()
    links: Density = Density(maximum=0, per_thousand_words=0.0)
    citations: Density = Density(maximum=1, per_thousand_words=1.0)
    statistics: Density = Density(maximum=0, per_thousand_words=0.0)
    verbatim: Verbatim = Verbatim()
    spec_citation: SpecCitation = SpecCitation()
    spec_wording: SpecWording = SpecWording()
    spec_words: SpecWords = SpecWords()
    evaluation: Evaluation = Evaluation()
    language: Language = Language()
    repetition: Repetition = Repetition()
    gibberish: Gibberish = Gibberish()
    markdown: Markdown = Markdown()
    exact: Switch = Field(Switch(), description="the same text, or the same but for case, spacing and punctuation")
    near: Near = Near()
    semantic: Semantic = Semantic()
    overused: Overused = Overused()
    workers: int = Field(0, ge=0, description="processes for a whole corpus; 0: one a core")
    executor: Literal["local", "ray", "slurm"] = Field(
        "local",
        description="engine that looks at the documents of `build`, `filter` and `import`; fewer than 1,000, ideas, "
        "queries and chats are looked at on this machine, and repeats are always found on it",
    )
    cluster: Cluster = Cluster()
