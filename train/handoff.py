"""From a workspace to what a trainer needs: samples that were looked at, configs, and what to run."""

import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from corpus.workspace import Workspace, write_text
from specs.errors import UserError
from train.base import Command, Stage, Trainer, trainer_named
from train.chats import Chat, LeftOutError
from train.checks import KINDS
from train.data import (
    Looked,
    Tokens,
    Writer,
    aft_chats,
    document_texts,
    is_held_out,
    limited,
    mix_chats,
    mix_file,
    neutral_texts,
)
from train.families import family_of
from train.folders import (
    files_hash,
    is_held,
    make_room,
    move_strangers,
    plan_hash,
    read_manifest,
    stage_folder,
    write_manifest,
)
from train.preferences import write_preferences
from train.replay import Refuse, Replayed
from train.samples import Written, write_samples
from train.settings import TrainSettings
from train.steps import Updates, advice, count_updates, packing_order
from train.tokenizer import load_tokenizer


class CheckError(UserError):
    """Samples that would not be trained on as they stand in the dataset; `looked` holds the first of them."""

    def __init__(self, said: str, looked: Looked) -> None:
        super().__init__(said)
        self.looked = looked


@dataclass(frozen=True, slots=True)
class Made:
    """One stage: its files, what it amounts to, and what to run for it."""

    stage: Stage
    updates: Updates
    commands: list[Command]
    merge: Command | None
    replay: int = 0  # tokens of ordinary text among its tokens


@dataclass(slots=True)
class HandOff:
    """What was written for the trainer, and what to know before it is run."""

    trainer: Trainer
    writer: Writer
    made: list[Made] = field(default_factory=list)  # in the order in which they are trained; controls last
    looked: Looked = field(default_factory=Looked)
    warnings: list[str] = field(default_factory=list)

    def named(self, name: str) -> Made:
        """The stage of that name; UserError where there is none."""
        found = next((one for one in self.made if one.stage.name == name), None)
        if found is None:
            there = ", ".join(one.stage.name for one in self.made)
            raise UserError(f"there is no stage {name!r} here; expected one of: {there}.")
        return found


def hand_off(
    workspace: Workspace, settings: TrainSettings, *, mix_wanted: bool = False, refuse: Refuse | None = None
) -> HandOff:
    """Write a folder for every stage that the workspace has data for, count its updates, and say what to run; the same
    for the controls where the settings ask for them. `mix_wanted`: the recipe says what to mix in; missed where it is
    not there. `refuse`: which ordinary texts may not be replayed; `pipelines.filtering.ordinary_text` makes it of a
    recipe. What belongs to another base model, dataset or setting is moved aside.

    Raises:
        UserError: an unknown trainer or family, no tokenizer, no dataset at all, or a file that cannot be read.
        ValueError: there is to be replay beside documents, and no `refuse`.
        CheckError: a chat would not be trained on as it stands in the dataset.
    """
    trainer = trainer_named(settings.trainer)
    trainer.check(settings)
    tokenizer = load_tokenizer(settings.tokenizer or settings.base_model, workspace.root)
    writer = Writer(tokenizer, family_of(settings.base_model, tokenizer, settings.chat_template), settings)
    replay = Replayed(writer, workspace.root, refuse) if settings.replay.wanted else None
    making = _Making(workspace, HandOff(trainer, writer), mix_wanted, replay)
    try:
        making.everything()
    finally:
        shutil.rmtree(making.aside, ignore_errors=True)
    return making.result


