"""Work as independent tasks: in this process, or by a crew of supervised worker processes.

A task is a picklable function of one picklable argument; its result, or the error that it ended in, comes back with
the task's place, in any order. Each worker holds one task at a time, so that a worker which dies, hangs or runs out of
memory is known by its task: that task is tried once more in a fresh worker, the others never notice.

Workers start fresh (no fork of a large parent), stay for many tasks, compute with one thread each, have a bound on
their memory, dump no core, and end with their driver, however it ends.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import multiprocessing.resource_tracker
import multiprocessing.util
import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sepbench.errors import PlaceError

__all__ = [
    "UNTRUSTED",
    "Crew",
    "Limits",
    "Outcome",
    "WorkerCrashedError",
    "WorkerHungError",
    "default_workers",
    "interruptible",
    "never_began",
    "note",
    "raise_if_interrupted",
    "run",
    "stopping",
]

T = TypeVar("T")
R = TypeVar("R")

_LOOK_UP_S = 0.25  # how often the driver looks whether it was asked to stop, or a worker takes too long
_WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    # glibc keeps what arrays give back instead of fetching zeroed pages for each: a third of the time otherwise
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "MALLOC_TOP_PAD_": str(32 << 20),
}


@dataclass(frozen=True)
class Limits:
    """What a worker may take.

    Attributes
    ----------
    timeout_s : float, optional
        After so long without a result or a `note`, a worker is killed.
    memory_bytes : int, optional
        Bound on a worker's own memory, where the system has such bounds; memory-mapped files do not count.
    """

    timeout_s: float | None = None
    memory_bytes: int | None = None


_UNLIMITED = Limits()
UNTRUSTED = Limits(timeout_s=300.0, memory_bytes=8 << 30)
"""For decoding files that anybody may have made: hours of stereo fit, a decompression bomb does not."""


class WorkerCrashedError(RuntimeError):
    """A worker process died while it ran this task.

    Attributes
    ----------
    at : object
        The last `note` of the task, None before the first.
    """

    def __init__(self, message: str, at: Any = None) -> None:
        super().__init__(message, at)
        self.at = at

    def __str__(self) -> str:
        return str(self.args[0])


class WorkerHungError(WorkerCrashedError):
    """A worker process gave no sign of life for too long, and was killed."""


@dataclass(frozen=True)
class Outcome:
    """What became of one task: its place, and a result or an error."""

    index: int
    result: Any
    error: BaseException | None


def default_workers() -> int:
    """Give the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    function: Callable[[T], R], tasks: Sequence[T], *, workers: int = 0, limits: Limits = _UNLIMITED
) -> Iterator[Outcome]:
    """Run tasks and give their outcomes as they come; one that kills its worker is tried once more.

    Parameters
    ----------
    function : callable
        At the top level of a module.
    tasks : sequence
        One argument each.
    workers : int
        Number of worker processes, each with one thread for linear algebra; 0 runs in this process.
    limits : Limits
        Of each worker process.
    """
    with Crew(function, min(workers, len(tasks)), limits) as crew:
        for index, task in enumerate(tasks):
            crew.submit(index, task)
        tried: set[int] = set()
        for outcome in crew.outcomes():
            if isinstance(outcome.error, WorkerCrashedError) and outcome.index not in tried:
                tried.add(outcome.index)
                crew.submit(outcome.index, tasks[outcome.index])
            else:
                yield outcome


@dataclass
class _Worker:
    process: Any
    channel: multiprocessing.connection.Connection
    task: tuple[int, Any] | None = None
    seen: float = 0.0
    at: Any = None
    killed: bool = False


