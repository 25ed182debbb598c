"""The parts of a recipe that say how large a corpus is and how it is asked for."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from corpus.select.balance import Balance
from corpus.settings import CorpusSettings
from eval.questions.settings import EvalSettings
from filters.settings import FilterSettings
from pipelines.audit.settings import AuditSettings
from pipelines.chats.settings import ChatSettings
from pipelines.documents.settings import GivenDomain
from pipelines.engine.endpoints import EngineSettings
from pipelines.judging.settings import JudgeSettings
from pipelines.questions.settings import QuestionSettings
from specs.settings import Assistant, Settings


class DecomposeSettings(Settings):
    """How finely a spec is divided. The paper's large corpus has 8 domains [MSM, App. B]."""

    shape: Literal["auto", "prose", "rules"] = Field("auto", description="`rules`: one subdomain a numbered rule.")
    domains: int = Field(8, ge=1, le=100, description="Domains of the spec.")
    subdomains: int = Field(5, ge=1, le=100, description="Subdomains (or rules) of each domain.")
    assertions: int = Field(6, ge=1, le=100, description="Character assertions of each subdomain.")
    given: tuple[GivenDomain, ...] = Field(
        (),
        description="A plan written by hand: domains, subdomains, assertions and, if there, document types with their "
        "ideas. No model is asked for what it says, and the numbers above and `documents.types` and `ideas` are its.",
    )

    @property
    def given_types(self) -> bool:
        """Whether the plan written by hand reaches down to document types and ideas."""
        return any(sub.types for domain in self.given for sub in domain.subdomains)

    @model_validator(mode="after")
    def _all_types_or_none(self) -> Self:
        if len({bool(sub.types) for domain in self.given for sub in domain.subdomains}) > 1:
            raise ValueError("given: expected document types under every subdomain, or under none of them")
        return self


Genre = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=80, pattern=r"^[^\n{}<>]+$")]


def is_genre(text: str | None) -> bool:
    """Whether `documents.genres` may hold this name, which a model gave."""
    try:
        TypeAdapter(Genre).validate_python(text)
    except ValidationError:
        return False
    return True


class GenreSettings(Settings):
    """A document type that the recipe gives."""

    name: Genre = Field(description="Two to four words: internal memo.")
    description: str = Field("", max_length=800, description="One sentence that says what such a document is.")
    frame: Literal["insider", "lay"] = Field(
        "lay", description="Whether its authors know the spec (insider) or describe what they saw (lay)."
    )
    words: int | None = Field(
        None, ge=50, le=10_000, description="Words that are asked for; absent: `documents.words`."
    )


class DocumentSettings(Settings):
    """The documents for midtraining. The paper: 20 types a subdomain, 25 ideas a type, 5,000 tokens [MSM, App. B]."""

    types: int = Field(20, ge=1, le=200, description="Document types of each subdomain.")
    ideas: int = Field(25, ge=1, le=1000, description="Ideas for each document type.")
    words: int = Field(900, ge=50, le=10_000, description="Words that are asked for; models write up to twice as many.")
    style: Literal["corpus", "story", "neutral"] = Field(
        "corpus",
        description="corpus: documents of any type; story: fiction in which the assistant lives by the spec; "
        "neutral: a control corpus that has nothing to do with the assistant or its spec.",
    )
    genres: tuple[Genre | GenreSettings, ...] = Field(
        (),
        max_length=20_000,
        description="Document types, dealt out to the subdomains, `types` to each: names, or (but for neutral "
        "documents) name, description, frame and words; empty: they are asked for.",
    )
    attribution: Literal["explain", "apart"] = Field(
        "explain",
        description="explain: documents say by which value a conduct is explained; apart: no prompt asks for a reason, "
        "for a spec in which values and preferences only stand side by side.",
    )
    disagreement: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the documents in which somebody disagrees with what the assistant holds, and it holds to "
        "it for its reason; with document types of `decompose.given`, what that gives under `disagreement` counts.",
    )
    plan: bool = Field(False, description="Plan what, how and why in a request of its own (role `planner`) first.")
    scratchpad: bool = Field(True, description="The writer plans on a scratchpad first; only the document is kept.")
    revise: bool = Field(
        False, description="Role `critic` names what is wrong, then role `rewriter` writes the document anew from that."
    )
    limit: int | None = Field(None, ge=1, description="Most documents to write, spread evenly; absent: every idea.")
    target_tokens: int | None = Field(None, ge=1, description="Stop once this many tokens are kept; absent: no target.")
    balance: Balance = Field("domain", description="What the kept tokens of a target are shared among, evenly.")
    top_up: int = Field(
        2, ge=0, le=20, description="Rounds of further ideas where they run out before the target is met."
    )

    @property
    def type_count(self) -> int:
        """Document types of each subdomain."""
        return min(self.types, len({one.name for one in self.given_genres})) if self.genres else self.types

    @property
    def mean_words(self) -> int:
        """Words that are asked for, on average over the document types that the recipe gives."""
        asked = [one.words or self.words for one in self.given_genres] or [self.words]
        return round(sum(asked) / len(asked))

    @property
    def given_genres(self) -> list[GenreSettings]:
        """`genres`, those of which only the name is given too."""
        return [GenreSettings(name=one) if isinstance(one, str) else one for one in self.genres]

    @model_validator(mode="after")
    def _fits_its_style(self) -> Self:
        if self.style == "neutral" and not all(isinstance(one, str) for one in self.genres):
            raise ValueError("genres: of neutral documents expected names alone; all are written by lay authors")
        if self.style == "neutral" and (self.plan or self.revise):
            raise ValueError("style: neutral documents are written at once; expected no `plan` and no `revise`")
        if self.style == "neutral" and self.disagreement:
            raise ValueError("disagreement: nobody has an assistant to disagree with in neutral documents; expected 0")
        if self.attribution == "apart" and self.style != "corpus":
            raise ValueError(f"attribution: `apart` is made for `style: corpus`, found {self.style!r}")
        return self


