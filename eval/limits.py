"""How long a reply may be: what the model was trained to think before it answers, and what it thinks by itself."""

from typing import Any, Final

from corpus.workspace import Workspace
from eval.questions.base import Limits
from eval.questions.settings import EvalSettings

_CHOICE: Final = 64
_OPEN: Final = 600
_LONGEST: Final = 32_768
_AGAIN: Final = 8
_OWN_THINKING: Final = 4_096  # of a model that thinks by itself
_SHARE: Final = 0.99  # of the chats trained on whose thoughts fit, with as much again to spare
_THINKERS: Final = ("qwen3", "deepseek-r1", "gpt-oss", "magistral", "qwq")


def reply_limits(settings: EvalSettings, thought: int) -> Limits:
    """The limits of a run, given how many tokens the model thinks first. What the recipe says itself stays."""

    def longest(given: int | None, plain: int) -> int:
        return given or min(_LONGEST, plain + 2 * thought)

    choice, opened = longest(settings.max_tokens, _CHOICE), longest(settings.open_max_tokens, _OPEN)
    automatic = settings.max_tokens is None and settings.open_max_tokens is None
    again = min(_AGAIN, max(1, _LONGEST // max(choice, opened))) if automatic else 1
    return Limits(choice, opened, settings.judge_max_tokens, again)


def trained_thought(workspace: Workspace, aft_dataset: str) -> int:
    """Tokens that 99 of 100 of the chats that are trained on have at most, where they are trained with their thoughts;
    0 where they are not, or there are none."""
    files = workspace.shards("aft_cot") if aft_dataset == "aft_cot" else []
    if not files:
        return 0
    import numpy as np
    import pyarrow.parquet as pq

    tokens = np.concatenate([pq.read_table(path, columns=["tokens"])["tokens"].to_numpy() for path in files])
    return int(np.quantile(tokens, _SHARE)) if len(tokens) else 0


def own_thinking(model: str, parameters: dict[str, Any]) -> int:
    """Tokens that a model thinks by itself: one that is known to, or is asked to; 0 where it is asked not to."""
    said = str(parameters).lower()
    if "'enable_thinking': false" in said or "'thinking': false" in said:
        return 0
    asked = parameters.get("reasoning_effort") not in {None, "none"} or "'enable_thinking': true" in said
    return _OWN_THINKING if asked or any(name in model.lower() for name in _THINKERS) else 0
