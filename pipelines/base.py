"""What the stages share: the corpus that they work on, and how what they reject is filed.

Imported by what only plans and counts too, so Distilabel and pyarrow, which take seconds, are imported where they are
needed; the step itself is in `pipelines/stage.py`.
"""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from corpus.ids import content_id
from corpus.workspace import Workspace
from filters.base import Flag, Rejection
from pipelines.prompts.form import Blank, Form, of_plan
from pipelines.prompts.templates import Prompts, is_installed, styled
from pipelines.settings import BuildSettings
from pipelines.structured.ask import Answer
from pipelines.structured.form import stored
from pipelines.structured.parsing import tagged
from specs.passages import Passage
from specs.reader import Spec

if TYPE_CHECKING:
    from pipelines.engine.llm import EndpointLLM

Row = dict[str, Any]
TAG = "document"


class Corpus(BaseModel):
    """Everything that a stage must know, as plain data that can be saved with a pipeline and sent to a process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workspace: str
    settings: BuildSettings
    spec_name: str
    spec_text: str
    spec_shape: str

    @classmethod
    def of(cls, workspace: Workspace, settings: BuildSettings, spec: Spec) -> "Corpus":
        """The corpus of one build."""
        return cls(
            workspace=str(workspace.root), settings=settings,
            spec_name=spec.name, spec_text=spec.text, spec_shape=spec.shape,
        )  # fmt: skip

    @cached_property
    def spec(self) -> Spec:
        """The spec."""
        return Spec(self.spec_name, self.spec_text, "rules" if self.spec_shape == "rules" else "prose")

    @cached_property
    def folder(self) -> Workspace:
        """The workspace."""
        return Workspace(self.workspace)

    @cached_property
    def prompts(self) -> Prompts:
        """The templates; a folder of one's own whose path is not whole starts from the workspace."""
        folder, asked = self.settings.prompts, self.settings.documents
        if folder is not None and not is_installed(folder):
            folder = str(self.folder.root / folder)
        more = self.settings.chats.templates
        return Prompts(folder, attribution=asked.attribution, style=asked.style, more=more)

    def template(self, name: str) -> str:
        """The template that asks for `name` in the recipe's style."""
        return styled(name, self.settings.documents.style)

    @cached_property
    def system(self) -> str:
        """The system message: one string for every request of the corpus."""
        return self.prompts.render("system", assistant=self.settings.assistant, spec_text=self.spec.text.strip())

    def system_of(self, template: str) -> str:
        """The system message of `template`: neutral documents are written without any knowledge of the spec, and a set
        of prompts for small models may keep it out of others' sight."""
        if template.endswith("_neutral"):
            return self.prompts.render("system_neutral")
        if name := self.prompts.own_system(template):
            return self.prompts.render(name, assistant=self.settings.assistant, spec_text=self.spec.text.strip())
        return self.system

    @cached_property
    def instructions(self) -> tuple[str, ...]:
        """What a writer of documents is told, unrendered: a reply that repeats it is no document."""
        template = self.template("documents")
        own = self.prompts.own_system(template)
        return tuple(self.prompts.source(name) for name in (template, own) if name)

    @cached_property
    def form(self) -> Form | None:
        """The form that a document is filled into, where the prompts have one for the recipe's style."""
        return self.prompts.form(self.template("documents"))

    @cached_property
    def response_form(self) -> Form | None:
        """The form that a chat's response is filled into, where the prompts have one for the recipe's style."""
        return self.prompts.form(self.settings.chats.chosen.responses)

    @cached_property
    def document_types(self) -> dict[str, Row]:
        """The document types, once they have been made."""
        return self.rows("document_types")

    def given(self, idea: Row) -> dict[str, str]:
        """What the plan says of one document: its idea, also in two (the first sentence, the others), and one of the
        assertions, dealt out among the ideas."""
        about, explain = self.about(idea["subdomain_id"]), self.settings.documents.attribution == "explain"
        place = self.document_types[idea["document_type_id"]]["position"] + idea["position"]
        plan = of_plan(about["assertions"], place, about["subdomain"]["summary"], explain=explain)
        opening, stop, outcome = idea["idea"].partition(". ")
        return {"idea": idea["idea"], "opening": opening + stop.rstrip(), "outcome": outcome, **plan}

    def blank(self, idea: Row) -> Blank | None:
        """The form for one document, where there is one."""
        if self.form is None:
            return None
        kind = self.document_types[idea["document_type_id"]]["name"]
        key = f"{self.settings.seed}:{idea['id']}"
        return self.form.blank(self.given(idea), kind, key, self.settings.assistant.name)

    def document_in(self, reply: str, idea: Row) -> str:
        """The document in a writer's reply; UnparsedError where it has not the form that was asked for."""
        blank = self.blank(idea)
        if blank is None or f"<{TAG}>" in reply:  # a rewrite is asked for as a text
            return tagged(reply, TAG)
        return self.laid_out(blank.layout, stored(reply, blank))

    def laid_out(self, layout: str, values: Mapping[str, str]) -> str:
        """A form that was filled in, as a text."""
        return self.prompts.render(layout, **values, assistant=self.settings.assistant).strip()

    def rows(self, table: str) -> dict[str, Row]:
        """The rows of a table by id."""
        from corpus.store import read_rows

        return {row["id"]: row for row in read_rows(self.folder, table)}

    @cached_property
    def passage_ids(self) -> dict[str, str]:
        """The id of the passage at each address."""
        return {p.address: content_id("passages", self.spec.hash, p.address, p.text) for p in self.spec.passages}

    def passages_of(self, subdomain: Row) -> list[Passage]:
        """The passages of a subdomain, in the spec's order."""
        wanted = set(subdomain["passage_ids"])
        return [p for p in self.spec.passages if self.passage_ids[p.address] in wanted]

    @cached_property
    def subdomains(self) -> dict[str, Row]:
        """The subdomains, once they have been made."""
        return self.rows("subdomains")

    @cached_property
    def assertions(self) -> dict[str, list[Row]]:
        """The assertions of each subdomain, once they have been made."""
        from corpus.store import read_rows

        grouped: dict[str, list[Row]] = {}
        for row in read_rows(self.folder, "assertions"):
            grouped.setdefault(row["subdomain_id"], []).append(row)
        return grouped

    def about(self, subdomain_id: str) -> Row:
        """What a prompt says of a subdomain: the subdomain and its assertions."""
        return {"subdomain": self.subdomains[subdomain_id], "assertions": self.assertions.get(subdomain_id, [])}

    def llm(self, role: str) -> "EndpointLLM":
        """The Distilabel LLM that asks as `role`."""
        from pipelines.engine.llm import EndpointLLM

        settings = self.settings
        return EndpointLLM(role=settings.role(role, settings.seed), ledger_path=str(self.folder.ledger))