class VariantSettings(Settings):
    """Forms of a spec that a model writes, to compare what each of them teaches (`specmill variants`)."""

    tolerance: float = Field(
        0.05, gt=0, le=0.5, description="How far the tokens of a form may be from the target, as a share of it."
    )


class BuildSettings(EngineSettings):
    """All of a recipe that a build needs; the command line's recipe adds training and evaluation."""

    spec: str = Field(description="A shipped spec's name, or a path (relative to the recipe).")
    assistant: Assistant = Assistant()
    seed: int = Field(0, ge=0, description="Seed of everything that is drawn at random.")
    prompts: str | None = Field(
        None,
        description="Folder with .j2 files that replace shipped prompts, or the name of a set of them that is "
        "installed: `small` ships, for small models, and `tiny`, for those of one or two billion parameters.",
    )
    list_batch: int = Field(
        10, ge=1, le=100, description="Entries asked for at once; later batches are told what exists."
    )
    attempts: int = Field(
        3, ge=1, le=10, description="Times that one thing is asked when the reply has not the right form."
    )
    second_tries: int = Field(
        0,
        ge=0,
        le=10,
        description="Times that a document or a response which a filter would drop is asked for again, told why: for "
        "small models. Repeats among documents are not known yet then.",
    )
    planning_failures: Literal["stop", "accept"] = Field(
        "stop",
        description="Where an endpoint failed on a part of the plan (a domain without subdomains, a type without "
        "ideas): stop before documents are paid for, as a rerun may bring it; or accept, and write the others.",
    )
    decompose: DecomposeSettings = DecomposeSettings()
    documents: DocumentSettings = DocumentSettings()
    chats: ChatSettings = ChatSettings()
    filters: FilterSettings = FilterSettings()
    judge: JudgeSettings = JudgeSettings()
    audit: AuditSettings = AuditSettings()
    variants: VariantSettings = VariantSettings()
    eval: EvalSettings = EvalSettings()
    questions: QuestionSettings = QuestionSettings()
    corpus: CorpusSettings = CorpusSettings()

    @model_validator(mode="after")
    def _has_writer(self) -> Self:
        if "writer" not in self.roles:
            raise ValueError("roles: expected at least `writer`, for instance `roles: {writer: {endpoints: [main]}}`")
        return self

    @model_validator(mode="after")
    def _controls_are_controls(self) -> Self:
        if self.documents.style == "neutral" and self.decompose.given:
            raise ValueError("decompose.given: a neutral corpus is asked for as a whole; expected no plan of one's own")
        if self.documents.style == "neutral" and self.chats.target:
            raise ValueError("chats.target: a neutral corpus has no chats; train on those of the corpus it controls")
        if self.documents.attribution == "apart" and "attributed" in self.judge.required:
            raise ValueError(
                "documents.attribution: `apart` and the criterion `attributed` exclude each other; "
                "expected the set `apart` under judge.criteria_sets"
            )
        return self

    @model_validator(mode="after")
    def _types_come_once(self) -> Self:
        if self.decompose.given_types and self.documents.genres:
            raise ValueError("documents.genres: decompose.given has document types already; expected one of the two")
        return self

    @model_validator(mode="after")
    def _plan_says_who_disagrees(self) -> Self:
        if self.decompose.given_types and self.documents.disagreement:
            raise ValueError(
                "documents.disagreement: decompose.given has the ideas; expected those in which somebody disagrees "
                "there, under `disagreement` of their document type"
            )
        return self

    @model_validator(mode="after")
    def _given_messages_have_a_kind(self) -> Self:
        given = {kind for domain in self.decompose.given for sub in domain.subdomains for kind in sub.messages}
        if given and (unknown := sorted(given - set(self.chats.kinds))):
            raise ValueError(
                f"decompose.given: messages of the kind {unknown[0]!r}; expected {', '.join(self.chats.kinds)}"
            )
        return self

    @property
    def given_messages(self) -> dict[tuple[str, str, str], tuple[str, ...]]:
        """Users' messages of the plan, by domain, subdomain and kind."""
        return {
            (domain.name, sub.name, kind): texts
            for domain in self.decompose.given
            for sub in domain.subdomains
            for kind, texts in sub.messages.items()
        }

    @property
    def sized(self) -> Self:
        """With the sizes of the plan that the recipe gives (`decompose.given`), on average; without one, as it is."""
        subdomains = [sub for domain in self.decompose.given for sub in domain.subdomains]
        types = [kind for sub in subdomains for kind in sub.types]
        if not subdomains:
            return self
        domains = len(self.decompose.given)
        size = {"domains": domains, "subdomains": -(-len(subdomains) // domains)}
        changed: dict[str, Settings] = {"decompose": self.decompose.model_copy(update=size)}
        if types:
            plain, argued = (sum(len(getattr(kind, part)) for kind in types) for part in ("ideas", "disagreement"))
            asked = {
                "types": -(-len(types) // len(subdomains)), "ideas": -(-(plain + argued) // len(types)),
                "disagreement": argued / (plain + argued),
                "words": round(sum(kind.words or self.documents.words for kind in types) / len(types)),
            }  # fmt: skip
            changed["documents"] = self.documents.model_copy(update=asked)
        return self.model_copy(update=changed)
