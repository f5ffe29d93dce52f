"""After the machine stopped, names may be there whose content is not: it is looked at, and made again."""

import os

import pytest
import tinycorpus

from sepbench.mixing import shards

STOPPED_AFTER = 35  # rows


@pytest.fixture
def stopped(many, tmp_path, monkeypatch):
    """A build that the machine's end broke off: some shards are finished, one is not."""
    real, seen = shards.render, []

    def render(*arguments, **options):
        seen.append(1)
        if len(seen) > STOPPED_AFTER:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "_SHARDS", 4)
        patch.setattr(shards, "render", render)
        with pytest.raises(KeyboardInterrupt):
            many.mix(tmp_path / "corpus")
    monkeypatch.setattr(shards, "_SHARDS", 4)
    out = tmp_path / "corpus"
    assert {path.name for path in (out / ".work").glob("0*")} == {"000000.parquet", "000001.parquet", "000002.journal"}
    (out / ".work" / "boot").write_text("another start of the machine")
    return out


def emptied(path):
    os.truncate(path, 0)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def zeroed(path):
    path.write_bytes(bytes(path.stat().st_size))


def gone(path):
    path.unlink()


def made(out):
    return sorted((out / "audio").rglob("*.flac"))


@pytest.mark.parametrize("harm", [emptied, cut, zeroed, gone])
def test_audio_that_did_not_reach_the_disk_is_made_again(many, stopped, harm):
    for path in made(stopped)[::7]:
        harm(path)
    many.mix(stopped)
    many.assert_is(stopped)


@pytest.mark.parametrize("harm", [emptied, cut, zeroed, gone])
def test_a_journal_that_did_not_reach_the_disk_is_written_again(many, stopped, harm):
    (path,) = (stopped / ".work").glob("*.journal")
    harm(path)
    for audio in made(stopped)[::5]:
        zeroed(audio)
    many.mix(stopped)
    many.assert_is(stopped)


@pytest.mark.parametrize("harm", [emptied, cut, zeroed, gone])
def test_a_table_of_proofs_that_is_damaged_is_made_again(many, stopped, harm):
    harm(next((stopped / ".work").glob("0*.parquet")))
    many.mix(stopped)
    many.assert_is(stopped)


def test_what_reached_the_disk_is_not_made_again(many, stopped, monkeypatch):
    lost = made(stopped)[10]
    lost.write_bytes(b"")
    real, rows = shards.render, []

    def render(row, *arguments, **options):
        rows.append(row["mixture_id"])
        return real(row, *arguments, **options)

    monkeypatch.setattr(shards, "render", render)
    many.mix(stopped)
    assert len(rows) == len(many.manifest) - STOPPED_AFTER + 1
    assert lost.parent.name in rows
    many.assert_is(stopped)


def test_lost_audio_whose_recording_is_gone_too_is_no_mixture(many, stopped, tmp_path):
    """The shard had been finished: its proofs said that all was well."""
    sets = tinycorpus.copied_sets(tmp_path)
    row = many.manifest[0]
    path = sets["librispeech"] / next(one["path"] for one in row["sources"] if one["set"] == "librispeech")
    (stopped / "audio" / "train" / row["mixture_id"] / "mixture.flac").write_bytes(b"")
    kept = path.rename(tmp_path / "kept")
    manifest = many.mix(stopped, roots=sets, max_failed=1.0)
    assert manifest[0]["proof"]["status"] == "source_missing"
    kept.rename(path)
    many.mix(stopped, roots=sets)
    many.assert_is(stopped)


def test_a_look_that_is_interrupted_is_begun_again(many, stopped, monkeypatch):
    for path in made(stopped)[::3]:
        emptied(path)
    real, seen = shards._is_whole, []

    def is_whole(*arguments):
        seen.append(1)
        if len(seen) == 20:
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "_is_whole", is_whole)
        with pytest.raises(KeyboardInterrupt):
            many.mix(stopped)
    many.mix(stopped)
    many.assert_is(stopped)
