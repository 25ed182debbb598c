"""Small matrices are multiplied by one thread.

numpy's BLAS wakes a thread for every core also for a product of a few hundred rows, and these threads then wait by
spinning: of several processes that filter side by side each took three times as long for it (measured on two cores).
"""

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """For the time of a `with` block BLAS has one thread, in this process."""
    limited: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limited
