"""Running a Distilabel pipeline so that it can be stopped, never hangs, and leaves no process behind.

Distilabel 1.5.3 forks a manager and a worker a step. Measured: killed with -9 it leaves all of them alive and sending,
its own stop can spin for ever, and a worker that dies is never noticed. So here: every forked child watches its parent;
the first Ctrl-C or SIGTERM only closes `run.control` (nothing new is sent, what is in flight is committed); the second
kills; a step that raises or a worker that dies ends the run with an error.
"""

import itertools
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from pipelines.run.control import CONTROL
from specs.errors import SpecmillError

if TYPE_CHECKING:
    import pyarrow as pa
    from distilabel.pipeline import Pipeline

_LOG = logging.getLogger("specmill.run")
_WATCH_S = 0.2
_POLL_S = 0.1
_ORPHAN_GRACE_S = 1.0  # for replies that are being committed when the parent is gone
_CRASH_GRACE_S = 3.0  # for the other steps, when one has crashed
_LOG_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def run_pipeline(pipeline: "Pipeline", log_file: str | os.PathLike[str]) -> "dict[str, pa.Table]":
    """Run `pipeline` to its end; the rows of each of its last steps, in order, by step name.

    Raises the typed error of `run.control` (EndpointError, BudgetError, StoppedError, SpecmillError) when the run
    was halted or stopped, SpecmillError when a step raised or its process died. Distilabel's log goes to `log_file`,
    its working files into a folder beside it that is removed. Call it in the main thread: it answers SIGINT, SIGTERM.
    """
    CONTROL.reset()
    log_file = Path(log_file)
    folder = log_file.parent / ".pipeline"  # one run at a time: the workspace is locked
    shutil.rmtree(folder, ignore_errors=True)
    pipeline._cache_dir = folder
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(_quiet(log_file))
        stack.enter_context(_signals(folder))
        stack.enter_context(_watched(pipeline))
        stack.enter_context(_plain_tables())
        stack.enter_context(_prompt_polling())
        try:
            tables: dict[str, pa.Table] = pipeline.run(use_cache=False)
        except Exception as error:
            CONTROL.raise_if_ended()
            cause = error.__cause__ or error
            raise SpecmillError(f"the pipeline failed: {type(cause).__name__}: {cause}. See {log_file}.") from error
        CONTROL.raise_if_ended()
        return tables


# --- children --------------------------------------------------------------------------------------------------------

_running = threading.Event()  # a pipeline of ours runs: only its children are watched


def _in_child() -> None:
    """In every forked process: leave Ctrl-C and SIGTERM to the parent, and end when the parent is gone."""
    if not _running.is_set():
        return
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGTERM}
    )  # for all threads to come; `_answer_sigterm` waits for it
    threading.Thread(target=_answer_sigterm, args=(parent,), name="sigterm", daemon=True).start()
    threading.Thread(target=_watch_parent, args=(parent,), name="parent-watch", daemon=True).start()


def _answer_sigterm(parent: int) -> None:
    """From the parent, whose pool ends its workers so, it is the end; from anybody else it is a stop."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        CONTROL.stop()
    os._exit(0)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    CONTROL.stop()
    time.sleep(_ORPHAN_GRACE_S)
    os._exit(1)


os.register_at_fork(after_in_child=_in_child)


# --- the parent ------------------------------------------------------------------------------------------------------


@contextmanager
def _signals(folder: Path) -> Iterator[None]:
    """First SIGINT or SIGTERM: stop; second: kill the children and exit."""

    signals = itertools.count(1)  # not CONTROL.stopping: a child that got the same signal may have set it first

    def handle(signum: int, frame: FrameType | None) -> None:
        if next(signals) == 1:
            CONTROL.stop()
            _LOG.warning("stopping: what is in flight is finished and kept; once more ends everything at once")
            return
        for child in multiprocessing.active_children():
            child.kill()
        shutil.rmtree(folder, ignore_errors=True)
        sys.stdout.flush()
        os._exit(130)

    _running.set()
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        _running.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _watched(pipeline: "Pipeline") -> Iterator[None]:
    """End Distilabel's loop, which would wait for ever, when a step raises, a worker dies, or the run is closed."""
    watch = _Watch(pipeline)
    with _replaced(
        pipeline,
        _error_callback=watch.step_failed,
        _is_step_running=watch.is_step_running,
        _handle_keyboard_interrupt=lambda: None,
    ):
        watch.thread.start()
        try:
            yield
        finally:
            watch.over.set()
            watch.thread.join()


