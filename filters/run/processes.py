"""The checks of one document by several processes: pieces of work go out, sketches and rejections come back."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import Any, TypeVar

from filters.base import Decision
from filters.context import Context
from filters.run.decide import Found, resolve
from filters.settings import FilterSettings

Work = TypeVar("Work")
CheckUnit = Callable[[Work, FilterSettings, Context], Found]
_IN_FLIGHT = 2  # pieces a process, so that none waits and none is read long before its turn


def by_processes(
    work: Iterable[Work], check_unit: CheckUnit[Work], settings: FilterSettings, context: Context
) -> Iterator[Found]:
    """`check_unit` over pieces of work, in their order; `check_unit` and the work must be picklable."""
    workers = settings.workers or os.cpu_count() or 1
    if workers == 1:
        yield from (check_unit(piece, settings, context) for piece in work)
        return
    # forkserver: a fork of a process that runs threads (Arrow, BLAS) can hang
    with ProcessPoolExecutor(workers, get_context("forkserver"), _prepare, (check_unit, settings, context)) as pool:
        waiting: deque[Future[Found]] = deque()
        for piece in work:
            waiting.append(pool.submit(_check, piece))
            if len(waiting) >= workers * _IN_FLIGHT:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def gather(found: Iterable[Found], settings: FilterSettings) -> Decision:
    """The checks across documents over what the pieces brought, in any order."""
    every = Found()
    for piece in found:
        every.extend(piece)
    return resolve(every, settings)


_prepared: list[tuple[CheckUnit[Any], FilterSettings, Context]] = []


def _prepare(check_unit: CheckUnit[Any], settings: FilterSettings, context: Context) -> None:
    """Runs once in each process: what every piece needs is sent once."""
    Thread(target=_end_with_parent, daemon=True).start()
    _prepared[:] = [(check_unit, settings, context)]


def _end_with_parent() -> None:
    """A worker of a run that was killed would wait for ever: its own end keeps the pool's pipe open."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _check(piece: object) -> Found:
    check_unit, settings, context = _prepared[0]
    return check_unit(piece, settings, context)
