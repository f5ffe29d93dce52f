"""Two runs on one folder: one builds, the other is refused with the first one's name or finds the finished corpus."""

import itertools
import os
import random
import re
import shutil
import socket
import time

import pytest
import tinycorpus

from sepbench import storage
from sepbench.cli import main
from sepbench.errors import PlaceError
from sepbench.mixing import building

ROUNDS = 50
REFUSED = 4


@pytest.fixture
def marked(monkeypatch, tmp_path):
    """Let each build write down when it begins and ends to render."""
    real = building._render_shards

    def render_shards(*arguments):
        begun = time.monotonic()
        try:
            real(*arguments)
        finally:
            (tmp_path / "times" / str(os.getpid())).write_text(f"{begun} {time.monotonic()}")

    (tmp_path / "times").mkdir()
    monkeypatch.setattr(building, "_render_shards", render_shards)


def started_together(reference, out, words, options):
    """Fork two builds that begin when both are there; give their ids and codes."""
    reader, writer = os.pipe()

    def build(late_s):
        os.close(writer)
        os.read(reader, 1)  # comes back when the parent closes the other end
        time.sleep(late_s)
        try:
            reference.mix(out, **options)
        except PlaceError as error:
            (words / str(os.getpid())).write_text(str(error))
            return REFUSED

    children = [tinycorpus.forked(lambda late_s=late_s: build(late_s)) for late_s in options.pop("late_s")]
    os.close(reader)
    os.close(writer)
    return {child: tinycorpus.ended(child) for child in children}


def test_one_of_two_runs_builds_and_the_other_knows_it(six, tmp_path, ready_made, marked):
    chance = random.Random(4)
    words = tmp_path / "words"
    words.mkdir()
    six.mix(tmp_path / "plan", plan_only=True)
    refused = 0
    for number in range(ROUNDS):
        out = tmp_path / "corpus"
        if number % 3 == 0:
            leave_a_dead_holder(out)
        options = {"late_s": (0, chance.choice([0, 0, 0.02, 0.1, 0.3]))}
        if number % 2:
            options |= {"pack": "always", "cache": tmp_path / "cache"}
        codes = started_together(six, out, words, options)
        assert sorted(codes.values()) in ([0, 0], [0, REFUSED])
        assert_one_at_a_time(tmp_path / "times")
        for child in (one for one, code in codes.items() if code == REFUSED):
            (other,) = set(codes) - {child}
            assert_names(words / str(child), other)
            refused += 1
        six.assert_is(out)
        shutil.rmtree(out)
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    assert refused


def leave_a_dead_holder(out):
    """A build that was killed leaves its lock file, and its name in it."""
    out.mkdir()

    def hold():
        with storage.locked(out):
            os.kill(os.getpid(), 9)

    assert tinycorpus.ended(tinycorpus.forked(hold)) == -9
    assert (out / ".lock").read_text().startswith("process ")


def assert_one_at_a_time(folder):
    spans = sorted(tuple(map(float, path.read_text().split())) for path in folder.iterdir())
    assert spans
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))
    shutil.rmtree(folder)
    folder.mkdir()


def assert_names(path, holder):
    sentence, hint = path.read_text().split("\nhint: ")
    assert re.search(
        rf"another run is writing here \(process {holder} on {re.escape(socket.gethostname())}\)", sentence
    )
    assert "the lock goes with its process" in hint
    path.unlink()


def test_the_command_ends_with_code_4_and_names_the_holder(six, tmp_path, capsys):
    words = tinycorpus.command(six, tmp_path / "corpus", 6, workers=0)[3:]
    with storage.locked(tmp_path / "corpus"):
        assert main(words) == REFUSED
    assert f"another run is writing here (process {os.getpid()} on {socket.gethostname()})" in capsys.readouterr().err
    assert main(words) in (0, 3)
    six.assert_is(tmp_path / "corpus")


def test_a_finished_corpus_is_found_while_another_run_still_tidies_up(six, tmp_path):
    six.mix(tmp_path / "corpus")
    (tmp_path / "corpus" / ".work").mkdir()
    with storage.locked(tmp_path / "corpus"):
        assert six.mix(tmp_path / "corpus").corpus_hash == six.manifest.corpus_hash
        assert (tmp_path / "corpus" / ".work").exists()
    six.mix(tmp_path / "corpus")
    six.assert_is(tmp_path / "corpus")


def test_two_corpora_share_a_cache_at_once(six, many, tmp_path, ready_made):
    cache = tmp_path / "cache"
    children = [
        tinycorpus.forked(lambda one=one, name=name: one.mix(tmp_path / name, pack="always", cache=cache) and 0)
        for name, one in (("six", six), ("many", many), ("six again", six))
    ]
    assert [tinycorpus.ended(child) for child in children] == [0, 0, 0]
    six.assert_is(tmp_path / "six")
    six.assert_is(tmp_path / "six again")
    many.assert_is(tmp_path / "many")
