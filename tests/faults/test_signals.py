"""Being asked to end: the row in flight is finished, the journal is whole, and the next run ends the same."""

import contextlib
import io
import os
import random
import signal
import subprocess
import time

import pytest
import tinycorpus

from sepbench import audio, executors, journal
from sepbench.cli import main

INTERRUPTED = 130
ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def started(action, *signals, at_work=True):
    """Run an action in a child that obeys signals; give its id, by default once it renders, or has ended without."""
    hears, says = os.pipe()
    begin = executors.interruptible

    @contextlib.contextmanager
    def saying(crew):
        with begin(crew):
            os.write(says, b"!")
            yield

    def obedient():
        try:
            for number in signals:  # whatever this test was started under: nohup ignores SIGHUP, `&` in a script SIGINT
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            executors.interruptible = saying
            return action()
        except KeyboardInterrupt:
            return INTERRUPTED

    child = tinycorpus.forked(obedient)
    os.close(says)
    if at_work:
        os.read(hears, 1)
    os.close(hears)
    return child


def told(many, out, chance, *signals, at_work=True, gap=0.004):
    """Start a build in a child, send it signals after a while, and give its code."""
    child = started(lambda: many.mix(out) and None, *signals, at_work=at_work)
    time.sleep(chance.uniform(0, 0.1))
    for number in signals:
        os.kill(child, number)  # it may have ended: then it waits to be waited for
        time.sleep(gap)
    return tinycorpus.ended(child)


def assert_in_good_order(out):
    """No row is half there, and no line of a journal is torn."""
    assert not [path for path in out.rglob("*.flac") if path.name.startswith(".")]
    for path in out.glob(".work/*.journal"):
        assert journal._good_bytes(path) == path.stat().st_size


@pytest.mark.parametrize("number", ENDS)
def test_a_build_that_is_asked_to_end_finishes_its_row_and_goes_on_later(many, tmp_path, ready_made, number):
    chance = random.Random(number)
    many.mix(tmp_path / "plan", plan_only=True)  # so that no child has to plan
    codes = []
    for attempt in range(12):
        out = tmp_path / str(attempt // 3)
        codes.append(told(many, out, chance, number, at_work=attempt % 3 > 0))
        assert codes[-1] in (0, INTERRUPTED, -number), codes  # the last: before the work, where there is none to lose
        if codes[-1] == INTERRUPTED and out.exists():
            assert_in_good_order(out)
    assert INTERRUPTED in codes
    for out in sorted(tmp_path.glob("[0-9]")):
        many.mix(out)
        many.assert_is(out)


def test_a_second_ctrl_c_ends_the_build_at_once_and_loses_nothing(many, tmp_path, ready_made):
    chance = random.Random(2)
    many.mix(tmp_path / "plan", plan_only=True)  # so that no child has to plan
    for attempt in range(12):
        out = tmp_path / str(attempt // 3)
        code = told(many, out, chance, signal.SIGINT, signal.SIGINT, at_work=attempt % 3 > 0)
        # 1: the second came while the child was already saying goodbye; SIGABRT: it met libsndfile at work
        assert code in (0, 1, INTERRUPTED, -signal.SIGABRT)
        if out.exists():
            many.assert_nothing_is_torn(out)
    for out in sorted(tmp_path.glob("[0-9]")):
        many.mix(out)
        many.assert_is(out)


def test_what_a_second_ctrl_c_broke_off_inside_the_encoder_is_not_written(six, tmp_path, ready_made, monkeypatch):
    """What is raised in a function that C calls back is lost, and the bytes are wrong."""
    calls = []

    class Interrupting(io.BytesIO):
        at = 0

        def write(self, content):
            calls.append("write")
            if len(calls) == Interrupting.at:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
            return super().write(content)

    def build():
        os.close(2)  # the interpreter says of each lost exception that it is lost
        six.mix(tmp_path / "corpus")

    monkeypatch.setattr(audio.io, "BytesIO", Interrupting)
    for at in range(1, 8):
        Interrupting.at, calls[:] = at, []
        assert tinycorpus.ended(started(build, signal.SIGINT)) == INTERRUPTED
        six.assert_nothing_is_torn(tmp_path / "corpus")
    Interrupting.at = 0
    six.mix(tmp_path / "corpus")
    six.assert_is(tmp_path / "corpus")


def test_the_command_says_how_to_go_on(many, tmp_path, ready_made, capfd):
    words = tinycorpus.command(many, tmp_path / "corpus", 60, workers=0)[3:]
    for _ in range(10):
        child = started(lambda: main(words), signal.SIGINT)
        os.kill(child, signal.SIGINT)
        if (code := tinycorpus.ended(child)) == INTERRUPTED:
            break
    assert code == INTERRUPTED
    assert "error: interrupted\nhint: run the same command again: it goes on where it stopped" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("after_s", "number", "everybody"),
    [
        (None, signal.SIGINT, True),
        (None, signal.SIGHUP, True),
        (1.6, signal.SIGINT, True),
        (1.2, signal.SIGTERM, False),
    ],
)
def test_a_driver_with_workers_leaves_none_and_no_traceback(many, tmp_path, after_s, number, everybody):
    """A terminal sends its signal to all processes, those too that are just starting: None waits for the first."""
    command = tinycorpus.command(many, tmp_path / "corpus", 60, workers=2, pack="always", cache=tmp_path / "cache")
    driver = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    if after_s is None:
        while (
            driver.poll() is None and len(tinycorpus.alive_in_session(driver.pid)) < 3
        ):  # beside multiprocessing's own
            time.sleep(0.002)
        time.sleep(0.1)
    else:
        time.sleep(after_s)
    (os.killpg if everybody else os.kill)(driver.pid, number)
    _, words = driver.communicate(timeout=60)
    assert driver.returncode in (0, 3, INTERRUPTED, -number)
    assert "Traceback" not in words
    # CPython ends itself by SIGINT after one in an `exec`, of which dataclasses are made, even where it was handled
    told = "hint: run the same command again" in words
    assert told if driver.returncode == INTERRUPTED else not told or driver.returncode == -signal.SIGINT
    assert not tinycorpus.still_alive(driver.pid)
    many.mix(tmp_path / "corpus")
    many.assert_is(tmp_path / "corpus")
