"""Trains filters/clauses/clauses.npz, the linear model that tells kinds of clauses.

    python -m benchmarks.train_clauses            # the file, in two minutes
    python -m benchmarks.train_clauses --figures  # recall of authors who were not trained on, in ten minutes
    python -m benchmarks.train_clauses --limits CORPUS NAME MAKER  # what one in eighty of real documents reach

The sentences are benchmarks/clauses: a folder an author, a file a kind with `fault` and `sound`; `documents` and
`chats` are sound texts, of which every sentence counts, as of the sound ones of the regression sets; and the wordings
of benchmarks/talk.yaml. A sentence of a kind that is hard to tell from another counts as neither of that other. Recall
is given at the score that one in eighty of the sound texts reaches that were not trained on. Needs scikit-learn.
"""

import argparse
import json
import random
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from scipy import sparse
from sklearn.linear_model import SGDClassifier

from filters.base import Item
from filters.clauses.features import described
from filters.clauses.found import SOUGHT, Clauses
from filters.clauses.model import KINDS, Model, Weights, evened, meanings
from filters.clauses.sentences import Sentences
from filters.clauses.slots import Slots
from filters.context import Context
from filters.document.identity.voice import FEW, LONE
from filters.text.view import View, words_of
from specs.settings import Assistant

_HERE = Path(__file__).parent
_OUT = Path("filters/clauses/clauses.npz")
_NAMES = (
    "Juniper",
    "Maple Tutor",
    "Kestrel",
    "Lumo",
    "Rose",
    "Tamsin",
    "Orin",
    "May",
    "Page",
    "Will",
    "Marlow",
    "Alder",
)
_MAKERS = ("Larkfield", "Brightwater", "Orrin Lane", "Tessel", "Quillon", "Hollis & Dunne", "Northgate")
_TALK = {"plan": "plan", "offer": "talk", "note": "talk", "decline": "refusal", "content": ""}
_ALIKE = {  # kinds whose sentences are no evidence against one
    "plan": ("talk", "reasoning", "meta"), "talk": ("plan", "refusal", "meta"), "refusal": ("refused_chat", "talk"),
    "refused_chat": ("refusal",), "reasoning": ("plan", "meta"), "meta": ("plan", "reasoning", "talk"),
    "first_person": ("reasoning", "meta", "refused_chat", "other_identity", "refusal"), "statistic": (),
    "other_identity": (), "evaluation_item": ("meta",),
}  # fmt: skip
_SCALES = {"words": 4 / 2**0.5, "meaning": 0.2, "families": 0.25, "pairs": 0.12, "form": 0.5}
_FOLDS, _RARE, _LEAST = 4, 1 - 1 / 80, 3
_DECAY, _PASSES, _WEIGHT = 3e-5, 8, 4.0
_COPIES, _LEFT_OUT = 16, 0.5
_KEPT = 60_000  # words and pairs of words with the largest weights: with all 167,000 recall is 0.467, not 0.461
_PLAIN, _PLAINLY = "plain_", ("plain", "talk", "writers")  # who wrote what models say most often
_TEXTS = ("documents", "chats")  # folders of sound texts
_OF_CHATS = ("reasoning", "meta", "refused_chat")
_REGRESSION = ("regression.yaml", "regression_2.yaml", "regression_3.yaml", "regression_4.yaml")
_SLOT = re.compile(r"\{(\w+)\}")
Labels = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """A sentence, who wrote it, and its kind; `sound` ones bear the kind that they look like, or none."""

    author: str
    kind: str
    sound: bool
    text: str