def reject(stage: str, item_id: str, reason: str, **values: Any) -> Row:
    """A row of the table `rejects`; `row` (the item's own row) is stored as JSON."""
    row = values.pop("row", None)
    blank: Row = dict.fromkeys(["detail", "score", "threshold", "other_id", "parent_id", "request_id", "text"])
    text = None if row is None else json.dumps(row, ensure_ascii=False, sort_keys=True)
    return {
        **blank, **values, "row": text,
        "id": content_id("rejects", stage, item_id, reason), "stage": stage, "item_id": item_id, "reason": reason,
    }  # fmt: skip


def rejected(stage: str, rejection: Rejection, row: Row, text: str) -> Row:
    """The reject of an item that a filter turned down; `row` is the item's own row."""
    return reject(
        stage, row["id"], rejection.reason, detail=rejection.detail, score=rejection.score,
        threshold=rejection.threshold, other_id=rejection.other_id, parent_id=row.get("idea_id"),
        request_id=row["request_id"], text=text, row=row,
    )  # fmt: skip


def flagged(table: str, flag: Flag) -> Row:
    """A row of the table `flags`, of an item of `table`."""
    return {
        "id": content_id("flags", table, flag.item_id, flag.reason), "item_table": table, "item_id": flag.item_id,
        "filter": flag.reason, "detail": flag.detail, "score": flag.score, "threshold": flag.threshold,
        "other_id": flag.other_id,
    }  # fmt: skip


def reject_of_answer(stage: str, parent_id: str, number: int, answer: Answer[Any]) -> Row:
    """The reject of a question that no usable reply came to."""
    return reject(
        stage, content_id(stage, parent_id, "no reply", number), answer.state.value, detail=answer.problem,
        parent_id=parent_id, request_id=answer.completion.request_id, text=answer.completion.text,
    )  # fmt: skip
