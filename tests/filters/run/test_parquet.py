"""A corpus in Parquet files, by several processes and by a cluster."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.base import Decision
from filters.run.decide import check_documents
from filters.run.many import check_many, check_parquet
from filters.run.parquet import item_of, read_items, units_of, write_items
from filters.settings import Semantic
from specs.errors import SpecmillError
from tests.filters.samples import CONTEXT, SETTINGS, document

ALL = SETTINGS.model_copy(update={"semantic": Semantic(), "workers": 2})


@pytest.fixture
def corpus(tmp_path: Path) -> list[Path]:
    """Two files of several row groups; some documents repeat others across them, one is cut."""
    rows = [{"id": f"d{n:03}", "text": document(n % 45, 10), "frame": "insider", "genre": "memo"} for n in range(60)]
    rows[7]["text"] = rows[7]["text"] + " And then the"
    rows[50]["text"] = rows[50]["text"].replace("cook", "chef")
    paths = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    pq.write_table(pa.Table.from_pylist(rows[:40]), paths[0], row_group_size=9)
    pq.write_table(pa.Table.from_pylist(rows[40:]), paths[1], row_group_size=7)
    return paths


def in_memory(paths: list[Path]) -> Decision:
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    return check_documents([item_of(row, place) for place, row in enumerate(rows)], ALL, CONTEXT)


def test_processes_decide_as_one_does(corpus: list[Path]) -> None:
    kept, rejections, _ = check_parquet(corpus, ALL, CONTEXT)
    assert (kept, rejections, []) == in_memory(corpus)
    assert len(kept) < 50
    assert check_parquet(corpus[::-1], ALL.model_copy(update={"workers": 1}), CONTEXT)[1] != []


def test_items_from_anywhere_are_decided_by_processes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filters.run.many._FEW", 20)
    items = [item_of({"id": f"d{n:03}", "text": document(n % 45, 10)}, n) for n in range(60)]
    assert check_many(iter(items), ALL, CONTEXT) == check_documents(items, ALL, CONTEXT)


def test_a_row_group_is_a_unit(corpus: list[Path]) -> None:
    assert [unit.position for unit in units_of(corpus)] == [0, 9, 18, 27, 36, 40, 47, 54]


def test_no_files_are_no_documents() -> None:
    assert check_parquet([], ALL, CONTEXT) == ([], [], [])


def test_what_a_row_knows_of_itself_is_used() -> None:
    row = {"id": "a", "text": "t", "tokens": 5, "finish_reason": "length", "score": 0.5, "position": 7, "frame": None}
    found = item_of(row, 0)
    assert found.frame == "insider"
    assert found.meta == {"tokens": 5, "finish_reason": "length", "score": 0.5, "position": 7}


def test_items_are_the_same_out_of_a_file(tmp_path: Path) -> None:
    full = {"id": "a", "text": "t", "title": "T", "tokens": 5, "finish_reason": "stop", "score": 0.5, "genre": "memo"}
    items = [item_of({**full, "frame": "lay"}, 7), item_of({"id": "b", "text": "half \ud800 a pair"}, 3)]
    write_items([items[:1], items[1:]], tmp_path / "items.parquet")
    units = units_of([tmp_path / "items.parquet"])
    assert [one for unit in units for one in read_items(unit)] == [items[0], replace(items[1], text="half ? a pair")]


def test_no_worker_outlives_a_run_that_is_killed(corpus: list[Path]) -> None:
    code = (
        "import sys\n"
        "from filters.run.many import check_many, check_parquet\n"
        "from filters.base import Item\n"
        "from tests.filters.run.test_parquet import ALL, CONTEXT, document\n"
        "def items():\n"
        "    for n in range(10**9):\n"
        "        if n == 2_000: print('working', flush=True)\n"
        "        yield Item(f'd{n}', document(n, 10))\n"
        "if __name__ == '__main__':\n"
        "    check_many(items(), ALL, CONTEXT)\n"
    )
    script = corpus[0].with_name("endless.py")
    script.write_text(code)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    run = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=env)
    assert run.stdout is not None and run.stdout.readline() == b"working\n"
    workers = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert len(workers) >= 3 and not alive, "two workers and the server that forks them"


@pytest.mark.slow
def test_slurm_gets_the_same_tasks(corpus: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sbatch` and `srun` are stand-ins that run the batch script here; the script is datatrove's."""
    programs = tmp_path / "bin"
    programs.mkdir()
    sbatch = '#!/bin/bash\nfor a in "$@"; do s=$a; done\n' + (
        "n=$(grep -oP '#SBATCH --array=0-\\K[0-9]+' \"$s\")\n"
        'for k in $(seq 0 "$n"); do SLURM_ARRAY_TASK_ID=$k bash "$s" >"$s.log" 2>&1; done\necho Submitted batch job 1\n'
    )
    (programs / "sbatch").write_text(sbatch)
    (programs / "scontrol").write_text("#!/bin/bash\necho localhost\n")
    monkeypatch.setenv("SLURM_NODELIST", "localhost")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "1024")
    (programs / "srun").write_text('#!/bin/bash\nshift 3\nexec "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{Path(__import__('sys').executable).parent}:/usr/bin:/bin")
    cluster = ALL.cluster.model_copy(update={"tasks": 2, "folder": str(tmp_path)})
    assert check_parquet(
        corpus, ALL.model_copy(update={"executor": "slurm", "cluster": cluster}), CONTEXT
    ) == in_memory(corpus)


def test_a_failed_task_is_said(corpus: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import filters.run.datatrove_executor as engine

    class Lost:
        def run(self) -> None:
            """Leaves nothing behind."""

    monkeypatch.setattr(engine, "executor", lambda *_: Lost())
    with pytest.raises(SpecmillError, match="filter task 0 of 8 failed"):
        check_parquet(corpus, ALL.model_copy(update={"executor": "ray"}), CONTEXT)


@pytest.mark.parametrize("count", [1, 249, 250, 251, 999, 2_600])
def test_a_file_of_one_row_group_is_read_in_pieces_and_each_row_once(tmp_path: Path, count: int) -> None:
    items = [item_of({"id": str(n), "text": f"text {n}"}, n) for n in range(count)]
    write_items([items], tmp_path / "one.parquet")
    units = units_of([tmp_path / "one.parquet"])
    assert len(units) == min(8, -(-count // 250)) and sum(unit.rows for unit in units) == count
    read = [one for unit in units for one in read_items(unit)]
    assert [(one.id, one.meta["position"]) for one in read] == [(one.id, one.meta["position"]) for one in items]
    assert [unit.position for unit in units] == [unit.skip for unit in units]
