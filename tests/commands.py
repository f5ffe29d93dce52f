"""Running the command line: here, or in a process of its own, watching what it takes and what it opens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from sepbench.cli import main


class Run(NamedTuple):
    """How a command ended: `peak_bytes` is the most memory that it held, `opened` the files that Python opened."""

    code: int
    out: str
    err: str
    peak_bytes: int
    seconds: float
    opened: frozenset[str]


_WATCHED = """
import atexit, json, pathlib, re, resource, sys
opened = set()
sys.addaudithook(lambda event, args: opened.add(str(args[0])) if event == "open" else None)
def tell():
    status = pathlib.Path("/proc/self/status")
    # ru_maxrss counts what the parent held when it forked
    peak = re.search("VmHWM: *([0-9]+)", status.read_text().replace("\\t", " "))[1] if status.exists() else \\
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("WATCHED", json.dumps([peak, sorted(opened)]), file=sys.stderr)
atexit.register(tell)
from sepbench.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def say(capsys):
    """Run a command in this process; give its code, standard output and standard error."""

    def run(*words):
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def sepbench(*words: object, deadline: float = 60.0) -> Run:
    """Run a command; one that is beyond its deadline raises `subprocess.TimeoutExpired`."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, *map(str, words)],
        capture_output=True, timeout=deadline, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    err, _, watched = done.stderr.decode(errors="replace").rpartition("WATCHED ")
    peak, opened = json.loads(watched)
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(
        done.returncode, done.stdout.decode(), err, int(peak) * unit, time.monotonic() - begun, frozenset(opened)
    )


def folder_recipe(place: Path, mixtures: int) -> Path:
    """Write a recipe over two folders of recordings, each target used once."""
    recipe = place / "mine.toml"
    recipe.write_text(
        f'name = "mine"\nversion = 1\nsample_rate = 16000\nlength = "target"\n[splits]\ntest = {mixtures}\n'
        '[[sources]]\nname = "speech"\nrole = "target"\nset = "folder-speech"\n'
        '[[sources]]\nname = "noise"\nrole = "noise"\nset = "folder-noise"\nwhen_short = "loop"\n'
        "[levels]\nsnr_db = 3.0\n"
    )
    return recipe
