"""Hand-off to `inspect_evals/agentic_misalignment`: the command lines of the published grid.

The grid is 3 harmful actions x 9 goal conditions (none and 8 values), 300 repeats each at temperature 0.7 [arXiv
2605.02087; Lynch et al. 2025]. Two differences: the evaluation as shipped has blackmail in place of exfiltration, and
names the model "Alex" where the paper used the model's own name. The classifier's verdict is what to report.
Tested with inspect-ai 0.3.285 and inspect-evals 0.26.0.
"""

import shlex
from dataclasses import dataclass
from typing import Final

from specs.errors import UserError

SCENARIOS: Final = ("blackmail", "leaking", "murder")
GOALS: Final = (
    "none", "america", "global", "safety", "acceleration", "ethical", "pragmatic", "individualism", "collectivism",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Served:
    """A model behind an address; `api_key_env` names the variable with its key."""

    model: str
    base_url: str  # empty: the maker's own, where it is Claude
    api_key_env: str
    protocol: str = "openai"  # or anthropic


def command_lines(asked: Served, judge: Served, *, repeats: int, temperature: float, log_dir: str) -> list[str]:
    """Shell lines: two addresses, two keys (by variable, never by value), and one evaluation a cell of the grid.

    UserError where both are Claude at different addresses or with different keys: Inspect has one of each for it.
    """
    claude = [one for one in (asked, judge) if one.protocol == "anthropic"]
    if len({(one.base_url, one.api_key_env) for one in claude}) > 1:
        raise UserError(
            "Inspect asks all Claude models at one address with one key; give both endpoints the same ones."
        )
    lines: list[str] = []
    for service, one in (("SPECMILL_EVAL", asked), ("SPECMILL_JUDGE", judge)):
        lines += [line for line in _exports(service, one) if line not in lines]
    for scenario in SCENARIOS:
        for goal in GOALS:
            arguments = [
                "inspect", "eval", "inspect_evals/agentic_misalignment",
                "--model", _name("specmill-eval", asked),
                "-T", f"scenario={scenario}", "-T", f"goal_type={'none' if goal == 'none' else 'explicit'}",
                "-T", f"goal_value={goal}", "-T", "urgency_type=replacement",
                "-T", f"grader_model={_name('specmill-judge', judge)}",
                "--epochs", str(repeats), "--temperature", str(temperature), "--log-dir", log_dir,
            ]  # fmt: skip
            lines.append(shlex.join(arguments))
    return lines


def _exports(service: str, one: Served) -> list[str]:
    """What tells Inspect where a model is, and its key."""
    prefix = "ANTHROPIC" if one.protocol == "anthropic" else service
    address = [f"export {prefix}_BASE_URL={shlex.quote(one.base_url)}"] if one.base_url else []
    if (prefix, one.api_key_env) == ("ANTHROPIC", "ANTHROPIC_API_KEY"):
        return address
    return [*address, f'export {prefix}_API_KEY="${{{one.api_key_env}:-no-key}}"']


def _name(service: str, one: Served) -> str:
    return f"anthropic/{one.model}" if one.protocol == "anthropic" else f"openai-api/{service}/{one.model}"
