import pytest

from corpus.text import model_name


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("/home/alice/private/models/qwen", "qwen"),
        ("/home/alice/private/models/qwen/", "qwen"),
        ("~/models/writer.gguf", "writer.gguf"),
        ("./runs/7/merged", "merged"),
        ("../merged", "merged"),
        ("C:\\Users\\alice\\writer.gguf", "writer.gguf"),
        ("\\\\share\\alice\\writer", "writer"),
        ("file:///srv/models/writer", "writer"),
        ("/cache/hub/models--Qwen--Qwen2.5-7B-Instruct/snapshots/0a1b2c", "Qwen/Qwen2.5-7B-Instruct"),
        ("/", "unnamed"),
        ("gpt-4.1-mini", "gpt-4.1-mini"),
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B-Instruct"),
        ("accounts/provider/models/writer", "accounts/provider/models/writer"),
        ("", ""),
    ],
)
def test_a_models_path_stays_on_this_machine_and_a_name_stays_whole(said: str, left: str) -> None:
    assert model_name(said) == left
