"""Running a Distilabel pipeline in this process, so that it starts at once and a kill leaves nothing behind.

Distilabel's own `Pipeline.run` forks a manager and a process a step. Our steps wait for replies, so other processes
gain nothing and cost much: seconds a pipeline, memory a step, orphans that go on sending after a kill -9, workers whose
death is never noticed. Here the steps of a pipeline run one after another in one thread, each given all rows of the
step before. The main thread answers signals: the first Ctrl-C or SIGTERM only closes `run.control` (nothing new is
sent, what is in flight is committed), the second ends the process.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.run.control import CONTROL
from specs.errors import SpecmillError

if TYPE_CHECKING:
    from distilabel.pipeline import Pipeline
    from distilabel.steps.base import _Step

T = TypeVar("T")
Row = dict[str, Any]

_LOG = logging.getLogger("specmill.run")
_LOG_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def run_pipeline(pipeline: "Pipeline", log_file: str | os.PathLike[str]) -> dict[str, list[Row]]:
    """Run `pipeline` to its end; the rows of each of its last steps, in order, by step name.

    For steps as ours are: no routing functions and no replicas. What the steps log goes to `log_file`. Call it in the
    main thread: it answers SIGINT and SIGTERM there.

    Raises:
        EndpointError, BudgetError, StoppedError, SpecmillError: the run was halted or stopped (`run.control`).
        SpecmillError: a step raised; with the step's name and what it raised, unless that is for the user already.
    """
    CONTROL.reset()
    with _logged(Path(log_file)), _signals():
        rows = _in_thread(lambda: _run_steps(pipeline, log_file))
    CONTROL.raise_if_ended()
    return rows


# --- steps -----------------------------------------------------------------------------------------------------------


def _run_steps(pipeline: "Pipeline", log_file: str | os.PathLike[str]) -> dict[str, list[Row]]:
    from distilabel.constants import STEP_ATTR_NAME

    dag = pipeline.dag
    dag.validate()
    rows: dict[str, list[Row]] = {}
    for name in chain.from_iterable(dag.iter_based_on_trophic_levels()):  # each after those that it depends on
        CONTROL.raise_if_ended()
        step = dag.get_step(name)[STEP_ATTR_NAME].model_copy()  # some use up what they hold
        try:
            rows[name] = _run_step(step, [rows[before] for before in dag.get_step_predecessors(name)])
        except Exception as error:
            logging.getLogger("distilabel").exception("step %s failed", name)
            CONTROL.raise_if_ended()
            if isinstance(error, SpecmillError):
                raise
            text = f"step {name} failed: {type(error).__name__}: {error}. See {log_file}."
            raise SpecmillError(text) from error
    return {name: rows[name] for name in dag.leaf_steps}


def _run_step(step: "_Step", inputs: list[list[Row]]) -> list[Row]:
    """What one step makes of the rows of the steps before it."""
    try:
        step.load()
        if step.is_generator:
            return [row for batch, _ in step.process_applying_mappings() for row in batch]
        size = None if step.is_global else step.input_batch_size
        made = (rows for batch in _batches(inputs, size) for rows in step.process_applying_mappings(*batch))
        return [row for rows in made for row in rows]
    finally:
        step.unload()


def _batches(inputs: list[list[Row]], size: int | None) -> Iterator[list[list[Row]]]:
    """At most `size` rows at a time of each of `inputs`; all at once where it is None."""
    longest = max(map(len, inputs))
    for begin in range(0, longest, size) if size else [0]:
        yield [rows[begin : begin + size] if size else rows for rows in inputs]


# --- the process around them -----------------------------------------------------------------------------------------


def _in_thread(work: Callable[[], T]) -> T:
    """Do `work` in a thread: signals are answered at once whatever it does, and it may be called from an event loop."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="pipeline", daemon=True)
    thread.start()
    try:
        thread.join()
    finally:
        if thread.is_alive():  # an exception came out of a signal handler that is not ours
            CONTROL.stop()
    if failed:
        raise failed[0]
    return done[0]


@contextmanager
def _signals() -> Iterator[None]:
    """First SIGINT or SIGTERM: stop; second: end the process, with what is in flight."""
    signals = count(1)  # not CONTROL.stopping: something else may have set it first

    def handle(signum: int, frame: FrameType | None) -> None:
        if next(signals) == 1:
            CONTROL.stop()
            _LOG.info("stopping: what is in flight is finished and kept; once more ends everything at once")
            return
        sys.stdout.flush()
        os._exit(130)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _logged(log_file: Path) -> Iterator[None]:
    """Distilabel's log, which the steps write to, into a file; nothing on the terminal or in the root logger."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log_file, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(_LOG_FORMAT))
    logger = logging.getLogger("distilabel")
    before = logger.propagate, logger.level
    logger.addHandler(handler)
    logger.propagate, logger.level = False, logging.INFO
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
        logger.propagate, logger.level = before
