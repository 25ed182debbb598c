"""Top-up rounds: further ideas for what has the fewest kept tokens, where ideas run out before a target is met."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from corpus.select.balance import Sized
from corpus.store import write_table
from filters.base import Item
from filters.run.decide import check_texts
from pipelines.base import Corpus, Row, flagged, rejected
from pipelines.documents.brainstorm import more_ideas_pipeline
from pipelines.documents.disagreement import in_order
from pipelines.documents.target_tokens import Waves
from pipelines.filtering import context_of
from pipelines.run.reporter import Reporter
from pipelines.run.supervise import run_pipeline

PART = "ideas-more-"
"""How the parts of `rejects` begin that hold what top-up rounds turned down."""


@dataclass
class TopUp:
    """The rounds of one build."""

    corpus: Corpus
    reporter: Reporter
    done: int = 0

    @property
    def left(self) -> bool:
        """Whether the recipe allows another round."""
        return self.done < self.corpus.settings.documents.top_up

    def more_ideas(self, waves: Waves, wanted: dict[str, int]) -> list[Row]:
        """A round: ideas that are new beside all that exist, in the order of writing."""
        self.done += 1
        have = [*waves.written, *waves.left]
        known: dict[str, list[str]] = defaultdict(list)
        for idea in sorted(have, key=lambda idea: idea["position"]):
            if idea["document_type_id"] in wanted:
                known[idea["document_type_id"]].append(idea["idea"])
        self.reporter.say(f"top-up round {self.done}: {sum(wanted.values()):,} further ideas where tokens are lacking")
        self.reporter.stage({"ideas": len(wanted)})
        pipeline = more_ideas_pipeline(self.corpus, wanted, dict(known), f"{PART}{self.done}")
        made = run_pipeline(pipeline, self.corpus.folder.log)["more_ideas"]
        return in_order(self._new(have, made), self.corpus.settings)

    def _new(self, have: Sequence[Row], made: Sequence[Row]) -> list[Row]:
        """Ideas of `made` that repeat none of `have`, nor each other; what is there already stays whatever is said."""
        old = {idea["id"] for idea in have}
        rows = {idea["id"]: idea for idea in made if idea["id"] not in old}
        items = [
            Item(idea["id"], idea["idea"], "ideas", meta={"position": place})
            for place, idea in enumerate([*have, *rows.values()])
        ]
        settings = self.corpus.settings.filters
        kept, rejections, flags = check_texts(
            items, settings, context_of(self.corpus), "ideas", partial(self.reporter.step, "ideas compared by meaning")
        )
        dropped = [
            rejected("ideas", r, rows[r.item_id], rows[r.item_id]["idea"]) for r in rejections if r.item_id in rows
        ]
        write_table(self.corpus.folder, "rejects", dropped, part=f"{PART}{self.done}-repeated")
        mine = (flagged("ideas", flag) for flag in flags if flag.item_id in rows)
        write_table(self.corpus.folder, "flags", mine, part=f"{PART}{self.done}")
        return [rows[one] for one in kept if one in rows]


def next_wave(waves: Waves, kept: Sequence[Sized], rounds: TopUp) -> list[Row]:
    """The ideas to write next; empty where the build has all that it wants, or can get."""
    while not (wave := waves.balanced(kept)):
        wanted = waves.holes(kept) if rounds.left else {}
        if not wanted:
            return waves.anywhere(kept)
        waves.add(rounds.more_ideas(waves, wanted))
    return wave


def forget_rounds(corpus: Corpus) -> None:
    """Remove what the rounds of an earlier build turned down; those of this one write it again."""
    for path in (*corpus.folder.parts("rejects"), *corpus.folder.parts("flags")):
        if path.stem.startswith(PART):
            path.unlink()
