"""A cage: what crashes, hangs or eats memory in it is an error of that call, and the next call finds it mended."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sepbench import executors
from sepbench.executors import Limits, WorkerCrashedError, WorkerHungError
from sepbench.metrics.cage import Cage


def act(what):
    if what == "crash":
        ctypes.string_at(0)
    if what == "hang":
        time.sleep(3600)
    if what == "raise":
        raise ValueError("no")
    if what == "grow":
        return len(bytearray(1 << 30))
    return os.getpid()


def in_a_worker(_):
    """What a scoring worker does: hold a cage of its own."""
    caged = Cage(act, Limits())("")
    return os.getpid(), caged


def test_one_process_serves_all_calls():
    cage = Cage(act, Limits())
    first = cage("")
    assert first not in (os.getpid(), None)
    assert cage("") == first


def test_a_crash_is_the_call_s_and_the_next_one_works():
    cage = Cage(act, Limits())
    first = cage("")
    with pytest.raises(WorkerCrashedError, match="SIGSEGV"):
        cage("crash")
    assert cage("") != first


def test_a_hang_ends():
    cage = Cage(act, Limits(timeout_s=0.5))
    with pytest.raises(WorkerHungError, match="no sign of life"):
        cage("hang")


def test_what_the_function_raises_comes_out_and_the_process_stays():
    cage = Cage(act, Limits())
    first = cage("")
    with pytest.raises(ValueError, match="no"):
        cage("raise")
    assert cage("") == first


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="has no timer to interrupt with")
def test_the_answer_to_a_call_that_was_interrupted_does_not_come_to_the_next():
    def interrupt(*_):
        raise KeyboardInterrupt

    cage = Cage(act, Limits())
    first = cage("")
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            cage("hang")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert cage("") not in (first, os.getpid())


@pytest.mark.skipif(sys.platform != "linux", reason="has no bound on a process's own memory")
def test_memory_is_bounded():
    with pytest.raises(MemoryError):
        Cage(act, Limits(memory_bytes=300 << 20))("grow")


def test_a_worker_may_hold_a_cage_and_both_end():
    (outcome,) = executors.run(in_a_worker, [0], workers=1)
    assert outcome.error is None
    worker, caged = outcome.result
    assert len({os.getpid(), worker, caged}) == 3
    for _ in range(100):
        if not any(alive(process) for process in (worker, caged)):
            break
        time.sleep(0.1)
    assert not alive(worker)
    assert not alive(caged)


def test_a_cage_outlives_the_thread_that_made_it():
    cages = []
    maker = threading.Thread(target=lambda: cages.append(Cage(act, Limits())))
    maker.start()
    maker.join()
    first = cages[0]("")
    caller = threading.Thread(target=lambda: cages.append(cages[0]("")))
    caller.start()
    caller.join()
    assert cages[1:] == [first] == [cages[0]("")]


def test_a_program_that_holds_a_cage_ends_and_its_cage_with_it():
    code = (
        "import os; from sepbench.metrics.cage import Cage; from sepbench.executors import Limits\n"
        "cage = Cage(abs, Limits()); print(cage(-7), cage._crew._crew[0].process.pid)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    value, process = ran.stdout.split()
    assert value == "7"
    assert not alive(int(process))


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")  # a zombie is dead, where that can be seen
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
