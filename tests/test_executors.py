"""Work on worker processes: nothing is lost, whatever becomes of a worker."""

import os
import signal
import subprocess
import sys
import time

import pytest

from sepbench import executors


def square(number):
    return number * number


def misbehave(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    if number == 5:
        raise ValueError("five")
    return number


def dies_the_first_time(task):
    number, mark = task
    if number == 2 and not os.path.exists(mark):
        open(mark, "w").close()
        os._exit(1)
    return number


def threads(_):
    return os.environ["OMP_NUM_THREADS"]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_every_task_comes_back_with_its_place(workers):
    outcomes = list(executors.run(square, range(20), workers=workers))
    assert sorted((outcome.index, outcome.result) for outcome in outcomes) == [(n, n * n) for n in range(20)]


def test_a_crash_and_an_error_cost_their_own_tasks_only():
    outcomes = {outcome.index: outcome for outcome in executors.run(misbehave, range(9), workers=2)}
    assert isinstance(outcomes[3].error, executors.WorkerCrashedError)
    assert isinstance(outcomes[5].error, ValueError)
    assert [outcomes[n].result for n in (0, 1, 2, 4, 6, 7, 8)] == [0, 1, 2, 4, 6, 7, 8]


def test_a_task_whose_worker_was_killed_once_is_done_again(tmp_path):
    tasks = [(number, str(tmp_path / "mark")) for number in range(5)]
    outcomes = list(executors.run(dies_the_first_time, tasks, workers=2))
    assert sorted(outcome.result for outcome in outcomes) == [0, 1, 2, 3, 4]


def test_workers_use_one_thread_and_the_driver_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert [outcome.result for outcome in executors.run(threads, [0], workers=1)] == ["1"]
    assert os.environ["OMP_NUM_THREADS"] == "2"


def test_a_script_without_a_guard_is_not_run_again(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import math, sys\nfrom sepbench import executors\nprint('begun')\n"
        "print(sorted(o.result for o in executors.run(math.factorial, [3, 4], workers=2)))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "begun\n[6, 24]\n"


def test_workers_of_a_killed_driver_end(tmp_path):
    script = tmp_path / "driver.py"
    script.write_text(
        "import os, time\nfrom sepbench import executors\n"
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport task\n"
        "list(executors.run(task.work, [0, 1], workers=2))\n"
    )
    (tmp_path / "task.py").write_text(
        "import os, time\n"
        f"def work(n):\n    open({str(tmp_path)!r} + f'/pid-{{n}}', 'w').write(str(os.getpid()))\n    time.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    driver = subprocess.Popen([sys.executable, script], env=environment)
    marks = [tmp_path / "pid-0", tmp_path / "pid-1"]
    wait_for(lambda: all(mark.exists() and mark.read_text() for mark in marks), 30)
    workers = [int(mark.read_text()) for mark in marks]
    driver.kill()
    driver.wait()
    wait_for(lambda: not any(alive(worker) for worker in workers), 20)


def alive(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
