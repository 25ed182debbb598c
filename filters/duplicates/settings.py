"""What a recipe says of texts that repeat others."""

from pydantic import Field, PositiveInt

from filters.base import Action, CheckSettings, GateSettings


class Near(GateSettings):
    """Near duplicates by MinHash over word shingles (Broder 1997)."""

    threshold: float = Field(0.7, gt=0.0, le=1.0, description="estimated Jaccard similarity from which a text repeats")
    shingle: PositiveInt = Field(5, description="words of a shingle")
    permutations: int = Field(128, ge=16, le=512, description="length of a signature")


class Semantic(CheckSettings):
    """Semantic duplicates by the cosine of embeddings. `action` is for documents; off switches all of it off."""

    ideas: Action = Field("drop", description="the same for ideas and queries, which nothing is paid for yet")
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
    hub: int = Field(
        5, ge=1, description="documents near one document, above which they must be nearly its words to go"
    )
    cell: int = Field(5_000, ge=100, description="texts compared all with all; more are first split into such cells")


class Overused(CheckSettings):
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
