"""Work as a list of independent tasks: in this process, or on a pool of worker processes.

A task is a picklable function of one picklable argument; its result, or the error that it ended in, comes back with
the task's place in the list, in any order. A worker that dies takes nothing with it: the tasks that it may have held
run again, each alone, and only the one that kills its worker a second time is reported as crashed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Outcome", "WorkerCrashedError", "default_workers", "run"]

T = TypeVar("T")
R = TypeVar("R")

_ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "NUMBA_NUM_THREADS",
    )
}


class WorkerCrashedError(RuntimeError):
    """A worker process died, twice, while it ran this task."""


@dataclass(frozen=True)
class Outcome:
    """What became of one task: its place in the list, and a result or an error."""

    index: int
    result: Any
    error: BaseException | None


def default_workers() -> int:
    """Give the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(function: Callable[[T], R], tasks: Sequence[T], *, workers: int = 0) -> Iterator[Outcome]:
    """Run tasks and give their outcomes as they come.

    Parameters
    ----------
    function : callable
        At the top level of a module.
    tasks : sequence
        One argument each.
    workers : int
        Number of worker processes, each with one thread for linear algebra; 0 runs in this process.
    """
    if workers == 0:
        for index, task in enumerate(tasks):
            yield _attempt(function, index, task)
        return
    with _worker_environment():
        queue = deque(enumerate(tasks))
        lost: list[tuple[int, T]] = []
        while queue:
            lost += yield from _drain(function, queue, workers)
        for item in lost:
            if (yield from _drain(function, deque([item]), 1)):
                yield Outcome(item[0], None, WorkerCrashedError("the worker process died"))


def _drain(
    function: Callable[[T], R], queue: deque[tuple[int, T]], workers: int
) -> Generator[Outcome, None, list[tuple[int, T]]]:
    """Work off a queue on one pool; where a worker dies, return the tasks that it may have held."""
    running: dict[Future[Outcome], tuple[int, T]] = {}
    pool = ProcessPoolExecutor(
        min(workers, len(queue)), mp_context=multiprocessing.get_context("spawn"), initializer=_die_with_parent
    )
    try:
        while queue or running:
            while queue and len(running) < 2 * workers:
                index, task = queue[0]
                running[pool.submit(_attempt, function, index, task)] = queue[0]
                queue.popleft()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                outcome = future.result()
                del running[future]
                yield outcome
        return []
    except BrokenProcessPool:
        return sorted(running.values(), key=lambda item: item[0])
    finally:
        # when the caller was interrupted, workers are in the middle of tasks that nobody waits for any more
        workers_left = list((pool._processes or {}).values()) if running else []
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers_left:
            worker.terminate()


def _attempt(function: Callable[[Any], Any], index: int, task: Any) -> Outcome:
    try:
        return Outcome(index, function(task), None)
    except Exception as error:
        return Outcome(index, None, error)


def _die_with_parent() -> None:
    """End this worker when the driver is gone: a pool's workers outlive a killed driver otherwise."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            multiprocessing.connection.wait([parent.sentinel])
            os._exit(3)

    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's business
    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _worker_environment() -> Iterator[None]:
    """Start workers with one thread each, and without running the user's script again."""
    main = sys.modules["__main__"]
    hidden = {name: getattr(main, name) for name in ("__file__", "__spec__") if hasattr(main, name)}
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    if "__file__" in hidden:
        del main.__file__
    main.__spec__ = None
    try:
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
