"""A disk that is really full: an export ends with words, leaves nothing, and the earlier one stays."""

import os
import subprocess

import pytest

import sepbench
from sepbench import shelf
from sepbench.cli import main


@pytest.fixture
def disk(tmp_path):
    """Mount a file system of one megabyte in memory; skip where that is not allowed."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("free_kib", [0, 40, 400])
@pytest.mark.parametrize("name", shelf.names("exports"))
def test_a_full_disk_ends_an_export_with_words_and_nothing_is_left(name, free_kib, talk, disk, capsys):
    sepbench.export(talk, "lhotse", disk / "out", options={"audio": "refer"})
    before = (disk / "out/cuts_test.jsonl.gz").read_bytes()
    usage = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(max(0, usage.f_bavail * usage.f_frsize - (free_kib << 10))))
    assert main(["export", str(talk), name, "--out", str(disk / "out"), "--force", "--quiet"]) == 4
    said = capsys.readouterr().err
    assert f"error: {disk / 'out'}" in said
    assert "\nhint: " in said
    assert (disk / "out/cuts_test.jsonl.gz").read_bytes() == before
    assert sorted(path.name for path in disk.iterdir()) == ["filler", "out"]


@pytest.mark.parametrize("free_kib", [8, 100, 300])
def test_a_database_that_does_not_fit_is_no_bug_of_ours(free_kib, talk, disk, capsys):
    pytest.importorskip("duckdb")
    usage = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(max(0, usage.f_bavail * usage.f_frsize - (free_kib << 10))))
    words = ["export", str(talk), "duckdb", "--out", str(disk / "out"), "--option", "audio=refer", "--quiet"]
    assert main(words) == 4
    assert f"error: {disk / 'out'}: can't be written (" in capsys.readouterr().err
    assert [path.name for path in disk.iterdir()] == ["filler"]
