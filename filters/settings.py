"""What may stay in a corpus: the parts of all filters, each declared beside its check; its key is the check's name.

A check of an installed package (entry point `specmill.checks`) has its part here too, once a recipe names it.
"""

from typing import Any, Literal, Self, cast

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from filters.base import Action, CheckSettings, GateSettings
from filters.chat.settings import Parroting
from filters.document.evaluation.settings import Evaluation
from filters.document.facts.settings import Citations, Dates, Links, Statistics
from filters.document.form.settings import ChatLength, Gibberish, Language, Length, Markdown, Repetition
from filters.document.identity.settings import Identity
from filters.document.spec.settings import Echo, SpecCitation, SpecWording, SpecWords, Verbatim
from filters.document.writer.settings import Leak
from filters.duplicates.settings import Near, Overused, Semantic
from specs.errors import UserError
from specs.plugins import load_plugin, plugins
from specs.settings import Settings

GROUP = "specmill.checks"


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
    """What may stay in a corpus, and what is flagged. Every filter has its own part, with its `action`."""

    model_config = ConfigDict(extra="allow")  # the parts of installed checks; any other key is an error all the same

    # documents
    length: Length = Length()
    truncation: GateSettings = Field(GateSettings(), description="no end, or cut by the token limit")
    refusal: GateSettings = Field(GateSettings(), description="the writer declined, or added a disclaimer")
    leakage: Leak = Leak()
    identity: Identity = Identity()
    first_person: CheckSettings = Field(
        CheckSettings(), description="a document about the assistant that speaks as the assistant, outside quotes"
    )
    origin: CheckSettings = Field(
        CheckSettings(), description="another name or maker for the assistant, in any wording"
    )
    evaluation: Evaluation = Evaluation()
    choices: CheckSettings = Field(
        CheckSettings(), description="two lettered options and which was chosen, in prose too"
    )
    exact: GateSettings = Field(
        GateSettings(), description="the same text, or the same but for case, spacing and punctuation"
    )
    near: Near = Near()
    echo: Echo = Echo()
    chatter: CheckSettings = Field(CheckSettings(), description="the writer's own talk around the document")
    planning: CheckSettings = Field(
        CheckSettings(),
        description="a writer's plan of the text, or reasoning in an answer, anywhere and in any wording",
    )
    declined: CheckSettings = Field(
        CheckSettings(), description="the writer stops or the assistant declines what is harmless, in any wording"
    )
    placeholders: CheckSettings = Field(CheckSettings(), description="slots that nobody filled")
    rules: CheckSettings = Field(CheckSettings(), description="principle ids that the spec does not have")
    verbatim: Verbatim = Verbatim()
    spec_citation: SpecCitation = SpecCitation()
    spec_wording: SpecWording = SpecWording()
    links: Links = Links()
    citations: Citations = Citations()
    dates: Dates = Dates()
    statistics: Statistics = Statistics()
    markdown: Markdown = Markdown()
    repetition: Repetition = Repetition()
    language: Language = Language()
    gibberish: Gibberish = Gibberish()
    semantic: Semantic = Semantic()
    overused: Overused = Overused()
    # chats
    chat_length: ChatLength = ChatLength()
    think_leak: GateSettings = Field(GateSettings(), description="reasoning that was left in a chat's answer")
    labelled: GateSettings = Field(GateSettings(), description="a chat's answer with labels of the form asked for")
    reason_given: GateSettings = Field(GateSettings(), description="a reason beside an opaque preference")
    rule_cited: GateSettings = Field(GateSettings(), description="reasoning by rules that cites none of the spec's")
    spec_as_prompt: CheckSettings = Field(CheckSettings(), description="the spec spoken of as a text in front of one")
    staged: CheckSettings = Field(
        CheckSettings(), description="a chat that speaks of itself as a sample, a prompt or a test"
    )
    task_talk: CheckSettings = Field(CheckSettings(), description="reasoning about the task of writing a chat")
    third_person: CheckSettings = Field(
        CheckSettings(), description="a chat's assistant speaks of itself by name and never says I"
    )
    parroting: Parroting = Parroting()
    # queries: nothing is paid for an answer yet
    names_spec: GateSettings = Field(GateSettings(), description="a user's message that speaks of the spec")
    third_person_query: GateSettings = Field(
        GateSettings(), description="a user's message that speaks about the assistant, not to it"
    )
    lettered: GateSettings = Field(GateSettings(), description="a user's message in the form of a multiple choice")
    opaque_query: GateSettings = Field(
        GateSettings(), description="a message for an opaque preference that does not name its item, or asks why"
    )
    spec_words: SpecWords = SpecWords()

    workers: int = Field(0, ge=0, description="processes for a whole corpus; 0: one a core")
    executor: Literal["local", "ray", "slurm"] = Field(
        "local",
        description="engine that looks at the documents of `build`, `filter` and `import`; fewer than 1,000, ideas, "
        "queries and chats are looked at on this machine, and repeats are always found on it",
    )
    cluster: Cluster = Cluster()

    @model_validator(mode="before")
    @classmethod
    def _with_installed_checks(cls, data: Any) -> Any:
        """Validates the parts of installed checks by their own models; a key that is nobody's is an error."""
        if not isinstance(data, dict):
            return data
        found, problems = {}, []
        for key in data.keys() - cls.model_fields.keys():
            if key not in plugins(GROUP):
                problems.append(InitErrorDetails(type="extra_forbidden", loc=(key,), input=data[key]))
                continue
            try:
                found[key] = settings_model(key).model_validate({} if data[key] is None else data[key])
            except ValidationError as error:
                problems += [_below(key, one) for one in error.errors(include_url=False)]
            except UserError as error:
                raise ValueError(str(error)) from error
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return {**data, **found}

    @property
    def parts(self) -> dict[str, CheckSettings]:
        """The part of every filter, by the filter's name."""
        every = {**{name: getattr(self, name) for name in type(self).model_fields}, **(self.model_extra or {})}
        return {name: part for name, part in every.items() if isinstance(part, CheckSettings)}

    @property
    def installed(self) -> tuple[str, ...]:
        """The checks of installed packages that the recipe names, sorted."""
        return tuple(sorted(self.model_extra or ()))

    def acting(self, action: Action, *names: str) -> Self:
        """These settings with the action of the filters `names` (of all, where none is given) changed."""
        chosen = {name: part for name, part in self.parts.items() if name in names or not names}
        changed = {name: part.model_copy(update={"action": action}) for name, part in chosen.items()}
        return self.model_copy(update=changed)


def settings_model(name: str) -> type[CheckSettings]:
    """The settings of an installed check. UserError where the entry point is no check."""
    check = load_plugin(GROUP, name, "filters")
    model = getattr(check, "model", None)
    if not (isinstance(model, type) and issubclass(model, CheckSettings)) or getattr(check, "name", None) != name:
        raise UserError(
            f"filters.{name}: the entry point brings {check!r}; expected a `filters.check.TextCheck` whose `name` is "
            f"{name!r} and whose `model` is a `filters.base.CheckSettings`."
        )
    return model


def _below(key: str, error: Any) -> InitErrorDetails:
    """An error of a part, with the part's key before its place."""
    return cast(
        InitErrorDetails,
        {"type": error["type"], "loc": (key, *error["loc"]), "input": error["input"], "ctx": error.get("ctx", {})},
    )
