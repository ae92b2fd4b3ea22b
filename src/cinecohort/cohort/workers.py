"""Work in processes that may die: what kills one is tried once more alone, and everything else goes on."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any


class Died(Exception):
    """A worker process died of an item, with others beside it and alone."""


def pool_of(n: int) -> ProcessPoolExecutor:
    """Worker processes that end with this one, however it ends."""
    return ProcessPoolExecutor(n, initializer=end_with, initargs=(os.getpid(),))


def end_with(parent: int) -> None:
    """Make this worker end when its parent has: one whose parent was killed would wait for work for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def results_of(
    work: Callable[..., Any], items: Sequence[tuple[Any, ...]], n_workers: int
) -> Iterator[tuple[int, Any]]:
    """Call `work` on every item, in worker processes.

    Parameters
    ----------
    work
        What is called; must be picklable.
    items
        The arguments of each call.
    n_workers
        Processes.

    Yields
    ------
    tuple
        An item's place and what came of it, in the order that they end. An exception is given, not raised;
        it is :class:`Died` where the worker died of the item, also when it was tried again alone.
    """
    waiting = list(range(len(items)))
    while waiting:
        n = min(n_workers, len(waiting))
        for place, result in _until_one_dies(work, items, waiting, n):
            waiting.remove(place)
            yield place, result
        # Nobody knows which one killed its worker: it is among those that had been given out.
        for place in waiting[:n]:
            waiting.remove(place)
            yield place, next((result for _, result in _until_one_dies(work, items, [place], 1)), Died())


def _until_one_dies(
    work: Callable[..., Any], items: Sequence[tuple[Any, ...]], places: Sequence[int], n: int
) -> Iterator[tuple[int, Any]]:
    with pool_of(n) as pool:
        futures: dict[Future[Any], int] = {pool.submit(work, *items[place]): place for place in places}
        try:
            for future in as_completed(futures):
                fault = future.exception()
                if not isinstance(fault, BrokenProcessPool):
                    yield futures[future], future.result() if fault is None else fault
        finally:
            # A job that has to end does not go through everybody else first. Without waiting, the pool's
            # thread could outlive the interpreter's pipes and complain of them.
            pool.shutdown(cancel_futures=True)
