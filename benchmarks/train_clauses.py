"""Trains filters/clauses/clauses.npz, the linear model that tells kinds of clauses.

    python -m benchmarks.train_clauses            # figures by wording and by author, then the file
    python -m benchmarks.train_clauses --figures  # no file

The sentences are benchmarks/clauses (a folder an author, a file a kind, `fault` and `sound`), the wordings
of benchmarks/talk.yaml, and every sentence of the sound documents of the regression sets. A sentence of a kind that is
hard to tell from another counts as neither of that other. Recall is given at the score that one in a thousand sound
sentences reaches: of wordings that were not trained on, and of an author of whom nothing was. Needs scikit-learn.
"""

import argparse
import random
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml
from scipy import sparse
from sklearn.linear_model import SGDClassifier

from filters.base import Item
from filters.clauses.features import described
from filters.clauses.model import KINDS, Weights, evened, meanings
from filters.clauses.sentences import Sentences
from filters.clauses.slots import Slots
from filters.text.view import View, words_of

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
    "other_identity": ("placeholder",), "evaluation_item": ("meta",), "placeholder": ("plan", "talk"),
}  # fmt: skip
_SCALES = {"words": 4 / 2**0.5, "meaning": 0.2, "families": 0.5, "pairs": 0.25, "form": 0.5}
_FOLDS, _RARE, _LEAST, _OFTEN = 4, 0.999, 3, 2
_DECAY, _PASSES, _WEIGHT = 3e-5, 6, 4.0
_COPIES, _LEFT_OUT = 4, 0.5
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
    found = [
        Example(file.parent.name, file.stem, label == "sound", text)
        for file in sorted((_HERE / "clauses").glob("*/*.yaml"))
        for label, texts in yaml.safe_load(file.read_text(encoding="utf-8")).items()
        for text in texts
    ]
    told, draw = yaml.safe_load((_HERE / "talk.yaml").read_text(encoding="utf-8")), random.Random(20261128)
    for name, kind in _TALK.items():
        for wording in told[name]:
            text = _SLOT.sub(lambda slot: str(draw.choice(told["slots"][slot[1]])), wording)
            found.append(Example("talk", kind or "talk", not kind, text))
    for file in _REGRESSION:
        for row in yaml.safe_load((_HERE / file).read_text(encoding="utf-8")):
            if row["reason"] is None:
                sentences = Sentences.of(View(Item("", row["text"])))
                found += [Example("regression", "", True, sentences[place]) for place in range(len(sentences))]
    return list({example.text: example for example in found if len(words_of(example.text)) >= _LEAST}.values())


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
        different, times = np.unique(
            np.concatenate([np.unique(hashes) for _, hashes, _, _ in pieces]), return_counts=True
        )
        self.known = different[times >= _OFTEN]
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
        numbers = (scaled["words"], scaled["meaning"], met, scaled["form"], bias)
        return Weights(self.known, *(np.asarray(one, dtype=np.float32) for one in numbers))


def labelled(rows: Sequence[Example]) -> tuple[Labels, npt.NDArray[np.bool_]]:
    """Which kind each is (examples, kinds), and for which kinds it is evidence."""
    of = np.array([[not row.sound and row.kind == kind for kind in KINDS] for row in rows], dtype=np.float64)
    counts = np.array([[row.sound or row.kind not in _ALIKE[kind] for kind in KINDS] for row in rows])
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
    """Prints recall at a thousandth of the sound sentences, by wording and by author."""
    of, counts = labelled(rows)
    author = np.array([row.author for row in rows])
    fold = np.array([zlib.crc32(row.text[:25].encode()) % _FOLDS for row in rows])
    sound = np.array([row.sound for row in rows])
    common = np.isin(author, ("talk", "regression"))
    columns: dict[str, Labels] = {"wordings": np.zeros((len(rows), len(KINDS)))}
    for n in range(_FOLDS):
        learned, bias = trained(table, of, counts, fold != n)
        columns["wordings"][fold == n] = table.rows[fold == n] @ learned.T + bias
    for name in sorted(set(author[~common])):
        learned, bias = trained(table, of, counts, (author != name) & (fold != 0) | (author != name) & ~sound)
        columns[name] = table.rows @ learned.T + bias
    print(f"{'kind':16}" + "".join(f"{name:>22}" for name in columns) + "   recall (examples), look-alikes taken")
    for place, kind in enumerate(KINDS):
        line = f"{kind:16}"
        for name, scores in columns.items():
            held = np.ones(len(rows), dtype=bool) if name == "wordings" else (author == name) | (fold == 0) & sound
            alike = np.array([row.kind == kind for row in rows])
            limit = np.quantile(scores[held & sound & ~alike, place], _RARE)
            faults = held & (of[:, place] > 0) & ((author == name) | (name == "wordings"))
            near = held & sound & alike & ((author == name) | (name == "wordings"))
            recall = np.mean(scores[faults, place] > limit) if faults.any() else np.nan
            taken = np.mean(scores[near, place] > limit) if near.any() else np.nan
            line += f"{recall:10.2f} ({faults.sum():3}) {taken:.3f}"
        print(line)


def main() -> None:
    """Figures, then the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", action="store_true", help="no file")
    asked = parser.parse_args()
    rows = examples()
    table = Table(rows)
    print(f"{len(rows)} sentences, {sum(not row.sound for row in rows)} of them faulty")
    if not asked.figures:
        weights = table.weights(*trained(table, *labelled(rows), np.ones(len(rows), dtype=bool)))
        np.savez_compressed(
            _OUT,
            known=weights.known,
            **{
                name: getattr(weights, name).astype(np.float16)
                for name in Weights.__dataclass_fields__
                if name != "known"
            },
        )
    figures(rows, table)


if __name__ == "__main__":
    main()
