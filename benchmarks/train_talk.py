"""Trains filters/document/writer/talk.npz, a linear model that tells a writer's talk from content.

    python -m benchmarks.train_talk            # figures by cross-validation, then the file

The examples are benchmarks/talk.yaml, written for it; content is also every paragraph of the sound documents of the
regression sets. Folds keep all fillings of a wording together, so that what is measured is wordings that were not seen.
"""

import random
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from benchmarks import planted
from filters.document.writer.talk import KINDS, Families, Numbers

_FILLINGS = 8  # of one wording
_PLANTED, _PARTS = 60, 2  # documents of the planted corpus, and paragraphs of each
_FOLDS = 4
_STEPS, _RATE, _DECAY = 400, 0.5, 3e-4
_LIMIT = 0.9
_SLOT = re.compile(r"\{(\w+)\}")
_FILES = ("regression.yaml", "regression_2.yaml", "regression_3.yaml", "regression_4.yaml")
_OUT = Path("filters/document/writer/talk.npz")

# Of the kinds: to take content for talk is the worse error.
_WEIGHTS = np.array([3.0, 1.0, 1.0, 1.0, 1.0], dtype=np.float32)
Labels = npt.NDArray[np.int64]
Example = tuple[str, str, int]  # its wording or document, the text, its kind


def examples() -> list[Example]:
    """Every filling of every wording, and the paragraphs of sound documents."""
    here = Path(__file__).parent
    told = yaml.safe_load((here / "talk.yaml").read_text(encoding="utf-8"))
    draw = random.Random(20261128)
    found: list[Example] = []
    for kind, name in enumerate(KINDS):
        for wording in told[name]:
            texts = {
                _SLOT.sub(lambda slot: str(draw.choice(told["slots"][slot[1]])), wording) for _ in range(_FILLINGS)
            }
            found += [(wording, text, kind) for text in sorted(texts)]
    for file in _FILES:
        rows = yaml.safe_load((here / file).read_text(encoding="utf-8"))
        for row in rows:
            if row["reason"] is None:
                found += [(row["kind"], part, 0) for part in row["text"].split("\n\n") if part.strip()]
    for document in planted.corpus({}, 0, sound=_PLANTED, words=300):
        found += [(document.id, part, 0) for part in document.text.split("\n\n")[:_PARTS]]
    return found


def trained(features: Numbers, labels: Labels) -> Numbers:
    """Weights (features, kinds) of a softmax regression, by gradient descent with momentum; kinds weigh the same."""
    weights = np.zeros((features.shape[1], len(KINDS)), dtype=np.float32)
    speed = np.zeros_like(weights)
    wanted = np.eye(len(KINDS), dtype=np.float32)[labels]
    share = (1 / np.maximum(wanted.sum(axis=0), 1))[labels][:, None] * _WEIGHTS[labels][:, None]
    for _ in range(_STEPS):
        gradient = features.T @ ((_softmax(features @ weights) - wanted) * share) + _DECAY * weights
        speed = 0.9 * speed - _RATE * gradient
        weights = weights + speed
    return weights.astype(np.float32)


def _softmax(scores: Numbers) -> Numbers:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def validated(features: Numbers, labels: Labels, groups: list[str]) -> None:
    """Prints, of wordings that were not trained on, how many of each kind are told from content."""
    names = sorted(set(groups))
    random.Random(1).shuffle(names)
    fold = np.array([names.index(group) % _FOLDS for group in groups])
    talk = np.zeros(len(labels))
    for n in range(_FOLDS):
        weights = trained(features[fold != n], labels[fold != n])
        talk[fold == n] = 1 - _softmax(features[fold == n] @ weights)[:, 0]
    for kind, name in enumerate(KINDS):
        of_kind = talk[labels == kind]
        sure, likely = np.mean(of_kind > _LIMIT), np.mean(of_kind > 0.5)
        print(f"{name:8}{len(of_kind):6} examples, taken for talk {sure:.3f} (above 0.5: {likely:.3f})")


def main() -> None:
    """Figures, then the file."""
    rows = examples()
    families = Families("en")
    every = families.features([text.lower().replace("’", "'") for _, text, _ in rows])
    labels, groups = np.array([kind for _, _, kind in rows]), [group for group, _, _ in rows]
    width = every.shape[1] - 128
    for title, features in (("families", every[:, :width]), ("with embedding", every)):
        print(title)
        validated(features, labels, groups)
    np.savez_compressed(
        _OUT, families=trained(every[:, :width], labels).astype(np.float16),
        embedded=trained(every, labels).astype(np.float16), limit=np.float32(_LIMIT),
    )  # fmt: skip


if __name__ == "__main__":
    main()
