"""Chat templates as their makers publish them: TRL brings some, the short ones are files here."""

from importlib.util import find_spec
from pathlib import Path

_IN_TRL = {"llama3": "llama3_1", "qwen2.5": "qwen2_5", "qwen3": "qwen3", "gemma3": "gemma3", "gpt-oss": "gptoss"}


def published_template(family: str) -> str | None:
    """The template of a family's instruct models; None where it is TRL's and TRL is not installed."""
    if family not in _IN_TRL:
        return (Path(__file__).parent / "templates" / f"{family}.jinja").read_text(encoding="utf-8")
    found = find_spec("trl")
    if found is None or found.origin is None:
        return None
    return (Path(found.origin).parent / "chat_templates" / f"{_IN_TRL[family]}.jinja").read_text(encoding="utf-8")
