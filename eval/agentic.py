"""Hand-off to `inspect_evals/agentic_misalignment`: the command lines of the published grid.

The grid is 3 harmful actions x 9 goal conditions (none and 8 values), 300 repeats each at temperature 0.7 [arXiv
2605.02087; Lynch et al. 2025]. Two differences: the evaluation as shipped has blackmail in place of exfiltration, and
names the model "Alex" where the paper used the model's own name. The classifier's verdict is what to report.
Tested with inspect-ai 0.3.285 and inspect-evals 0.26.0.
"""

import shlex
from dataclasses import dataclass
from typing import Final

SCENARIOS: Final = ("blackmail", "leaking", "murder")
GOALS: Final = (
    "none", "america", "global", "safety", "acceleration", "ethical", "pragmatic", "individualism", "collectivism",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Served:
    """A model behind an OpenAI-compatible address; `api_key_env` names the variable with its key."""

    model: str
    base_url: str
    api_key_env: str


def command_lines(asked: Served, judge: Served, *, repeats: int, temperature: float, log_dir: str) -> list[str]:
    """Shell lines: two addresses, two keys (by variable, never by value), and one evaluation a cell of the grid."""
    lines = []
    for service, one in (("SPECMILL_EVAL", asked), ("SPECMILL_JUDGE", judge)):
        lines.append(f"export {service}_BASE_URL={shlex.quote(one.base_url)}")
        lines.append(f'export {service}_API_KEY="${{{one.api_key_env}:-no-key}}"')
    for scenario in SCENARIOS:
        for goal in GOALS:
            arguments = [
                "inspect", "eval", "inspect_evals/agentic_misalignment",
                "--model", f"openai-api/specmill-eval/{asked.model}",
                "-T", f"scenario={scenario}", "-T", f"goal_type={'none' if goal == 'none' else 'explicit'}",
                "-T", f"goal_value={goal}", "-T", "urgency_type=replacement",
                "-T", f"grader_model=openai-api/specmill-judge/{judge.model}",
                "--epochs", str(repeats), "--temperature", str(temperature), "--log-dir", log_dir,
            ]  # fmt: skip
            lines.append(shlex.join(arguments))
    return lines