@dataclass
class Crew:
    """Worker processes that share a queue of tasks.

    Parameters
    ----------
    function : callable
        At the top level of a module.
    workers : int
        Number of processes; 0 runs the tasks in this process, without any of the protection.
    limits : Limits
        Of each process. A task that takes too long ends in `WorkerHungError`.
    """

    function: Callable[[Any], Any]
    workers: int
    limits: Limits = _UNLIMITED
    _queue: deque[tuple[int, Any]] = field(default_factory=deque)
    _crew: list[_Worker] = field(default_factory=list)
    _stopping: bool = False
    _told: bool = False

    def __post_init__(self) -> None:
        # a crew that is nobody's any more, or still there when the interpreter ends: else that would wait for it
        multiprocessing.util.Finalize(self, _end, args=(self._crew,), exitpriority=10)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        """End all workers."""
        _end(self._crew)

    def submit(self, index: int, task: Any) -> None:
        """Put a task into the queue; allowed while outcomes are being read."""
        self._queue.append((index, task))

    def stop(self) -> None:
        """Start no more tasks, and let `stopping` be true in the running ones; may be called by a signal handler."""
        global _stop
        self._stopping = _stop = True

    def kill(self) -> None:
        """Kill all workers: what they were at comes out as crashed. May be called while another thread reads outcomes."""
        for worker in list(self._crew):
            with contextlib.suppress(ValueError):  # that thread has dismissed it
                worker.process.kill()

    def outcomes(self) -> Iterator[Outcome]:
        """Give the outcomes of all submitted tasks, in the order in which they end."""
        global _stop
        if self.workers == 0:
            _stop = False
            while self._queue and not self._stopping:
                yield _attempt(self.function, *self._queue.popleft())
            return
        while (self._queue and not self._stopping) or any(worker.task for worker in self._crew):
            self._hand_out()
            yield from self._listen()

    def _hand_out(self) -> None:
        """Give each idle worker a task, and hire where there is more work than workers."""
        while self._queue and not self._stopping:
            idle = next((worker for worker in self._crew if worker.task is None), None)
            if idle is None:
                if len(self._crew) >= self.workers:
                    return
                idle = self._hire()
            idle.task, idle.seen, idle.at = self._queue.popleft(), time.monotonic(), None
            with contextlib.suppress(OSError):  # it died while idle: `_listen` finds out
                idle.channel.send(idle.task)

    def _hire(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_work, args=(theirs, self.function, os.getpid(), self.limits.memory_bytes)
        )  # no daemon: those may not hire a crew of their own
        with _worker_environment(), _signals_held():
            process.start()
        theirs.close()
        self._crew.append(_Worker(process, ours))
        return self._crew[-1]

    def _listen(self) -> Iterator[Outcome]:
        """Wait for a word of any worker, and for the end of any."""
        if self._stopping and not self._told:
            self._told = True
            for worker in self._crew:
                with contextlib.suppress(OSError):
                    worker.channel.send(None)
        by_handle: dict[Any, _Worker] = {}
        for worker in self._crew:
            by_handle[worker.channel] = by_handle[worker.process.sentinel] = worker
        ready = multiprocessing.connection.wait(list(by_handle), timeout=_LOOK_UP_S)
        for worker in {id(by_handle[handle]): by_handle[handle] for handle in ready}.values():
            outcome = self._hear(worker)
            if outcome:
                yield outcome
        if self.limits.timeout_s is not None:
            limit = time.monotonic() - self.limits.timeout_s
            for worker in [one for one in self._crew if one.task and one.seen < limit]:
                worker.killed = True
                yield self._lose(worker)

    def _hear(self, worker: _Worker) -> Outcome | None:
        try:
            while worker.channel.poll():
                kind, content = worker.channel.recv()
                worker.seen = time.monotonic()
                if kind == "outcome":
                    worker.task = None
                    outcome: Outcome = content
                    return outcome
                worker.at = content
        except (EOFError, OSError):
            pass
        else:
            if worker.process.is_alive():
                return None
        if worker.task:
            return self._lose(worker)
        self._dismiss(worker)
        return None

    def _lose(self, worker: _Worker) -> Outcome:
        """Give the outcome of a task whose worker is gone, or has to go."""
        assert worker.task is not None
        index = worker.task[0]
        self._dismiss(worker)
        if worker.killed:
            words = f"the worker process gave no sign of life for {self.limits.timeout_s:g} s and was killed"
            return Outcome(index, None, WorkerHungError(words, worker.at))
        return Outcome(index, None, WorkerCrashedError(_cause(worker.process.exitcode), worker.at))

    def _dismiss(self, worker: _Worker) -> None:
        self._crew[:] = [other for other in self._crew if other is not worker]
        _end([worker])


def _end(workers: list[_Worker]) -> None:
    """Kill workers; idle ones have nothing to lose, and nobody waits for the others any more."""
    while workers:
        worker = workers.pop()
        worker.process.kill()
        worker.process.join()
        worker.channel.close()


def never_began(error: WorkerCrashedError) -> PlaceError:
    """Make the error for workers that end, twice, before they said what they are at: it is not for what they are given."""
    return PlaceError(
        f"worker processes end before they begin: {error}",
        "is there enough memory, and may processes be started here? --workers 0 does without them",
    )


