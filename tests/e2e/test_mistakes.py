"""Wrong inputs: each is answered in one message that says where, what was found and what to do; exit code 2."""

from pathlib import Path

import pytest


@pytest.fixture
def run(cli, tmp_path):
    """Run a build of a recipe given as text."""

    def build(text: str, *options: str, name: str = "bad.yaml"):
        (tmp_path / name).write_text(text)
        return cli.run("build", tmp_path / name, "--out", tmp_path / "w", *options)

    return build


GOOD = """spec: {spec}
endpoints: {{main: {{base_url: "http://127.0.0.1:9/v1", model: m}}}}
roles: {{writer: {{endpoints: [main]}}}}
"""

MISTAKES = {
    "an unknown key": ("documents: {wordz: 3}\n", ["line 4", "documents.wordz", "did you mean 'words'"]),
    "a value out of bounds": (
        "documents: {words: -1}\n",
        ["line 4", "documents.words", "greater than or equal to 50", "-1"],
    ),
    "a word where a number belongs": ("list_batch: many\n", ["line 4", "list_batch", "integer", "'many'"]),
    "a key twice": ("seed: 1\nseed: 2\n", ["line 5", "'seed'", "second time"]),
    "no YAML": ("documents: {types: [1\n", ["line", "not valid YAML"]),
    "an endpoint that is not there": ("roles: {writer: {endpoints: [other]}}\n", ["other"]),
    "a dollar budget without a price": (
        "budget: {dollars: 5}\n",
        ["line 4", "budget.dollars: the price of 'm'", 'prices:\n  models: {"m": {input: 0, output: 0}}'],
    ),
    "a key in an address": ('endpoints: {main: {base_url: "http://u:p@h/v1", model: m}}\n', ["api_key_env"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_recipes(run, mistake: str) -> None:
    added, expected = MISTAKES[mistake]
    good = GOOD.format(spec="cheese_america")
    key = added.partition(":")[0]
    text = "".join(line for line in good.splitlines(keepends=True) if not line.startswith(f"{key}:")) + added
    result = run(text)
    assert result.returncode == 2, result.stderr
    assert all(part in result.stderr for part in expected), result.stderr
    assert "Traceback" not in result.stderr and "u:p" not in result.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"\x00\x01", "binary"), (b"x" * 10_000_000, "bytes"), (b"{modelname}", "placeholder")],
)
def test_specs(run, tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "spec.md").write_bytes(content)
    result = run(GOOD.format(spec="spec.md"))
    assert result.returncode == 2 and message in result.stderr and "spec.md" in result.stderr


def test_missing_files_and_folders(cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for arguments, expected in (
        (["build", tmp_path / "none.yaml"], "starter"),
        (["show", tmp_path], "not a workspace"),
        (["sql", tmp_path, "SELECT 1"], "not a workspace"),
        (["train", tmp_path / "nowhere"], "not a workspace"),
        (["build", "starter", "--out", tmp_path / "file"], "workspace"),
        (["build", "starter", "--set", "documents.words"], "key=value"),
        (["init", tmp_path / "file"], "--force"),
        (["init", tmp_path / "r.yaml", "--from", "nothing"], "demo"),
    ):
        result = cli.run(*arguments)
        assert result.returncode == 2, (arguments, result.stderr)
        assert expected in result.stderr and "Traceback" not in result.stderr, result.stderr


def test_a_dead_endpoint_and_a_refused_key_fail_with_advice(server, recipe, cli, tmp_path: Path) -> None:
    one = server(faults=[{"kind": "401", "times": 0}])
    path = recipe(one.url)
    refused = cli.run("build", path, "--out", tmp_path / "a", OPENAI_API_KEY="wrong-key-123")
    assert refused.returncode == 1 and "OPENAI_API_KEY" in refused.stderr and "wrong-key-123" not in refused.stderr
    nowhere = {"base_url": "http://127.0.0.1:9/v1", "model": "fake", "retries": 0, "wait_when_down_s": 0}
    dead = recipe("", endpoints={"fake": nowhere})
    result = cli.run("build", dead, "--out", tmp_path / "b")
    assert result.returncode == 1 and "127.0.0.1:9" in result.stderr and "Traceback" not in result.stderr
