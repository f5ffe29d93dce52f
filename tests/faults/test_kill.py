"""A build that is killed, at any moment, goes on and ends the same."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tinycorpus

KILLS = 500
DRIVERS = 5


def test_five_hundred_kills_tear_nothing_and_every_corpus_ends_the_same():
    words = [sys.executable, Path(__file__).with_name("kill.py"), str(KILLS), "--rows", "100"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.startswith(f"{KILLS} kills, ")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_a_killed_driver_leaves_no_worker_and_the_next_run_ends_the_same(many, tmp_path):
    chance = random.Random(7)
    out = tmp_path / "corpus"
    command = tinycorpus.command(many, out, 60, workers=2, pack="always", cache=tmp_path / "cache")
    for _ in range(DRIVERS):
        driver = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)
        try:
            time.sleep(chance.uniform(0.5, 2.5))
        finally:
            driver.kill()
            driver.communicate(timeout=60)
        left = tinycorpus.still_alive(driver.pid)
        assert not left, f"workers outlived their driver: {left}"
        if out.exists():
            many.assert_nothing_is_torn(out)
    many.mix(out)
    many.assert_is(out)
