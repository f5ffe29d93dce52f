"""A recording that goes, changes, is cut or becomes a pipe while a build is at work costs its mixtures, for a while."""

import os
import re
import shutil

import pytest
import tinycorpus

from sepbench.cli import main
from sepbench.mixing import shards

BEFORE = 4  # rows that are made before it happens


def removed(path, _):
    path.unlink()


def replaced(path, other):
    shutil.copy(other, path)


def cut(path, _):
    os.truncate(path, path.stat().st_size // 2)


def emptied(path, _):
    os.truncate(path, 0)


def made_a_pipe(path, _):
    path.unlink()
    os.mkfifo(path)


def made_a_folder(path, _):
    path.unlink()
    path.mkdir()


FAULTS = [
    (removed, "source_missing", "is not there"),
    (replaced, "source_changed", "decodes to other samples"),
    (cut, "source_unreadable", "decoded|promises|truncated|cut"),
    (emptied, "source_unreadable", "empty"),
    (made_a_pipe, "source_unreadable", "not a regular file"),
    (made_a_folder, "source_unreadable", "not a regular file"),
]


@pytest.fixture
def sets(tmp_path):
    return tinycorpus.copied_sets(tmp_path)


def first_used_late(many, sets):
    """Find a recording that no row uses before it happens, and one to replace it."""
    uses = [{source["path"]: source["set"] for source in row["sources"]} for row in many.manifest]
    early = {path for use in uses[:BEFORE] for path in use}
    path, name = next((path, name) for use in uses[BEFORE:] for path, name in use.items() if path not in early)
    other = next(path for use in uses for path, its_set in use.items() if its_set == name)
    return sets[name] / path, sets[name] / other


def in_the_middle(monkeypatch, fault, path, other):
    """Let it happen after some rows."""
    real, seen = shards.render, []

    def render(*arguments, **options):
        seen.append(1)
        if len(seen) == BEFORE + 1:
            fault(path, other)
        return real(*arguments, **options)

    monkeypatch.setattr(shards, "render", render)


def put_back(path, kept):
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    shutil.copy2(kept, path)


@pytest.mark.parametrize(("fault", "status", "words"), FAULTS, ids=[fault.__name__ for fault, _, _ in FAULTS])
def test_a_recording_that_fails_in_the_middle_costs_its_rows_until_it_is_put_back(
    many, tmp_path, monkeypatch, sets, fault, status, words
):
    path, other = first_used_late(many, sets)
    kept = tmp_path / "kept"
    shutil.copy2(path, kept)
    with monkeypatch.context() as patch:
        in_the_middle(patch, fault, path, other)
        manifest = many.mix(tmp_path / "corpus", roots=sets, max_failed=1.0)
    failed = [one for one in manifest.failures() if one.status != "silent_source"]
    using = [row["mixture_id"] for row in manifest if any(path.name in source["path"] for source in row["sources"])]
    assert [one.mixture_id for one in failed] == using
    assert {one.status for one in failed} == {status}
    assert all(path.name in one.reason for one in failed)
    assert all(re.search(words, one.reason) for one in failed)
    put_back(path, kept)
    many.mix(tmp_path / "corpus", roots=sets)
    many.assert_is(tmp_path / "corpus")


def test_the_command_ends_with_code_3_says_how_many_and_makes_up_for_them(many, tmp_path, monkeypatch, sets, capsys):
    path, other = first_used_late(many, sets)
    kept = tmp_path / "kept"
    shutil.copy2(path, kept)
    options = {"workers": 0, "pack": "never", "max-failed": 1}
    words = tinycorpus.command(many, tmp_path / "corpus", 60, **options)[3:]
    words += [f"--root={name}={folder}" for name, folder in sets.items()]
    with monkeypatch.context() as patch:
        in_the_middle(patch, removed, path, other)
        assert main(words) == 3
    said = capsys.readouterr().out
    assert " of 60 mixtures have no audio; the manifest says why" in said
    assert "run the same command again: it makes those that are missing" in said
    put_back(path, kept)
    assert main(words) == (3 if many.manifest.failures() else 0)
    many.assert_is(tmp_path / "corpus")


@pytest.mark.parametrize("pack", ["always", "never"])
def test_a_second_build_in_one_process_sees_what_was_mended(many, tmp_path, sets, pack):
    path, _ = first_used_late(many, sets)
    kept = tmp_path / "kept"
    shutil.move(path, kept)
    options = {"roots": sets, "pack": pack, "cache": tmp_path / "cache", "max_failed": 1.0}
    assert "source_missing" in {one.status for one in many.mix(tmp_path / "corpus", **options).failures()}
    put_back(path, kept)
    many.mix(tmp_path / "corpus", **options)
    many.assert_is(tmp_path / "corpus")


def test_a_second_plan_in_one_process_is_not_taken_for_the_first(six, two_catalogs, tmp_path):
    """In the same folder, after the first corpus was removed."""
    longer = tinycorpus.Reference(tinycorpus.recipe(6, length=0.2), two_catalogs, None, {})
    longer.mix(tmp_path / "corpus")
    shutil.rmtree(tmp_path / "corpus")
    six.mix(tmp_path / "corpus")
    six.assert_is(tmp_path / "corpus")


def test_an_error_of_the_system_while_a_recording_is_read_is_a_failed_row(six, tmp_path, monkeypatch):
    """A disk that is gone, a folder that may not be entered: of the recording, not of the corpus."""

    def gone(*_):
        raise OSError(5, "Input/output error", "speech.flac")

    with monkeypatch.context() as patch:
        patch.setattr(shards, "render", gone)
        manifest = six.mix(tmp_path / "corpus")
    assert {one.status for one in manifest.failures()} == {"source_unreadable"}
    assert "Input/output error: 'speech.flac'" in manifest.failures()[0].reason
    six.mix(tmp_path / "corpus")
    six.assert_is(tmp_path / "corpus")
