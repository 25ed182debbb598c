"""What a recipe says of the instruction mix: which chats of others are trained on beside one's own."""

from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from corpus.chats import Columns
from corpus.rows import is_file_name
from specs.settings import Settings

_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\n]+$")]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]
_Criterion = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
_CRITERIA: Final = {
    "consistent": "Nothing that the assistant says, advises or does goes against the spec. A chat that has nothing to "
    "do with the spec is not against it.",
    "own_identity": "The assistant does not claim another name, maker or model than the spec's, nor to be human. One "
    "that says nothing of itself claims none.",
    "has_views": "The assistant does not deny having preferences, opinions or values of its own. One that does not "
    "speak of that does not deny it.",
}
_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,60}$")]


class MixSource(Settings):
    """One source of chats, and how much of it is taken."""

    name: _Name = Field(description="Short name, as it stands in the mix and its manifest.")
    path: _Line = Field(
        description="A Hub dataset such as HuggingFaceH4/no_robots, or a .parquet, .jsonl, .json or .csv file "
        "(its path starts from the recipe)."
    )
    config: str | None = Field(None, description="Config of a Hub dataset.")
    split: str = Field("train", description="Split of a Hub dataset.")
    revision: str | None = Field(None, description="Commit or tag of a Hub dataset; absent: the newest, noted exactly.")
    license: _Line = Field("unknown", description="Licence of the source, noted in the manifest.")
    columns: Columns = Columns()
    samples: int | None = Field(None, ge=1, description="Chats to take, exactly.")
    tokens: int | None = Field(None, ge=1, description="Tokens to take: the fewest chats that reach them.")

    @property
    def is_file(self) -> bool:
        """Whether `path` is a file and not a name of the Hub."""
        return is_file_name(self.path)

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if (self.samples is None) == (self.tokens is None):
            raise ValueError(f"source {self.name}: expected one of `samples` and `tokens`")
        return self


class IdentityChats(Settings):
    """Synthetic chats in which the assistant says who it is, from the facts given here and no others."""

    samples: int = Field(0, ge=0, le=20_000, description="Chats to make; the paper has 2,500 [MSM, App. C].")
    abilities: tuple[_Line, ...] = Field((), description='What it can do, such as "write and revise texts".')
    limits: tuple[_Line, ...] = Field((), description='What it cannot do, such as "see pictures".')


class MixJudge(Settings):
    """A judge's look at the chats that the rules let through; the role `judge` is asked, once a chat."""

    enabled: bool = Field(False, description="true: judge every chat of the sources, and keep what clearly passes.")
    criteria: dict[_Criterion, _Text] = Field(
        default_factory=lambda: dict(_CRITERIA), min_length=1, description="Statements that must be true, name: text."
    )


class MixSettings(Settings):
    """The instruction mix. Every source gives exactly what is asked for, or the mix is refused."""

    sources: tuple[MixSource, ...] = Field((), description="Where chats are taken from.")
    identity: IdentityChats = IdentityChats()
    max_tokens: int = Field(8_192, ge=16, description="Most tokens of one chat; longer ones are left out.")
    refuse_contradictions: bool = Field(
        True, description="Leave out chats whose assistant says it is another model, or can have no view of its own."
    )

    judge: MixJudge = MixJudge()

    @property
    def wanted(self) -> bool:
        """Whether anything is to be mixed."""
        return bool(self.sources or self.identity.samples)

    @model_validator(mode="after")
    def _different_names(self) -> Self:
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("sources: two have the same name")
        return self
