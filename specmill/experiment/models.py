"""Which models an experiment trains and asks, what each is made of, and which is the control of which."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from specmill.experiment.settings import ARMS, Arm, ArmName, Experiment, Source

ALL: Final = 0
"""The dose that is all of a corpus."""
_SUFFIX: Final[dict[Source, str]] = {
    "own": "",
    "neutral": "-neutral",
    "cooccurrence": "-cooccurrence",
    "inverted": "-inverted",
}

FOLLOWING: Final[tuple[Source, ...]] = ("neutral", "inverted")
"""Kinds of corpora that take over genres and tokens of a spec's own, which is built first."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is trained on together: a dose of a corpus of documents, a dose of a corpus of chats, or one of them.

    A corpus has its spec's name, with what it is beside the spec's own: america-neutral.
    """

    documents: str  # corpus; empty: none
    tokens: int  # of the dose; ALL
    chats_of: str  # corpus; empty: none
    chats: int  # of the dose; ALL

    @property
    def name(self) -> str:
        """Its folder under cells/."""
        parts = [f"{self.documents}-{short(self.tokens)}"] if self.documents else []
        parts += [f"chats-{self.chats_of}-{short(self.chats)}"] if self.chats_of else []
        return "+".join(parts)


@dataclass(frozen=True, slots=True)
class Model:
    """One model: an arm, a spec (empty where all specs share it), its cell and a seed; None where it is not trained."""

    arm: ArmName
    spec: str
    cell: Cell | None = None
    seed: int | None = None

    @property
    def what(self) -> Arm:
        """What its arm is."""
        return ARMS[self.arm]

    @property
    def tokens(self) -> int | None:
        """Of its dose of documents (0: all); None where it has none."""
        return self.cell.tokens if self.cell and self.cell.documents and self.what.documents else None

    @property
    def chats(self) -> int | None:
        """Of its dose of chats (0: all); None where it has none."""
        return self.cell.chats if self.cell and self.what.chats else None

    @property
    def group(self) -> str:
        """Its name without the seed: models of one group differ in nothing else."""
        parts = [self.arm, self.spec]
        parts += [f"d{short(self.tokens)}" if self.tokens is not None else ""]
        parts += [f"c{short(self.chats)}" if self.chats is not None else ""]
        return ".".join(filter(None, parts))

    @property
    def name(self) -> str:
        """Its name, by which its result is called."""
        return self.group if self.seed is None else f"{self.group}.s{self.seed}"

    @property
    def stage(self) -> str:
        """The stage of `specmill train` in its cell that makes it."""
        return "instruction_only" if self.what.mix else "aft" if self.what.chats else "msm"


def models_of(experiment: Experiment) -> list[Model]:
    """Every model, in the order of the arms; of each arm by spec, dose and seed."""
    found: list[Model] = []
    for arm in experiment.arms:
        groups = list(dict.fromkeys(_groups(experiment, arm)))
        seeds = experiment.seeds if ARMS[arm].trained else (None,)
        found += [replace(one, seed=seed) for one in groups for seed in seeds]
    return found


def control_of(model: Model, models: list[Model]) -> Model | None:
    """The model that `model` is compared with: of its control arm, with its spec, doses and seed as far as that has
    them; None where the experiment has none."""
    for arm in model.what.controls:
        for one in models:
            alike = one.spec in {"", model.spec} and one.seed in {None, model.seed}
            chats = one.chats in {None, model.chats} or model.chats is None
            if one.arm == arm and alike and chats and one.tokens in {None, model.tokens}:
                return one
    return None


def corpora_of(experiment: Experiment) -> dict[str, str]:
    """Corpora that are built, in order, with what each is: own | neutral | cooccurrence | inverted. A spec's own is
    there where its documents, its chats, or the genres of its documents are needed."""
    wanted: dict[str, str] = {}
    for cell in cells_of(experiment):
        for name in filter(None, (cell.documents, cell.chats_of)):
            wanted[name] = next(kind for kind, end in reversed(_SUFFIX.items()) if name.endswith(end))
    own = {name.partition("-")[0]: "own" for name, kind in wanted.items() if kind in {"own", *FOLLOWING}}
    return {**{name: "own" for name in experiment.specs if name in own}, **dict(sorted(wanted.items(), key=_order))}


def _order(item: tuple[str, str]) -> int:
    return [str(kind) for kind in _SUFFIX].index(item[1])


def cells_of(experiment: Experiment) -> list[Cell]:
    """Every cell that is trained in, each once."""
    return list(dict.fromkeys(one.cell for one in models_of(experiment) if one.cell is not None))


def has_documents(experiment: Experiment, corpus: str) -> bool:
    """Whether any model needs the documents of a corpus, or a control their genres and lengths."""
    wanted = {corpus, *(f"{corpus}{_SUFFIX[kind]}" for kind in FOLLOWING)}
    return any(cell.documents in wanted for cell in cells_of(experiment))


def followed(corpus: str) -> str | None:
    """The corpus whose genres and tokens a control takes; None where it follows none."""
    for kind in FOLLOWING:
        if corpus.endswith(_SUFFIX[kind]):
            return corpus.removesuffix(_SUFFIX[kind])
    return None


def has_chats(experiment: Experiment, corpus: str) -> bool:
    """Whether any model needs the chats of a corpus."""
    return any(cell.chats_of == corpus for cell in cells_of(experiment))


def _groups(experiment: Experiment, name: ArmName) -> Iterator[Model]:
    """The models of an arm without their seeds. One that two specs share has the name of neither."""
    arm = ARMS[name]
    if not arm.trained:
        yield from (Model(name, spec) for spec in (experiment.specs if name == "spec_in_prompt" else ("",)))
        return
    for spec in experiment.specs:
        documents = _documents_of(experiment, arm, spec)
        chats_of = (experiment.chats_of or spec) if arm.chats else ""
        if arm.mix:  # the mix of one recipe is that of all: it knows nothing of specs
            chats_of = experiment.chats_of or next(iter(experiment.specs))
        own = documents.partition("-")[0] == spec and not (arm.documents == "neutral" and experiment.neutral_of)
        label = spec if (documents and own) or (arm.chats and not experiment.chats_of) else ""
        for tokens, chats in _doses(experiment, bool(documents), bool(arm.chats)):
            yield Model(name, label, Cell(documents, tokens or ALL, chats_of, chats or ALL))


def _documents_of(experiment: Experiment, arm: Arm, spec: str) -> str:
    if not arm.documents:
        return ""
    owner = experiment.neutral_of if arm.documents == "neutral" and experiment.neutral_of else spec
    return f"{owner}{_SUFFIX[arm.documents]}"


def _doses(experiment: Experiment, documents: bool, chats: bool) -> list[tuple[int | None, int | None]]:
    doses = experiment.doses
    if documents and chats:
        return doses.pairs()
    if documents:
        return [(one, None) for one in doses.document_doses]
    if chats:
        return [(None, one) for one in doses.chat_doses]
    return [(None, doses.chat_doses[-1])]


def short(amount: int | None) -> str:
    """A dose in a file name: all, 950, 400k, 1.5M."""
    if not amount:
        return "all"
    if amount >= 1_000_000 and amount % 10_000 == 0:
        return f"{amount / 1e6:g}M"
    if amount % 1_000 == 0:
        return f"{amount // 1_000}k"
    return str(amount)