class _Making:
    """Makes the stages of a workspace, one after the other, each beside its place and then put there."""

    def __init__(self, workspace: Workspace, result: HandOff, mix_wanted: bool, replay: Replayed | None) -> None:
        self.workspace, self.result, self.mix_wanted, self.replay = workspace, result, mix_wanted, replay
        self.writer, self.settings = result.writer, result.writer.settings
        self.aside = workspace.train / ".making"
        self.plans: dict[str, str] = {}  # by folder
        self.datasets: dict[str, str] = {}  # hash of each, by its name
        shutil.rmtree(self.aside, ignore_errors=True)  # of a run that was killed

    def everything(self) -> None:
        arm = self.settings.aft_dataset
        documents = self.workspace.shards("msm")
        chats = self.workspace.shards(arm)
        if not documents and not chats:
            raise UserError(
                f"{self.workspace.root} has no dataset to train on: looked for dataset/msm and dataset/{arm}. "
                "Make them with `specmill build`."
            )
        self.datasets = {name: files_hash(files) for name, files in (("msm", documents), (arm, chats)) if files}
        if (mix := mix_file(self.workspace, self.settings)) is not None and mix.is_file():
            self.datasets["mix"] = files_hash([mix])
        if documents:
            self._stage("msm", "msm", "documents", self._documents())
        if chats:
            self._refuse_faults(self._aft(arm, bool(documents)))
        if self.settings.preferences is not None:
            self._dpo()
        if self.settings.controls:
            self._controls(arm)
        folders = {one.stage.folder for one in self.result.made}
        for moved in move_strangers(self.workspace, self.settings, folders, self.datasets):
            self.result.warnings.append(f"{moved}: it was made for another base model or dataset and is moved there.")
        if self.mix_wanted and mix is None and chats:
            self.result.warnings.append(
                "aft: the recipe's `mix` is not there, so the chats stand alone; make it with `specmill mix`."
            )

    def _documents(self) -> Iterator[Tokens]:
        return self.writer.documents(document_texts(self.workspace))

    def _aft(self, arm: str, after_documents: bool) -> Looked:
        looked = self.result.looked
        samples = self.writer.chats(aft_chats(self.workspace, arm), looked)
        before = stage_folder("msm", self.settings.seed) if after_documents else None
        self._stage("aft", arm, "chats", _chained(samples, self._mixed(looked)), continues=before, looked=looked)
        return looked

    def _mixed(self, looked: Looked) -> Iterator[Tokens]:
        path = mix_file(self.workspace, self.settings)
        if path is None:
            return iter(())
        chats: list[Chat | LeftOutError] = list(mix_chats(path))
        random.Random(self.settings.seed).shuffle(chats)
        samples = self.writer.chats(chats, looked)
        named = self.settings.instruction_mix is not None
        return limited(samples, self.settings.instruction_tokens) if named else samples

    def _refuse_faults(self, looked: Looked) -> None:
        if not looked.faulty:
            return
        kinds = "; ".join(f"{count:,} {KINDS[kind]}" for kind, count in looked.kinds.most_common())
        sample, found = looked.faulty[0]
        raise CheckError(
            f"{sum(looked.kinds.values()):,} faults in {looked.samples:,} samples, as the family "
            f"{self.writer.family.key} writes them: {kinds}. The first, chat {sample.chat.id}: {found[0].found}. "
            "Nothing was handed on; look at it with `specmill train WORKSPACE --check`.",
            looked,
        )

    def _controls(self, arm: str) -> None:
        """Neither goes on with another stage. Both have the batch of `aft`, so that they differ from it in one
        thing."""
        made = {one.stage.name: one for one in self.result.made}
        said = "what `aft` does beyond it is the documents' doing."
        if "msm" in made and "aft" in made:
            control = f"the chats of AFT without midtraining; {said}"
            self._stage("aft_only", f"{arm}_only", "chats", self._aft_again(arm), control=control, batch=made["aft"])
        else:
            self.result.warnings.append(
                "aft_only: it needs documents and chats; without documents the stage aft is that control."
            )
        if mix_file(self.workspace, self.settings) is not None:
            control = "the instruction mix alone; what `aft_only` does beyond it is the chats' doing."
            looked = Looked()
            self._stage(
                "instruction_only", "instruction_only", "chats", self._mixed(looked), control=control,
                batch=made.get("aft"), looked=looked,
            )  # fmt: skip
            self._refuse_faults(looked)
        else:
            self.result.warnings.append("instruction_only: there is no instruction mix; make one with `specmill mix`.")

    def _aft_again(self, arm: str) -> Iterator[Tokens]:
        looked = Looked()
        return _chained(self.writer.chats(aft_chats(self.workspace, arm), looked), self._mixed(looked))

    def _stage(
        self, name: str, arm: str, kind: str, samples: Iterable[Tokens], *, continues: str | None = None,
        control: str = "", batch: Made | None = None, looked: Looked | None = None,
    ) -> None:  # fmt: skip
        folder = stage_folder(arm, self.settings.seed)
        place = self.aside / Path(folder).name
        held: list[Tokens] = []
        kept = _without(samples, self.settings, held)
        replay = self.replay if kind == "documents" else None
        kept = replay.beside(kept) if replay else kept
        written = write_samples(place / "data.parquet", kept, self._order, place / "samples.parquet")
        if not written.lengths:
            raise UserError(f"{name}: there is nothing to train on. {_why(looked)}")
        stage = Stage(
            name, kind, folder, written.data_hash, continues=continues, control=control,
            end_token=self.writer.family.end if kind == "chats" else None,
            chat_template=self.writer.family.served_template() if kind == "chats" else "",
        )  # fmt: skip
        stage = self._evaluated(stage, place, held)
        settings = self.settings
        if batch is not None:
            settings = settings.model_copy(update={"gradient_accumulation": batch.updates.accumulation})
        updates = count_updates(written.lengths, settings, self.result.trainer.count, trained=written.trained)
        replayed = {"replay": replay.manifest()} if replay else {}
        self._put(stage, updates, place, _facts(arm, written, looked) | replayed)
        self.result.warnings += _warnings(stage, updates, settings, looked)

    def _dpo(self) -> None:
        settings, folder = self.settings, stage_folder("dpo", self.settings.seed)
        place = self.aside / Path(folder).name
        pairs = write_preferences(place / "data.parquet", self.workspace.root / str(settings.preferences), self.writer)
        before = self.result.made[-1].stage.folder
        stage = Stage(
            "dpo", "preferences", folder, pairs.data_hash, continues=before, end_token=self.writer.family.end,
            chat_template=self.writer.family.served_template(),
        )  # fmt: skip
        unpacked = settings.model_copy(update={"packing": False})
        updates = count_updates(pairs.lengths, unpacked, self.result.trainer.count)
        self._put(stage, updates, place, _facts("dpo", pairs, None))
        self.result.warnings += _warnings(stage, updates, settings, None)

    def _evaluated(self, stage: Stage, place: Path, held: list[Tokens]) -> Stage:
        """The stage with the files whose loss is reported."""
        if held:
            write_samples(place / "held_out.parquet", held, lambda lengths: list(range(len(lengths))))
            stage = replace(stage, held_out=f"{stage.folder}/held_out.parquet")
        if self.settings.neutral_text is not None:
            texts = neutral_texts(self.workspace.root / self.settings.neutral_text)
            samples = self.writer.documents(texts, "neutral")
            write_samples(place / "neutral.parquet", samples, lambda lengths: list(range(len(lengths))))
            stage = replace(stage, neutral=f"{stage.folder}/neutral.parquet")
        return stage

    def _order(self, lengths: Sequence[int]) -> list[int]:
        return packing_order(lengths, self.settings)

    def _put(self, stage: Stage, updates: Updates, place: Path, facts: dict[str, Any]) -> None:
        """Write the rest of a stage's files, and put them into its folder."""
        trainer, settings = self.result.trainer, self.settings
        files = trainer.files(stage, settings, updates)
        if stage.chat_template:
            files["chat_template.jinja"] = stage.chat_template
        plan = plan_hash(files, stage.data_hash, self.plans.get(stage.continues or ""))
        self.plans[stage.folder] = plan
        if moved := make_room(self.workspace, stage.folder, plan):
            self.result.warnings.append(f"{stage.folder}: what was trained there by another plan is now {moved}.")
        before = read_manifest(self.workspace, stage.folder) or {}
        commands, merge = trainer.commands(stage, settings), trainer.merge(stage, settings)
        self.result.made.append(Made(stage, updates, commands, merge, facts.get("replay", {}).get("tokens", 0)))
        if before.get("plan") == plan and is_held(self.workspace, stage.folder):
            return  # it is being trained, and these are its files
        done = {key: before[key] for key in ("finished", "versions", "loss", "losses") if key in before}
        target = self.workspace.root / stage.folder
        target.mkdir(parents=True, exist_ok=True)
        for file in place.iterdir():
            file.replace(target / file.name)
        for name, text in files.items():
            write_text(target / name, text)
        dataset_hash = self.datasets.get(facts["dataset"])
        described = {"stage": stage.name, "plan": plan, "base_model": settings.base_model, "trainer": trainer.name}
        family = {"family": self.writer.family.key, "tokenizer_sha256": self.writer.tokenizer.digest}
        more = {"dataset_hash": dataset_hash, "data_hash": stage.data_hash, "continues": stage.continues}
        write_manifest(
            self.workspace, stage.folder,
            described | family | facts | more
            | {"seed": settings.seed, "updates": asdict(updates), "settings": settings.model_dump(mode="json")}
            | (done if before.get("plan") == plan else {}),
        )  # fmt: skip


