"""Running a Distilabel pipeline so that it can be stopped, never hangs, and leaves no process behind.

Distilabel 1.5.3 forks a manager and a worker a step. Measured: killed with -9 it leaves all of them alive and sending,
its own stop can spin for ever, and a worker that dies is never noticed. So here: every forked child watches its parent;
the first Ctrl-C or SIGTERM only closes `pipelines.control` (nothing new is sent, what is in flight is committed, the
pipeline runs out); the second kills; a step that raises or a worker that dies ends the run with an error.
"""

import logging
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from pipelines.control import CONTROL
from specs.errors import SpecmillError

if TYPE_CHECKING:
    import pyarrow as pa
    from distilabel.pipeline import Pipeline

_WATCH_S = 0.25
_GRACE_S = 1.0  # for replies that are being committed when the parent is gone


def run_pipeline(pipeline: "Pipeline", log_file: str | os.PathLike[str]) -> "dict[str, pa.Table]":
    """Run `pipeline` to its end; the rows of each of its last steps, in order, by step name.

    Raises the typed error of `pipelines.control` (EndpointError, BudgetError, StoppedError, SpecmillError) when the run
    was halted or stopped, SpecmillError when a step raised or its process died. Distilabel's log goes to `log_file`.
    Call it in the main thread: it answers SIGINT and SIGTERM while it runs.
    """
    CONTROL.reset()
    folder = Path(tempfile.mkdtemp(prefix="specmill-run-"))
    pipeline._cache_dir = folder
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(_quiet(Path(log_file)))
        stack.enter_context(_signals(folder))
        stack.enter_context(_crashes_end_the_run(pipeline))
        stack.enter_context(_plain_tables())
        try:
            tables: dict[str, pa.Table] = pipeline.run(use_cache=False)
        except Exception as error:
            CONTROL.raise_if_ended()
            cause = error.__cause__ or error
            raise SpecmillError(f"the pipeline failed: {type(cause).__name__}: {cause}. See {log_file}.") from error
        CONTROL.raise_if_ended()
        return tables


# --- children --------------------------------------------------------------------------------------------------------


def _in_child() -> None:
    """In every forked process: ignore Ctrl-C (the parent answers it), stop on SIGTERM, end when the parent is gone."""
    if not _RUNNING.is_set():
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _child_terminated)
    parent = os.getppid()
    threading.Thread(target=_watch_parent, args=(parent,), name="parent-watch", daemon=True).start()


def _child_terminated(signum: int, frame: FrameType | None) -> None:
    """A SIGTERM to the whole group is a stop; one from the pool, when the work is done, is the end."""
    if CONTROL.tearing_down:
        os._exit(0)
    CONTROL.stop()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    CONTROL.stop()
    time.sleep(_GRACE_S)
    os._exit(1)


_RUNNING = threading.Event()  # a pipeline of ours runs: only its children are watched
os.register_at_fork(after_in_child=_in_child)


# --- the parent ------------------------------------------------------------------------------------------------------


@contextmanager
def _signals(folder: Path) -> Iterator[None]:
    """First SIGINT or SIGTERM: stop; second: kill the children and exit."""

    def handle(signum: int, frame: FrameType | None) -> None:
        if not CONTROL.stopping:
            CONTROL.stop()
            return
        _kill_children()
        shutil.rmtree(folder, ignore_errors=True)
        sys.stdout.flush()
        os._exit(130)

    _RUNNING.set()
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        _RUNNING.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def _kill_children() -> None:
    for child in multiprocessing.active_children():
        child.kill()


@contextmanager
def _crashes_end_the_run(pipeline: "Pipeline") -> Iterator[None]:
    """A step that raises or a worker that dies halts the run and ends Distilabel's loop, which would wait for ever."""
    over = threading.Event()

    def crashed(text: str) -> None:
        CONTROL.halt("crash", text)
        pipeline._output_queue.put(None)

    def step_failed(error: BaseException) -> None:
        if getattr(error, "is_load_error", False):
            original(error)  # Distilabel ends such a run by itself
            return
        step = getattr(getattr(error, "step", None), "name", "a step")
        cause = getattr(error, "subprocess_exception", error)
        logging.getLogger("distilabel").error(getattr(error, "formatted_traceback", str(error)))
        crashed(f"step {step} failed: {type(cause).__name__}: {cause}")

    def watch() -> None:
        workers: dict[int, Any] = {}
        while not over.wait(_WATCH_S) and not CONTROL.tearing_down:
            pool = getattr(pipeline, "_pool", None)
            for process in list(getattr(pool, "_pool", None) or []):
                workers.setdefault(process.pid, process)
            dead = [pid for pid, process in workers.items() if process.exitcode is not None]
            if dead and not CONTROL.tearing_down:
                crashed(f"a worker process died ({_exit_text(workers[dead[0]].exitcode)}); run again to go on")
                return

    def teardown() -> None:
        CONTROL.teardown()
        original_teardown()

    original, original_teardown = pipeline._error_callback, pipeline._teardown
    watcher = threading.Thread(target=watch, name="worker-watch", daemon=True)
    overrides: dict[str, Any] = dict(
        _error_callback=step_failed, _teardown=teardown, _handle_keyboard_interrupt=lambda: None
    )
    with patch.multiple(pipeline, **overrides):
        watcher.start()
        try:
            yield
        finally:
            over.set()


def _exit_text(code: int) -> str:
    return f"signal {-code}, perhaps out of memory" if code < 0 else f"exit code {code}"


@contextmanager
def _quiet(log_file: Path) -> Iterator[None]:
    """Distilabel's log into a file, from every process, and nothing on the terminal or in the root logger."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log_file, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("distilabel")
    before = logger.propagate, logger.level
    logger.addHandler(handler)
    logger.propagate, logger.level = False, logging.INFO
    nothing: dict[str, Any] = dict(setup_logging=lambda *args, **kwargs: None, stop_logging=lambda: None)
    try:
        with (
            patch.multiple("distilabel.pipeline.local", **nothing),
            patch("distilabel.pipeline.base.setup_logging", nothing["setup_logging"]),
            patch("distilabel.pipeline.base.stop_logging", nothing["stop_logging"]),
        ):
            yield
    finally:
        logger.removeHandler(handler)
        handler.close()
        logger.propagate, logger.level = before


@contextmanager
def _plain_tables() -> Iterator[None]:
    """Read the last steps' Parquet as it is; Distilabel would copy it into the datasets cache first."""
    with patch("distilabel.pipeline.local.create_distiset", lambda data_dir, **_: _read_tables(Path(data_dir))):
        yield


def _read_tables(data: Path) -> "dict[str, pa.Table]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = {}
    for folder in sorted((data / "steps_outputs").iterdir()):
        parts = [pq.read_table(part) for part in sorted(folder.glob("*.parquet"))]
        tables[folder.name] = pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({})
    return tables