def examples() -> list[Example]:
    """All sentences, each once."""
    found: list[Example] = []
    for file in sorted((_HERE / "clauses").glob("*/*.yaml")):
        author, kind = file.parent.name, file.stem if file.stem in KINDS else ""
        author = f"{author}/{file.stem}" if author in _TEXTS else author
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
        found += [Example(author, kind, False, text) for text in told.get("fault", ())]
        found += [Example(author, kind, True, sentence) for text in sound_in(told) for sentence in sentences_of(text)]
    told, draw = yaml.safe_load((_HERE / "talk.yaml").read_text(encoding="utf-8")), random.Random(20261128)
    for name, kind in _TALK.items():
        for wording in told[name]:
            text = _SLOT.sub(lambda slot: str(draw.choice(told["slots"][slot[1]])), wording)
            found.append(Example("talk", kind or "talk", not kind, text))
    for file in _REGRESSION:
        for row in yaml.safe_load((_HERE / file).read_text(encoding="utf-8")):
            if row["reason"] is None:
                found += [Example("regression", "", True, sentence) for sentence in sentences_of(row["text"])]
    return list({example.text: example for example in found if len(words_of(example.text)) >= _LEAST}.values())


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, as the filters see them."""
    sentences = Sentences.of(View(Item("", text)))
    return [sentences[place] for place in range(len(sentences))]


class Table:
    """The examples in numbers, as the filters see a text: one sentence each."""

    def __init__(self, rows: Sequence[Example]) -> None:
        slots = Slots(_NAMES, _MAKERS)
        met, form, pieces = [], [], []
        for row, example in enumerate(rows):
            view = View(Item("", example.text.replace("\n", " ")))
            text = described(view, slots.places(view), "en", whole=True)
            if text is None:
                raise ValueError(f"no words in {example.text!r}")
            meaning = meanings([text.lexicon.words[one] for one in text.ids.tolist()]).sum(axis=0)
            hashes, count = np.concatenate([text.hashes, text.pairs]), len(text.ids)
            pieces.append((row, hashes, meaning / count**0.5, count))
            met.append(text.met[0])
            form.append(text.form[0])
        self.met, self.form = np.array(met), np.array(form)
        self.meaning = np.array([meaning for _, _, meaning, _ in pieces])
        self.known = np.unique(np.concatenate([hashes for _, hashes, _, _ in pieces]))
        hashes = np.concatenate([hashes for _, hashes, _, _ in pieces])
        owners = np.concatenate([np.full(len(hashes), row) for row, hashes, _, _ in pieces])
        values = np.concatenate([np.full(len(hashes), 1 / count**0.5) for _, hashes, _, count in pieces])
        places = np.minimum(np.searchsorted(self.known, hashes), len(self.known) - 1)
        met_before = self.known[places] == hashes
        inside = (values[met_before], (owners[met_before], places[met_before]))
        self.words = sparse.csr_matrix(inside, (len(rows), len(self.known)))
        self.upper = np.triu_indices(self.met.shape[1], 1)
        even = evened(self.met)[:, None]
        both = sparse.csr_matrix(self.met[:, self.upper[0]] * self.met[:, self.upper[1]] * even)
        parts = {
            "words": self.words, "meaning": sparse.csr_matrix(self.meaning), "pairs": both,
            "families": sparse.csr_matrix(self.met * even), "form": sparse.csr_matrix(self.form),
        }  # fmt: skip
        self.parts = list(parts)
        self.widths = [part.shape[1] for part in parts.values()]
        self.rows = sparse.hstack([part * _SCALES[name] for name, part in parts.items()]).tocsr()

    def weights(self, learned: Labels, bias: Labels) -> Weights:
        """What was learned (kinds, columns), in the form that the filters use."""
        ends = np.cumsum(self.widths)[:-1]
        by_part = dict(zip(self.parts, np.split(learned.T, ends), strict=True))
        scaled = {name: part * _SCALES[name] for name, part in by_part.items()}
        count, kinds = self.met.shape[1], len(KINDS)
        met = np.zeros((count, count, kinds))
        met[np.arange(count), np.arange(count)] = scaled["families"]
        met[self.upper] = scaled["pairs"]
        most = np.sort(np.argsort(-np.abs(scaled["words"]).max(axis=1), kind="stable")[:_KEPT])
        numbers = (scaled["words"][most], scaled["meaning"], met, scaled["form"], bias)
        return Weights(self.known[most], *(np.asarray(one, dtype=np.float32) for one in numbers))


def labelled(rows: Sequence[Example]) -> tuple[Labels, npt.NDArray[np.bool_]]:
    """Which kind each is (examples, kinds), and for which kinds it is evidence."""
    of = np.zeros((len(rows), len(KINDS)))
    counts = np.ones((len(rows), len(KINDS)), dtype=bool)
    for place, kind in enumerate(KINDS):
        whole = kind.removeprefix(_PLAIN)
        for number, row in enumerate(rows):
            mine = not row.sound and row.kind == whole
            of[number, place] = mine and (kind == whole or row.author in _PLAINLY)
            counts[number, place] = row.sound or bool(of[number, place]) or not (mine or row.kind in _ALIKE[whole])
    return of, counts


def trained(
    table: Table, of: Labels, counts: npt.NDArray[np.bool_], some: npt.NDArray[np.bool_]
) -> tuple[Labels, Labels]:
    """Weights (kinds, columns) and biases (kinds,) of a logistic regression a kind, of the examples in `some`."""
    learned, bias = np.zeros((len(KINDS), table.rows.shape[1])), np.full(len(KINDS), -10.0)
    draw = np.random.default_rng(20261128)
    for place in range(len(KINDS)):
        mine = some & counts[:, place]
        if of[mine, place].sum() < _FOLDS:
            continue
        whole, wanted = table.rows[mine], of[mine, place]
        parts = [whole, *(_partly(whole, draw) for _ in range(_COPIES))]
        fitted = SGDClassifier(
            loss="log_loss", alpha=_DECAY, max_iter=_PASSES, tol=None, average=True, random_state=0,
            class_weight={0.0: 1.0, 1.0: _WEIGHT},
        ).fit(sparse.vstack(parts).tocsr(), np.tile(wanted, len(parts)))  # fmt: skip
        learned[place], bias[place] = fitted.coef_[0], fitted.intercept_[0]
    return learned, bias


def _partly(whole: sparse.csr_matrix, draw: np.random.Generator) -> sparse.csr_matrix:
    """The same rows with half of their features left out, so that weight is spread over all that tell."""
    part = whole.copy()
    part.data = part.data * (draw.random(len(part.data)) > _LEFT_OUT) / (1 - _LEFT_OUT) ** 0.5
    return part


def figures(rows: Sequence[Example], table: Table) -> None:
    """Prints recall of authors who were not trained on, at the score that one in eighty of sound texts reaches."""
    of, counts = labelled(rows)
    fold = np.array([zlib.crc32(row.author.encode()) % _FOLDS for row in rows])
    fault: dict[str, list[float]] = {kind: [] for kind in KINDS}
    near: dict[str, list[float]] = {kind: [] for kind in KINDS}
    sound: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for n in range(_FOLDS):
        learned = Model(table.weights(*trained(table, of, counts, fold != n)))
        for row in (row for row, held in zip(rows, fold, strict=True) if held == n and row.kind):
            scores = dict(zip(KINDS, _highest(learned, row.text), strict=True))
            for kind in {row.kind, f"{_PLAIN}{row.kind}"} & scores.keys():
                (near if row.sound else fault)[kind].append(scores[kind])
        for folder, text in sound_texts():
            if zlib.crc32(folder.encode()) % _FOLDS == n:
                for kind, score in zip(KINDS, _highest(learned, text), strict=True):
                    if folder.startswith("chats") == (kind.removeprefix(_PLAIN) in _OF_CHATS):
                        sound[kind].append(score)
    print(f"{'kind':16}  limit  recall (sentences)  look-alikes taken")
    for kind in KINDS:
        limit = np.quantile(sound[kind], _RARE)
        recall, taken = (np.mean(np.array(scores[kind]) > limit) for scores in (fault, near))
        print(f"{kind:16} {limit:6.1f} {recall:7.2f} ({len(fault[kind]):4}) {taken:14.3f} ({len(near[kind])})")


def sound_texts() -> list[tuple[str, str]]:
    """The sound texts, each with its folder and file."""
    return [
        (f"{folder}/{file.stem}", text)
        for folder in _TEXTS
        for file in sorted((_HERE / "clauses" / folder).glob("*.yaml"))
        for text in sound_in(yaml.safe_load(file.read_text(encoding="utf-8")))
    ]


def sound_in(told: dict[str, Any]) -> list[str]:
    """The sound sentences or texts of a file; of a chat its answer."""
    return [one if isinstance(one, str) else one["answer"] for one in told["sound"]]


def _highest(learned: Model, text: str) -> Labels:
    """The highest score of a text's sentences outside quotes, for each kind."""
    view = View(Item("", text))
    found = described(view, Slots(_NAMES, _MAKERS).places(view), "en")
    if found is None:
        return np.full(len(KINDS), -np.inf)
    told = [not (found.sentences.quoted(place) or found.sentences.spoken(place)) for place in range(len(found.starts))]
    return np.asarray(learned.scores(found)[np.array(told) | (not any(told))].max(axis=0), dtype=np.float64)


