"""A call of the system that fails, each in turn: the error names place, reason and remedy, and nothing is lost."""

import errno
import os
import shutil

import pytest
import syscalls
import tinycorpus

from sepbench.cli import main

# where the next run would notice, or where nothing depends on it
MAY_FAIL_UNNOTICED = {"unlink", "open", "rmdir", "mkdir"}
MESSAGES = {errno.ENOSPC: "No space left", errno.EIO: "Input/output error", errno.EACCES: "Permission denied"}


def build(six, folder):
    return six.mix(folder / "corpus", pack="always", cache=folder / "cache")


def calls_of(six, folder, monkeypatch):
    with syscalls.counted(syscalls.Turn(folder, 0), monkeypatch) as turn:
        build(six, folder)
    shutil.rmtree(folder)
    return turn.calls


@pytest.mark.parametrize(("fault", "every"), [(errno.ENOSPC, 1), (errno.EIO, 11), (errno.EACCES, 13)])
def test_a_write_that_fails_is_a_place_error_and_the_next_run_ends_the_same(
    six, tmp_path, monkeypatch, ready_made, fault, every
):
    folder = tmp_path / "work"
    calls = calls_of(six, folder, monkeypatch)
    assert {name for name, _ in calls} == set(syscalls.CALLS)
    for number in range(1, len(calls) + 1, every):
        fails_and_goes_on(six, folder, monkeypatch, number, fault)
        shutil.rmtree(folder)


def fails_and_goes_on(six, folder, monkeypatch, number, fault):
    with syscalls.counted(syscalls.Turn(folder, number, fault), monkeypatch) as turn:
        error = tinycorpus.refused(lambda: build(six, folder))
    assert turn.came
    if error is None:
        name, place = turn.calls[number - 1]
        assert name in MAY_FAIL_UNNOTICED or (name, fault) == ("fsync", errno.EACCES), place  # no system says that
    else:
        assert MESSAGES[fault] in error.message
        assert str(folder) in error.message
        assert "\n" not in error.message
        assert error.hint
    if (folder / "corpus").exists():
        six.assert_nothing_is_torn(folder / "corpus")
    build(six, folder)
    six.assert_is(folder / "corpus")
    assert not [path for path in folder.rglob("*") if path.name.endswith(".tmp")]


def test_a_process_that_dies_at_a_call_loses_nothing(three, tmp_path, monkeypatch, ready_made):
    folder = tmp_path / "work"
    for number in range(1, len(calls_of(three, folder, monkeypatch)) + 1, 2):  # `kill.py` dies between them, too
        with syscalls.counted(syscalls.Turn(folder, number, syscalls.DEATH), monkeypatch):
            assert tinycorpus.ended(tinycorpus.forked(lambda: build(three, folder) and 0)) == -9
        if (folder / "corpus").exists():
            three.assert_nothing_is_torn(folder / "corpus")
        build(three, folder)
        three.assert_is(folder / "corpus")
        assert not [path for path in folder.rglob("*") if path.name.endswith(".tmp")]
        shutil.rmtree(folder)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.8, 0.93])
def test_the_command_ends_with_code_4_a_sentence_and_a_remedy(six, tmp_path, monkeypatch, ready_made, capsys, share):
    folder = tmp_path / "work"
    calls = calls_of(six, folder, monkeypatch)
    first = round(share * len(calls)) + 1
    number = next(at for at in range(first, len(calls) + 1) if calls[at - 1][0] in ("write", "replace"))
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(tinycorpus.toml(6))
    words = ["mix", str(recipe), "--out", str(folder / "corpus"), "--workers", "0", "--pack", "always", "--cache",
             str(folder / "cache"), *(f"--catalog={name}={path}" for name, path in six.catalogs.items())]  # fmt: skip
    with syscalls.counted(syscalls.Turn(folder, number), monkeypatch):
        assert main(words) == 4
    error = capsys.readouterr().err
    assert f"error: {folder}" in error
    assert "can't be written (No space left on device)\nhint: free some space, then run the same command again" in error
    assert main(words) == (3 if six.manifest.failures() else 0)
    six.assert_is(folder / "corpus")


def test_what_is_counted_is_what_the_build_does(six, tmp_path, monkeypatch, ready_made):
    """The count would be worth nothing if writes went another way: all bytes that appear were counted."""
    folder = tmp_path / "work"
    written = {os.path.basename(place) for name, place in calls_of(six, folder, monkeypatch) if name == "write"}
    assert {".mixture.flac.tmp", ".speech.flac.tmp", "000000.journal", ".lock"} <= written
    for start in (".manifest.parquet.", ".plan.parquet.", ".000000.parquet.", ".boot.", "segment."):
        assert any(name.startswith(start) for name in written), start
