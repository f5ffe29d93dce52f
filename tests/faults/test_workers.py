"""A recording that kills, hangs or fills its worker costs what uses it, and nothing else."""

import shutil
import sys
import time

import pytest
import tinycorpus

from sepbench import Manifest, catalog, executors
from sepbench.cli import main
from sepbench.errors import PlaceError
from sepbench.mixing import shards
from sepbench.tour import RECORDINGS

LIMITS = executors.Limits(timeout_s=20.0, memory_bytes=1 << 30)
SPOILT = """
import os, signal, time
import soundfile

SPELLS = dict(spell.split("=") for spell in os.environ.get("SPELLS", "").split(";") if spell)

def hoard():
    kept = []
    while True:
        kept.append(bytes(64 << 20))

CAST = {
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda: os._exit(7),
    "hang": lambda: time.sleep(3600),
    "hoard": hoard,
}

class SoundFile(soundfile.SoundFile):
    def __init__(self, file, *rest, **options):
        path = os.readlink(f"/proc/self/fd/{file}") if isinstance(file, int) else str(getattr(file, "name", file))
        name = os.path.basename(path)
        if name in SPELLS:
            CAST[SPELLS[name]]()
        super().__init__(file, *rest, **options)

soundfile.SoundFile = SoundFile
"""
SPELLS = ("segfault", "exit", "hang", "hoard")

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bounds memory as Linux does")


@pytest.fixture
def spoilt(tmp_path, monkeypatch):
    """Let some recordings do harm to whatever process opens them; give a function that names them."""
    folder = tmp_path / "spoilt"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SPOILT)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    monkeypatch.setattr(executors, "UNTRUSTED", LIMITS)
    return lambda spells: monkeypatch.setenv("SPELLS", ";".join(f"{name}={spell}" for name, spell in spells.items()))


def spoilt_speech(six):
    """Give each spell a recording of speech that one row uses, and that row."""
    rows = list(six.manifest)[1 : 1 + len(SPELLS)]
    names = [row["sources"][0]["path"].rpartition("/")[2] for row in rows]
    assert len(set(names)) == len(SPELLS)
    return {spell: (name, row["mixture_id"]) for spell, name, row in zip(SPELLS, names, rows, strict=True)}


@pytest.mark.parametrize(
    ("pack", "statuses"),
    [
        ("never", {"segfault": "worker_crashed", "exit": "worker_crashed", "hang": "worker_timeout",
                   "hoard": "source_unreadable"}),
        ("always", {"segfault": "source_crashed", "exit": "source_crashed", "hang": "source_timeout",
                    "hoard": "source_unreadable"}),
    ],
)  # fmt: skip
def test_recordings_that_harm_their_workers_cost_their_rows_only(six, tmp_path, spoilt, capsys, pack, statuses):
    harmed = spoilt_speech(six)
    words = tinycorpus.command(six, tmp_path / "corpus", 6, workers=2, pack=pack, cache=tmp_path / "cache")[3:]
    spoilt({name: spell for spell, (name, _) in harmed.items()})
    assert main(words) == 3
    assert "4 of 6 mixtures have no audio" in capsys.readouterr().out
    failures = {one.mixture_id: one for one in Manifest.read(tmp_path / "corpus").failures()}
    assert set(failures) == {row for _, row in harmed.values()}
    for spell, (name, row) in harmed.items():
        assert failures[row].status == statuses[spell]
        if statuses[spell].startswith("source_"):
            assert name in failures[row].reason
    reasons = {spell: failures[row].reason for spell, (_, row) in harmed.items()}
    assert "killed by SIGSEGV" in reasons["segfault"]
    assert "ended with code 7" in reasons["exit"]
    assert "no sign of life for 20 s" in reasons["hang"]
    assert "does not fit into memory" in reasons["hoard"]
    spoilt({})
    assert main(words) == 0
    six.assert_is(tmp_path / "corpus")


def test_recordings_that_harm_their_workers_are_unreadable_in_a_catalog(six, tmp_path, spoilt, capsys):
    harmed = spoilt_speech(six)
    spoilt({name: spell for spell, (name, _) in harmed.items()})
    words = ["index", "librispeech", "--root", str(RECORDINGS / "speech"), "--out", str(tmp_path / "c.parquet")]
    assert main([*words, "--workers", "2"]) == 3
    assert "4 recordings can't be used" in capsys.readouterr().out
    rows = {row["path"].rpartition("/")[2]: row for row in catalog.read(tmp_path / "c.parquet").to_pylist()}
    bad = {name: row["reason"] for name, row in rows.items() if row["status"] != "ok"}
    assert set(bad) == {name for name, _ in harmed.values()}
    assert all(name in reason for name, reason in bad.items())
    assert "killed by SIGSEGV" in bad[harmed["segfault"][0]]
    assert "no sign of life" in bad[harmed["hang"][0]]
    spoilt({})
    assert main([*words, "--workers", "2"]) == 0


def test_a_mixture_that_does_not_fit_into_memory_is_a_failed_row(six, tmp_path, monkeypatch):
    real = shards.render

    def render(row, *arguments, **options):
        if row["mixture_id"].endswith("2"):
            raise MemoryError
        return real(row, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "render", render)
        (failure,) = six.mix(tmp_path / "corpus").failures()
    assert failure.status == "worker_out_of_memory"
    six.mix(tmp_path / "corpus")
    six.assert_is(tmp_path / "corpus")


@pytest.mark.parametrize("pack", ["never", "always"])
def test_workers_that_do_not_even_begin_end_the_build(six, tmp_path, spoilt, pack):
    """A library that can't be loaded, no memory at all: trying again for ever would help nobody."""
    (tmp_path / "spoilt" / "sitecustomize.py").write_text("import os\nos._exit(9)\n")
    begun = time.monotonic()
    with pytest.raises(PlaceError, match=r"end before they begin: .* ended with code 9"):
        six.mix(tmp_path / "corpus", workers=2, pack=pack, cache=tmp_path / "cache")
    assert time.monotonic() - begun < 60
    shutil.rmtree(tmp_path / "spoilt")
    six.mix(tmp_path / "corpus", workers=0)
    six.assert_is(tmp_path / "corpus")


def raises_what_cannot_be_made_again(_):
    raise UnloadableError("a", "b")


class UnloadableError(Exception):
    """It can be pickled, but to make it again one argument is missing."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def test_an_error_that_cannot_be_unpickled_comes_home_as_its_words():
    (outcome,) = executors.run(raises_what_cannot_be_made_again, [0], workers=1)
    assert str(outcome.error) == "UnloadableError: a and b"
