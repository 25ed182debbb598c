import shlex

import pytest

from eval.agentic import Served, command_lines
from specs.errors import UserError


def test_the_grid_and_no_key() -> None:
    asked = Served("my model; rm", "http://127.0.0.1:8000/v1", "MY_KEY")
    lines = command_lines(
        asked, Served("judge", "https://example.org/v1", "J"), repeats=3, temperature=0.7, log_dir="l"
    )
    assert lines[0] == "export SPECMILL_EVAL_BASE_URL=http://127.0.0.1:8000/v1"
    assert lines[1] == 'export SPECMILL_EVAL_API_KEY="${MY_KEY:-no-key}"'
    cells = [shlex.split(line) for line in lines[4:]]
    assert len(cells) == len(set(map(tuple, cells))) == 27
    assert all(cell[4] == "openai-api/specmill-eval/my model; rm" for cell in cells), "quoted as one argument"
    assert sum("goal_type=none" in cell and "goal_value=none" in cell for cell in cells) == 3
    assert all(cell[cell.index("--epochs") + 1] == "3" for cell in cells)


def test_claude_is_asked_by_inspect_s_own_provider() -> None:
    asked = Served("claude-sonnet-5-5", "", "ANTHROPIC_API_KEY", "anthropic")
    lines = command_lines(asked, Served("j", "https://h/v1", "J"), repeats=1, temperature=0.7, log_dir="l")
    assert [line for line in lines if line.startswith("export")] == [
        "export SPECMILL_JUDGE_BASE_URL=https://h/v1", 'export SPECMILL_JUDGE_API_KEY="${J:-no-key}"'
    ]  # fmt: skip
    assert "anthropic/claude-sonnet-5-5" in lines[-1]
    judge = Served("claude-opus-5-5", "http://127.0.0.1:9", "OTHER", "anthropic")
    lines = command_lines(judge, judge, repeats=1, temperature=0.7, log_dir="l")
    assert lines[:2] == [
        "export ANTHROPIC_BASE_URL=http://127.0.0.1:9", 'export ANTHROPIC_API_KEY="${OTHER:-no-key}"'
    ]  # fmt: skip
    assert "grader_model=anthropic/claude-opus-5-5" in lines[2]
    with pytest.raises(UserError, match="one key"):
        command_lines(asked, judge, repeats=1, temperature=0.7, log_dir="l")
