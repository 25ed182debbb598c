"""What the settings of the filters need (optional packages, a folder): a run says what is missing before it pays."""

import importlib.util
from pathlib import Path

from filters.settings import FilterSettings
from filters.text.static import STATIC
from specs.errors import UserError


def raise_if_missing(settings: FilterSettings) -> None:
    """UserError where a package that the settings ask for is not installed, or the cluster's folder is not there."""
    semantic = settings.semantic
    for key in ("embedder", "document_embedder") if semantic.action != "off" else ():
        if getattr(semantic, key) != STATIC:
            name = f"filters.semantic.{key}"
            require("sentence_transformers", "filters", f"{name}: {getattr(semantic, key)}", f"`{name}: {STATIC}`")
    if settings.executor != "local":
        key = f"filters.executor: {settings.executor}"
        require("datatrove", "filters", key, "`filters.executor: local`")
        if settings.executor == "ray":
            require("ray", "cluster", key, "`filters.executor: local`")
        folder = settings.cluster.folder
        if folder is not None and not Path(folder).is_dir():
            raise UserError(f"filters.cluster.folder: {folder} is no folder. Name one that every machine sees.")


def require(package: str, extra: str, what: str, otherwise: str) -> None:
    """UserError that says what needs the package, which extra brings it, and how to do without."""
    if importlib.util.find_spec(package) is None:
        raise UserError(
            f"{what}: needs the package {package}, which is not installed. Install `specmill[{extra}]`, or set "
            f"{otherwise}."
        )
