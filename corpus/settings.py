"""What a recipe says of the corpus as a dataset: how it is counted, stored and described."""

from typing import Annotated

from pydantic import Field, StringConstraints

from specs.settings import OneLine, Settings

_Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]{0,60}$")]


class CorpusSettings(Settings):
    """How tokens are counted, how Parquet files are cut, and what the dataset card says."""

    tokenizer: OneLine = Field(
        "o200k_base",
        description="Counts every token: o200k_base, cl100k_base, a tokenizer.json or its folder, or a Hub model id.",
    )
    title: OneLine = Field("Model Spec corpus", description="Heading of the dataset card.")
    contrast: OneLine | None = Field(
        None,
        description="What it is a contrast of, if it is made to be compared and not to be trained for use: the card "
        "says so at its head, and so does `specmill train`.",
    )
    license: _Tag = Field(
        "unknown", description="Hub licence identifier of the corpus; the terms of the writing model may bind you."
    )
    language: _Tag = Field("en", description="ISO 639 code of the language of the corpus.")
    rows_per_group: int = Field(1_000, ge=1, le=1_000_000, description="Rows of a dataset's Parquet row groups.")
    shard_mb: int = Field(256, ge=1, le=4_096, description="Size of a dataset shard before compression, in MB.")

    @property
    def layout(self) -> dict[str, int]:
        """How `write_dataset` cuts its files."""
        return {"rows_per_group": self.rows_per_group, "shard_bytes": self.shard_mb * 1_000_000}


class ImportSettings(Settings):
    """Which field of a foreign row is what (`specmill import`)."""

    text: OneLine = Field("text", description="Field with the text.")
    domain: OneLine = Field("domain", description="Field with the domain.")
    genre: OneLine = Field("genre", description="Field with the document type; where it is empty, `source` is taken.")
    title: OneLine = Field("title", description="Field with the title.")
    frame: OneLine = Field(
        "frame",
        description="Field that says insider or lay; or `insider` or `lay` itself, for all. None said: insider.",
    )
    writer: OneLine = Field("model", description="Field with the model that wrote the document.")


class ReportSettings(Settings):
    """How much of a large corpus the page holds."""

    reader_items: int = Field(60_000, ge=1, description="Most items in the sample reader; drawn evenly from more.")
    sample_documents: int = Field(4_000, ge=1, description="Documents read for shared phrases and for health figures.")
    map_documents: int = Field(400, ge=10, description="Documents embedded for the cluster map.")