@contextlib.contextmanager
def interruptible(crew: Crew) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM or SIGHUP end the work of a crew in good order, a second Ctrl-C at once.

    Raises
    ------
    KeyboardInterrupt
        At the end, if it was asked for.
    """
    global _at_once
    _at_once = False
    asked: list[int] = []

    def ask(number: int, _: Any) -> None:
        global _at_once
        asked.append(number)
        crew.stop()
        if len(asked) > 1:
            _at_once = True
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in _requests():
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, ask)
    try:
        yield
    except Exception as error:
        if _at_once:  # what is broken off in the midst of foreign code can come out as any error
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        raise KeyboardInterrupt


def raise_if_interrupted() -> None:
    """Raise what a second Ctrl-C raised, where foreign code may have swallowed it.

    An exception in a function that C calls back is printed and lost, and what C was making is damaged: ask before it is
    put to use.
    """
    if _at_once:
        raise KeyboardInterrupt


def _requests() -> list[signal.Signals]:
    """Give the signals that ask a process to end."""
    return [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            out = " (out of memory, perhaps)" if name == "SIGKILL" else ""
            return f"the worker process was killed by {name}{out}"
    return f"the worker process ended with code {code}"


# what follows runs in a worker

_channel: multiprocessing.connection.Connection | None = None
_stop = False
_at_once = False


def note(at: Any) -> None:
    """Tell the driver what the running task is at: a sign of life, and what an error names if the worker dies.

    Does nothing where the task runs in the driver itself.
    """
    if _channel is not None:
        _channel.send(("note", at))


def stopping() -> bool:
    """Say whether the driver wants running tasks to come to an end early."""
    global _stop
    if _channel is not None and not _stop and _channel.poll():
        _stop = _channel.recv() is None
    return _stop


def _work(
    channel: multiprocessing.connection.Connection, function: Callable[[Any], Any], driver: int, memory: int | None
) -> None:
    """Take tasks until there are no more."""
    global _channel
    _channel = channel
    _end_with(driver)
    _bound(memory)
    for number in _requests():  # Ctrl-C, and a scheduler's warning, are the driver's business
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _requests())
    with contextlib.suppress(EOFError, OSError):
        while (message := channel.recv()) is not None:
            outcome = _attempt(function, *message)
            try:
                channel.send(("outcome", outcome))
            except (TypeError, AttributeError, ValueError) as error:  # what can't be pickled
                channel.send(("outcome", Outcome(outcome.index, None, TypeError(f"{outcome.error or error}"))))


def _attempt(function: Callable[[Any], Any], index: int, task: Any) -> Outcome:
    try:
        return Outcome(index, function(task), None)
    except Exception as error:
        return Outcome(index, None, error if _channel is None else _portable(error))
    except SystemExit as error:
        return Outcome(index, None, RuntimeError(f"the task called sys.exit({error.code})"))


def _portable(error: Exception) -> Exception:
    """Give an error as the driver can take it: some can be pickled, but not be made again from that."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (our own words)
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _end_with(driver: int) -> None:
    """End this worker when the driver is gone: on Linux the kernel sees to it, elsewhere a thread does."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            multiprocessing.connection.wait([parent.sentinel])
            os._exit(3)

    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
        if os.getppid() != driver:  # it went before the kernel was told
            os._exit(3)
    threading.Thread(target=watch, daemon=True).start()


def _bound(memory_bytes: int | None) -> None:
    if sys.platform == "win32":
        return
    import resource

    def lower(what: int, limit: int) -> None:
        _, hard = resource.getrlimit(what)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (limit, hard))

    lower(resource.RLIMIT_CORE, 0)
    if memory_bytes is not None:
        lower(resource.RLIMIT_DATA, memory_bytes)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Start workers deaf to Ctrl-C, which the terminal sends to all: one that is still importing would die of it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    multiprocessing.resource_tracker.ensure_running()  # starts on demand, and would lift what is held
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _requests())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _worker_environment() -> Iterator[None]:
    """Start workers with one thread each, thrifty with pages, and without running the user's script again."""
    main = sys.modules["__main__"]
    hidden = {name: getattr(main, name) for name in ("__file__", "__spec__") if hasattr(main, name)}
    before = {name: os.environ.get(name) for name in _WORKER_ENVIRONMENT}
    os.environ.update(_WORKER_ENVIRONMENT)
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
