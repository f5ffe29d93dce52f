"""A disk that is really full, or really read-only: the build is refused or ends with words, and goes on later."""

import contextlib
import os
import subprocess

import pytest
import tinycorpus

from sepbench.cli import main
from sepbench.errors import PlaceError
from sepbench.mixing import building

DISK = 3 << 20
FREE_KIB = {
    "never": [0, 4, 8, 12, 20, 28, 36, 44, 52, 60, 72, 84, 100, 120, 140, 2500],
    "always": [0, 4, 12, 28, 40, 100, 900, 1150, 1200, 1220, 1240, 1260, 1280, 1300, 1320, 2500],
}
TOO_LITTLE_KIB, ENOUGH_KIB = {"never": 60, "always": 1150}, 2500
LEVELS = [(pack, free) for pack, levels in FREE_KIB.items() for free in levels]


@contextlib.contextmanager
def mounted(folder, options):
    """Mount a file system in memory; skip where that is not allowed."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    with mounted(tmp_path / "disk", f"size={DISK}") as folder:
        yield folder


def fill(disk, free):
    """Leave so many bytes free."""
    usage = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(max(0, usage.f_bavail * usage.f_frsize - free)))


@pytest.mark.parametrize(("pack", "free_kib"), LEVELS)
def test_a_disk_that_fills_up_is_a_place_error_and_with_room_the_build_goes_on(
    six, disk, ready_made, monkeypatch, pack, free_kib
):
    monkeypatch.setattr(building, "refuse_too_little_space", lambda *_: 1 << 40)  # a write is the first to know
    fill(disk, free_kib << 10)
    out, options = disk / "corpus", {"pack": pack, "cache": disk / "cache"}
    error = tinycorpus.refused(lambda: six.mix(out, **options))
    if error:
        assert free_kib < ENOUGH_KIB
        assert error.message.startswith(str(disk))
        assert error.message.endswith("can't be written (No space left on device)")
        assert "free some space" in error.hint
        six.assert_nothing_is_torn(out)
    else:
        assert free_kib > TOO_LITTLE_KIB[pack]
    (disk / "filler").unlink()
    six.mix(out, **options)
    six.assert_is(out)


@pytest.mark.parametrize("free_kib", [36, 48, 56])
def test_what_can_not_end_is_not_begun(six, disk, ready_made, free_kib):
    fill(disk, free_kib << 10)
    with pytest.raises(PlaceError, match=r"(?s)the corpus needs about .* more, and .* are free.*free some space"):
        six.mix(disk / "corpus")
    assert not (disk / "corpus" / "audio").exists()
    (disk / "filler").unlink()
    six.mix(disk / "corpus")
    six.assert_is(disk / "corpus")


def test_a_full_disk_ends_the_command_with_code_4(six, disk, ready_made, monkeypatch, capsys):
    monkeypatch.setattr(building, "refuse_too_little_space", lambda *_: 1 << 40)
    words = tinycorpus.command(six, disk / "corpus", 6, workers=0, pack="never")[3:]
    fill(disk, 60 << 10)
    assert main(words) == 4
    assert (
        "(No space left on device)\nhint: free some space, then run the same command again" in capsys.readouterr().err
    )
    (disk / "filler").unlink()
    assert main(words) == 0
    six.assert_is(disk / "corpus")


def test_workers_meet_a_full_disk_too(six, disk, monkeypatch):
    monkeypatch.setattr(building, "refuse_too_little_space", lambda *_: 1 << 40)
    fill(disk, 60 << 10)
    with pytest.raises(PlaceError, match="No space left on device"):
        six.mix(disk / "corpus", workers=2)
    (disk / "filler").unlink()
    six.mix(disk / "corpus", workers=2)
    six.assert_is(disk / "corpus")


@contextlib.contextmanager
def read_only(folder):
    """Give a folder that can't be written: by its mount where that is allowed, else by its mode."""
    if os.geteuid() == 0:
        with mounted(folder, "ro"):
            yield folder
    else:
        folder.mkdir()
        folder.chmod(0o555)
        try:
            yield folder
        finally:
            folder.chmod(0o755)


@pytest.mark.parametrize("place", ["", "corpus"])
def test_a_read_only_place_is_refused_at_once_with_code_4(six, tmp_path, capsys, place):
    with read_only(tmp_path / "disk") as disk:
        (tmp_path / "words").mkdir()
        words = tinycorpus.command(six, tmp_path / "words" / "x", 6, workers=0)[3:]
        words[words.index("--out") + 1] = str(disk / place)
        assert main(words) == 4
    error = capsys.readouterr().err
    assert f"error: {disk / place}: can't be written (" in error
    assert "hint: choose another place with --out" in error


def test_a_finished_corpus_on_a_read_only_disk_is_found(six, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    with mounted(tmp_path / "disk", f"size={DISK}") as disk:
        six.mix(disk / "corpus")
        (disk / "corpus" / ".lock").touch()  # of a run that was killed
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert six.mix(disk / "corpus").corpus_hash == six.manifest.corpus_hash
