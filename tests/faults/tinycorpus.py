"""A corpus of very short mixtures of bundled recordings, and what it is when nothing goes wrong."""

import os
import shutil
import signal
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sepbench import catalog, mixing
from sepbench import recipe as recipes
from sepbench.errors import PlaceError
from sepbench.mixing import building, orders, packing, recordings, shards
from sepbench.tour import RECORDINGS, SETS

TWO_SETS = SETS[:2]  # speech and noise
CHILD_TIMEOUT_S = 60


def recipe(rows, *, length=0.1):
    return recipes.parse(
        {
            "name": "tiny", "version": 1, "sample_rate": 16000, "length": length, "splits": {"train": rows},
            "sources": [
                {"name": "speech", "role": "target", "set": "librispeech", "splits": {"train": ["train-clean-100"]}},
                {"name": "noise", "role": "noise", "set": "esc50", "splits": {"train": ["fold1", "fold2", "fold3"]},
                 "when_short": "loop"},
            ],
            "levels": {"snr_db": {"uniform": [-5, 10]}},
        }
    )  # fmt: skip


def toml(rows, *, length=0.1):
    """The same recipe as text, for the command line."""
    return (
        f'name = "tiny"\nversion = 1\nsample_rate = 16000\nlength = {length}\n[splits]\ntrain = {rows}\n'
        '[[sources]]\nname = "speech"\nrole = "target"\nset = "librispeech"\nsplits = {train = ["train-clean-100"]}\n'
        '[[sources]]\nname = "noise"\nrole = "noise"\nset = "esc50"\nsplits = {train = ["fold1", "fold2", "fold3"]}\n'
        'when_short = "loop"\n[levels]\nsnr_db = {uniform = [-5, 10]}\n'
    )


def indexed(folder):
    """Make catalogs of the bundled speech and noise."""
    for name, place, options in TWO_SETS:
        catalog.index(name, RECORDINGS / place, folder / f"{name}.parquet", workers=0, options=options)
    return {name: folder / f"{name}.parquet" for name, _, _ in TWO_SETS}


def copied_sets(folder):
    """Copy the bundled speech and noise, so that they can be harmed."""
    return {name: Path(shutil.copytree(RECORDINGS / place, folder / name)) for name, place, _ in TWO_SETS}


def files(folder):
    """Give all that lies under a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@dataclass
class Reference:
    """A recipe's corpus, made without interruption."""

    recipe: object
    catalogs: dict
    manifest: object
    files: dict

    def mix(self, out, **options):
        return mixing.mix(self.recipe, out, catalogs=self.catalogs, **({"workers": 0, "pack": "never"} | options))

    def assert_is(self, out):
        """The folder holds the corpus: its hash and all its files are those of the uninterrupted build."""
        found = files(out)
        assert sorted(found) == sorted(self.files)
        different = [name for name in found if found[name] != self.files[name]]
        assert not different, f"other bytes than those of the uninterrupted build: {different[:5]}"

    def assert_nothing_is_torn(self, out):
        """What has its final name is as in the uninterrupted build: each audio file, and the manifest."""
        for name, content in files(out).items():
            if not name.startswith(".") and not Path(name).name.startswith("."):
                assert content == self.files[name], f"{name}: is torn"


def command(reference, out, rows, **options):
    """The words of the command line that makes a reference's corpus in a process of its own."""
    recipe = out.parent / "tiny.toml"
    recipe.write_text(toml(rows))
    words = [f"--catalog={name}={path}" for name, path in reference.catalogs.items()]
    words += [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "sepbench", "mix", str(recipe), "--out", str(out), *words]


def spare_time(setattr, count=2):
    """Plan once, decode once, and do not wait for the disks of the whole machine: for hundreds of builds.

    Parameters
    ----------
    setattr : callable
        Python's own, or that of a monkeypatch.
    """
    load, draw, plans = lru_cache(recordings.load), orders.Plan, {}

    def drawn_once(recipe, tables, *, seed=None, **_):
        key = recipe.model_dump_json(), seed
        if key not in plans:
            plans[key] = draw(recipe, tables, seed=seed)
        return plans[key]

    setattr(recordings, "load", load)
    setattr(packing, "load", load)
    setattr(orders.catalog, "read", lru_cache(orders.catalog.read))
    setattr(orders, "Plan", drawn_once)
    setattr(orders, "plan_hash", lru_cache(orders.plan_hash))
    setattr(building.os, "sync", lambda: None)
    setattr(shards, "_SHARDS", count)


def reference(rows, folder, catalogs, *, length=0.1):
    made = Reference(recipe(rows, length=length), catalogs, None, {})
    made.manifest = made.mix(folder)
    made.files = files(folder)
    return made


def refused(action):
    """Run an action; give the `PlaceError` that it ended in, or None."""
    try:
        action()
    except PlaceError as error:
        return error
    return None


# children


def forked(action):
    """Run an action in a forked child, whose exit code is 0 if it came to its end, 1 if it raised; give its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, which sleep here
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        code = action() or 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def waited(child, seconds=CHILD_TIMEOUT_S):
    """Wait for a child; give its exit code, negative for a signal, or None if it has not ended by then."""
    end = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= end:
            return None
        time.sleep(0.0005)


def ended(child):
    """Wait for a child that is to end by itself."""
    code = waited(child)
    if code is None:
        killed(child)
        raise AssertionError(f"a child had not ended after {CHILD_TIMEOUT_S} s")
    return code


def killed(child):
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def alive_in_session(session):
    """Give the processes of a session that are not dead, by what the kernel lists."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                state, _, _, its_session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(its_session) == session and state not in "ZX":
                found.append(int(entry.name))
    return found


def still_alive(session, seconds=10):
    """Wait for the end of all processes of a session; give those that are still there after that, and kill them."""
    end = time.monotonic() + seconds
    while left := alive_in_session(session):
        if time.monotonic() > end:
            for process in left:
                os.kill(process, signal.SIGKILL)
            return left
        time.sleep(0.05)
    return []