class _Watch:
    """The parent's thread that looks after the workers of one pipeline."""

    def __init__(self, pipeline: "Pipeline") -> None:
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, name="pipeline-watch", daemon=True)
        self._pipeline = pipeline
        self._step_failed, self._is_step_running = pipeline._error_callback, pipeline._is_step_running
        self._crashed_at: float | None = None

    def step_failed(self, error: BaseException) -> None:
        """In place of Distilabel's error callback, which ignores some failures and spins on others."""
        if getattr(error, "is_load_error", False):
            self._step_failed(error)  # Distilabel ends such a run by itself
            return
        step = getattr(getattr(error, "step", None), "name", "?")
        cause = getattr(error, "subprocess_exception", error)
        logging.getLogger("distilabel").error(getattr(error, "formatted_traceback", str(error)))
        self._crashed(f"step {step} failed: {type(cause).__name__}: {cause}")

    def is_step_running(self, step_name: str) -> bool:
        """In place of Distilabel's, for which a step that crashed runs for ever."""
        late = self._crashed_at is not None and time.monotonic() - self._crashed_at > _CRASH_GRACE_S
        return not late and bool(self._is_step_running(step_name))

    def _crashed(self, text: str) -> None:
        CONTROL.halt("crash", text)
        self._crashed_at = self._crashed_at or time.monotonic()

    def _run(self) -> None:
        workers: dict[int, Any] = {}
        ended = False
        while not self.over.wait(_WATCH_S):
            pool = getattr(self._pipeline, "_pool", None)
            if pool is None or pool._state != "RUN":
                continue
            workers |= {process.pid: process for process in list(pool._pool)}
            dead = [process.exitcode for process in workers.values() if process.exitcode is not None]
            if dead and pool._state == "RUN" and self._crashed_at is None:
                self._crashed(f"a worker process died ({_exit_text(dead[0])}); run again to go on")
            if CONTROL.closed and not ended and getattr(self._pipeline, "_output_queue", None) is not None:
                ended = True
                self._pipeline._output_queue.put(None)  # no further step is started


def _exit_text(code: int) -> str:
    return f"signal {-code}, perhaps out of memory" if code < 0 else f"exit code {code}"


@contextmanager
def _quiet(log_file: Path) -> Iterator[None]:
    """Distilabel's log into a file, from every process, and nothing on the terminal or in the root logger."""
    from distilabel.pipeline import base, local

    log_file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log_file, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(_LOG_FORMAT))
    logger = logging.getLogger("distilabel")
    before = logger.propagate, logger.level
    logger.addHandler(handler)
    logger.propagate, logger.level = False, logging.INFO
    nothing = dict(setup_logging=lambda *args, **kwargs: None, stop_logging=lambda: None)
    try:
        with _replaced(local, **nothing), _replaced(base, **nothing):
            yield
    finally:
        logger.removeHandler(handler)
        handler.close()
        logger.propagate, logger.level = before


@contextmanager
def _plain_tables() -> Iterator[None]:
    """Read the last steps' Parquet as it is; Distilabel would copy it into the datasets cache first."""
    from distilabel.pipeline import local

    with _replaced(local, create_distiset=lambda data_dir, **_: _read_tables(Path(data_dir))):
        yield


@contextmanager
def _prompt_polling() -> Iterator[None]:
    """Distilabel looks every 2.5 s whether the steps of a stage are loaded; a chain of stages would mostly wait."""
    from distilabel.pipeline import base

    with _replaced(base, time=SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, _POLL_S)))):
        yield


def _read_tables(data: Path) -> "dict[str, pa.Table]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = {}
    for folder in sorted((data / "steps_outputs").iterdir()):
        parts = [pq.read_table(part) for part in sorted(folder.glob("*.parquet"))]
        tables[folder.name] = pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({})
    return tables


@contextmanager
def _replaced(target: Any, **attributes: Any) -> Iterator[None]:
    """Set attributes of an object or module for a while."""
    before = {name: getattr(target, name) for name in attributes}
    for name, value in attributes.items():
        setattr(target, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(target, name, value)