def _facts(arm: str, written: Written, looked: Looked | None) -> dict[str, Any]:
    dataset = {"instruction_only": "mix"}.get(arm, arm.removesuffix("_only"))
    left = {"left_out": dict(looked.left_out), "too_long": len(looked.too_long)} if looked else {}
    return {"arm": arm, "dataset": dataset, "samples": written.sources, **left}


def _chained(*parts: Iterable[Tokens]) -> Iterator[Tokens]:
    for part in parts:
        yield from part


def _without(samples: Iterable[Tokens], settings: TrainSettings, held: list[Tokens]) -> Iterator[Tokens]:
    """Samples that are trained on; the others go to `held`."""
    for sample in samples:
        if is_held_out(sample.id, settings.hold_out, settings.seed):
            held.append(sample)
        else:
            yield sample


def _why(looked: Looked | None) -> str:
    if looked is None or not (looked.left_out or looked.too_long):
        return "The dataset is empty."
    return f"All were left out: {_reasons(looked)}."


def _reasons(looked: Looked) -> str:
    said = [f"{count:,} with {reason}" for reason, count in looked.left_out.most_common()]
    if looked.too_long:
        said.append(f"{len(looked.too_long):,} longer than sequence_len (up to {max(looked.too_long):,} tokens)")
    return "; ".join(said)


def _warnings(stage: Stage, updates: Updates, settings: TrainSettings, looked: Looked | None) -> list[str]:
    warnings = []
    if too_few := advice(updates, settings):
        warnings.append(f"{stage.name}: {too_few}.")
    if looked is not None and (looked.left_out or looked.too_long):
        warnings.append(f"{stage.name}: of {looked.chats:,} chats are left out: {_reasons(looked)}.")
    if looked is not None and looked.split:
        warnings.append(
            f"{stage.name}: {looked.split:,} chats of several questions are one sample a question, since the model "
            f"does "
            "not see its earlier reasoning when it is asked."
        )
    if updates.lost:
        warnings.append(
            f"{stage.name}: the last {updates.lost:,} tokens ({updates.lost / updates.tokens:.1%}) fill no update of "
            f"{updates.batch} sequences and are not trained on."
        )
    return warnings
