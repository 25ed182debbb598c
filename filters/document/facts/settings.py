"""What a recipe says of what a writer can only invent."""

from pydantic import Field

from filters.base import CheckSettings


class Density(CheckSettings):
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


class Links(Density):
    """Links and addresses."""

    maximum: int = Field(0, ge=0, description="links that are always allowed")
    per_thousand_words: float = Field(0.0, ge=0.0, description="links per 1,000 words allowed beyond that")


class Citations(Density):
    """References to literature."""

    maximum: int = Field(1, ge=0, description="citations that are always allowed")
    per_thousand_words: float = Field(1.0, ge=0.0, description="citations per 1,000 words allowed beyond that")


class Statistics(Density):
    """Figures with a source that a writer can only invent, which the spec does not have."""

    maximum: int = Field(0, ge=0, description="claims that are always allowed")
    per_thousand_words: float = Field(0.0, ge=0.0, description="claims per 1,000 words allowed beyond that")