def limits(corpus: Path, name: str, maker: str) -> None:
    """Prints, for each kind that documents are asked for, the score that one in eighty of real ones reaches."""
    rows = [json.loads(line) for line in corpus.read_text(encoding="utf-8").splitlines()]
    views = [View(Item(str(n), row["text"])) for n, row in enumerate(rows)]
    clauses = Clauses(Context(count=len, assistant=Assistant(name=name, provider=maker), spec=""))
    asked = [one for one in SOUGHT if one.kind not in _OF_CHATS]
    asked += [replace(one, kind=f"{_PLAIN}{one.kind}") for one in asked if one.plain]
    for sought in (replace(one, plain=False) for one in asked):
        found = [clauses.find(view, sought, -np.inf) for view in views]
        print(f"{sought.kind}: {np.quantile([one.score if one else -99 for one in found], _RARE):.1f}")
    said = [clauses.first_persons(view) for view in views]
    for label, most in (("lone", LONE), ("rare", FEW), ("many", np.inf)):
        some = [max(one.score for one in each) for each in said if 0 < len(each) <= most]
        said = [each for each in said if len(each) > most]
        print(f"first_person, {label}: {np.quantile(some, _RARE):.1f} ({len(some)} documents)")


def main() -> None:
    """The file, or what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", action="store_true", help="recall, no file")
    parser.add_argument("--limits", nargs=3, metavar=("CORPUS", "NAME", "MAKER"), help="JSON lines with `text`")
    asked = parser.parse_args()
    if asked.limits:
        limits(Path(asked.limits[0]), *asked.limits[1:])
        return
    rows = examples()
    table = Table(rows)
    print(f"{len(rows)} sentences, {sum(not row.sound for row in rows)} of them faulty")
    if asked.figures:
        figures(rows, table)
        return
    weights = table.weights(*trained(table, *labelled(rows), np.ones(len(rows), dtype=bool)))
    small = {n: getattr(weights, n).astype(np.float16) for n in Weights.__dataclass_fields__ if n != "known"}
    np.savez_compressed(_OUT, known=weights.known, **small)


if __name__ == "__main__":
    main()
