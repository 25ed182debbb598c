import shlex

from eval.agentic import Served, command_lines


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
