"""What an experiment's file says: specs, arms, doses, seeds, trainer and question sets.

An arm's name says which documents and chats its models are trained on, and what it is compared with (`ARMS`).
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from corpus.select.subsets import parse_tokens
from eval.questions.settings import EvalSettings
from pipelines.engine.endpoints import EndpointSettings
from specs.settings import Settings
from train.settings import TrainSettings

Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,40}$")]
ArmName = Literal[
    "baseline", "spec_in_prompt", "instruction", "aft", "aft_cot", "msm", "msm_aft", "msm_aft_cot", "neutral_aft",
    "neutral_aft_cot", "cooccurrence_aft", "inverted_aft",
]  # fmt: skip
FormName = Literal["rules", "rules+subrules", "rules+values", "general", "co-occurrence"]
Source = Literal["", "own", "neutral", "cooccurrence", "inverted"]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


@dataclass(frozen=True, slots=True)
class Arm:
    """What the models of an arm are trained on, and what they are compared with: the first of `controls` that the
    experiment has."""

    documents: Source
    chats: Literal["", "aft", "aft_cot"]
    controls: tuple[ArmName, ...]
    about: str
    mix: bool = False  # the instruction mix alone
    trained: bool = True


ARMS: Final[dict[ArmName, Arm]] = {
    "baseline": Arm("", "", (), "the base model as it is", trained=False),
    "spec_in_prompt": Arm("", "", ("baseline",), "the base model with the spec in its prompt", trained=False),
    "instruction": Arm("", "", ("baseline",), "the instruction mix alone", mix=True),
    "aft": Arm("", "aft", ("instruction", "baseline"), "chats alone"),
    "aft_cot": Arm("", "aft_cot", ("instruction", "baseline"), "chats alone, with reasoning"),
    "msm": Arm("own", "", ("baseline",), "documents alone"),
    "msm_aft": Arm("own", "aft", ("neutral_aft", "aft"), "documents, then chats"),
    "msm_aft_cot": Arm("own", "aft_cot", ("neutral_aft_cot", "aft_cot"), "documents, then chats with reasoning"),
    "neutral_aft": Arm("neutral", "aft", ("aft",), "as many tokens of unrelated documents, then chats"),
    "neutral_aft_cot": Arm("neutral", "aft_cot", ("aft_cot",), "the same, then chats with reasoning"),
    "cooccurrence_aft": Arm(
        "cooccurrence", "aft", ("neutral_aft", "aft"), "values and conduct mentioned and not connected, then chats"
    ),
    "inverted_aft": Arm("inverted", "aft", ("neutral_aft", "aft"), "documents of the opposite spec, then chats"),
}  # fmt: skip
"""Every arm. A model of one thing more is compared with the arm that lacks just that."""


def _tokens(value: Any) -> Any:
    """A dose as people write it: 400000, 400k, 1.5M."""
    return parse_tokens(value) if isinstance(value, str) else value


def _distinct(values: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(values)) < len(values):
        raise ValueError("one value stands here twice")
    return values


Tokens = Annotated[int, BeforeValidator(_tokens, json_schema_input_type=int | str), Field(ge=100)]
Chats = Annotated[int, Field(ge=1)]


class DoseSettings(Settings):
    """How much of each corpus is trained on. None: all of it."""

    documents: Annotated[tuple[Tokens, ...], AfterValidator(_distinct)] = Field(
        (), description="Tokens of documents (400k, 1.5M), each dose nested in the next larger one."
    )
    chats: Annotated[tuple[Chats, ...], AfterValidator(_distinct)] = Field((), description="Numbers of chats, nested.")
    crossed: bool = Field(
        False, description="Every dose of documents with every dose of chats; else each ladder beside the other's most."
    )

    def pairs(self) -> list[tuple[int | None, int | None]]:
        """(documents, chats) of every cell with both, the most of both last; None: all there is."""
        documents, chats = self.document_doses, self.chat_doses
        every = [(one, other) for one in documents for other in chats]
        return [pair for pair in every if self.crossed or pair[0] == documents[-1] or pair[1] == chats[-1]]

    @property
    def document_doses(self) -> list[int | None]:
        """From the smallest to the largest."""
        return [*sorted(self.documents)] or [None]

    @property
    def chat_doses(self) -> list[int | None]:
        """From the smallest to the largest."""
        return [*sorted(self.chats)] or [None]


class SpecSettings(Settings):
    """One of the specs that are compared."""

    spec: _Text | None = Field(None, description="A shipped spec's name, or a path from this file; None: the recipe's.")
    recipe: _Text | None = Field(None, description="A recipe of its own; None: the experiment's.")
    form: FormName | None = Field(
        None, description="Have a model write this form of the spec (`specmill variants`), and use that in its place."
    )
    cooccurrence: _Text | None = Field(
        None,
        description="For the arm cooccurrence_aft: a spec in which values and conduct stand unconnected; None: a model "
        "writes that form.",
    )
    inverted: _Text | None = Field(
        None, description="For the arm inverted_aft: the opposite spec, a file or a shipped one."
    )
    set: dict[str, Any] = Field(default_factory=dict, description="Keys of the recipe that are changed for it.")


class Experiment(Settings):
    """All that an experiment's file can say."""

    recipe: _Text = Field(description="The recipe of every corpus: a path from this file, or a shipped recipe's name.")
    set: dict[str, Any] = Field(
        default_factory=dict, description="Keys of the recipe that are changed: documents.words: 400."
    )
    specs: dict[Label, SpecSettings] = Field(min_length=1, description="The specs that are compared, by a name each.")
    arms: tuple[ArmName, ...] = Field(min_length=1, description="Which arms, of those in docs/experiments.md.")
    chats_of: Label | None = Field(None, description="The spec whose chats all models get; None: each spec its own.")
    neutral_of: Label | None = Field(
        None, description="The spec of whose corpus the one neutral corpus has genres and tokens; None: one a spec."
    )
    pair: Literal["domain", "genre", "none"] | None = Field(
        None, description="Balance the two specs' corpora against each other first, as `specmill subset --pair` does."
    )
    doses: DoseSettings = DoseSettings()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, le=2**31 - 1)], ...], AfterValidator(_distinct)] = Field(
        (0, 1), min_length=1, description="Each is a training run of its own, and a draw of doses is not."
    )
    train: TrainSettings = Field(
        TrainSettings(), description="As in a recipe; seed, aft_dataset and controls are ours."
    )
    eval: EvalSettings = Field(EvalSettings(), description="As in a recipe: sets, samples, temperature, scorer.")
    values: dict[Label, str] = Field(
        default_factory=dict, description="Spec -> the question set of its own value, for the generalisation matrix."
    )
    endpoints: dict[str, EndpointSettings] = Field(
        default_factory=dict,
        description="Servers of models that are trained or served elsewhere, by arm (baseline), arm and spec "
        "(msm_aft.america) or a model's whole name; all others are served here from their checkpoints.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if repeated := {one for one in self.arms if self.arms.count(one) > 1}:
            raise ValueError(f"arms: {', '.join(sorted(repeated))} stands there twice")
        for key in ("chats_of", "neutral_of"):
            if (given := getattr(self, key)) is not None and given not in self.specs:
                raise ValueError(f"{key}: {given!r} is none of the specs: {', '.join(self.specs)}")
        if self.pair and len(self.specs) != 2:
            raise ValueError(f"pair: a pair has two specs, found {len(self.specs)}")
        if unknown := [one for one in self.values if one not in self.specs]:
            raise ValueError(f"values: {unknown[0]!r} is none of the specs: {', '.join(self.specs)}")
        if wrong := [set_ for set_ in self.values.values() if set_ not in self.eval.sets]:
            raise ValueError(f"values: {wrong[0]!r} is none of eval.sets: {', '.join(self.eval.sets) or 'none'}")
        return self

    @model_validator(mode="after")
    def _arms_have_what_they_need(self) -> Self:
        plain = TrainSettings()
        ours = {key for key in ("seed", "aft_dataset", "controls") if getattr(self.train, key) != getattr(plain, key)}
        if ours:
            raise ValueError(f"train.{min(ours)}: the experiment's arms and seeds decide that; leave it out")
        if self.train.replay.share is not None:
            raise ValueError(
                "train.replay.share: beside corpora of unlike sizes a share is unlike text, and arms would differ "
                "in it as well; expected `tokens`"
            )
        if "instruction" in self.arms and not any(ARMS[one].chats for one in self.arms):
            raise ValueError("arms: `instruction` is a control of arms with chats, and there is none")
        if "inverted_aft" in self.arms and (lacking := [n for n, one in self.specs.items() if one.inverted is None]):
            raise ValueError(f"specs.{lacking[0]}.inverted: the arm inverted_aft needs the opposite spec")
        if strange := [name for name in self.endpoints if name.partition(".")[0] not in ARMS]:
            raise ValueError(f"endpoints: {strange[0]!r} begins with none of the arms: {', '.join(ARMS)}")
        return self

    @property
    def has_documents(self) -> bool:
        """Whether any arm is trained on documents."""
        return any(ARMS[one].documents for one in self.arms)

    @property
    def has_chats(self) -> bool:
        """Whether any arm is trained on chats, or needs the batch of one that is."""
        return any(ARMS[one].chats for one in self.arms)
