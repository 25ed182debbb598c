"""What a recipe says of the pattern audit."""

from pydantic import Field

from specs.settings import Settings


class AuditSettings(Settings):
    """Three passes over a finished corpus [GDM]: propose patterns, verify them on fresh documents, count them."""

    threshold: float = Field(0.2, gt=0, lt=1, description="Patterns in more than this share of documents are reported.")
    samples: int = Field(
        6, ge=1, le=100, description="Samples of documents that patterns are proposed from, a call each."
    )
    sample_documents: int = Field(8, ge=2, le=50, description="Documents of one such sample.")
    patterns: int = Field(20, ge=1, le=60, description="Most patterns that are verified.")
    verify: int = Field(60, ge=10, le=10_000, description="Fresh documents that patterns are verified on, a call each.")
    count: int = Field(
        300, ge=0, description="Most further documents that a model reads to count what stood the test, a call each."
    )
    document_words: int = Field(
        1_500, ge=50, description="Words of a document that are shown; of longer ones the beginning and the end."
    )
