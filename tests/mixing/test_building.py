"""Building: whole or absent, the same whatever the workers, and never over another corpus."""

import shutil

import numpy as np
import pytest

from sepbench import Corpus, Manifest, mixing
from sepbench import recipe as recipes
from sepbench.errors import PlaceError, RecipeError, TableError, TooManyFailedError, UsageError
from sepbench.mixing import shards

SHORT = recipes.parse(
    {
        "name": "short", "version": 1, "sample_rate": 16000, "length": 0.5, "splits": {"train": 6, "test": 40},
        "sources": [
            {"name": "speech", "role": "target", "set": "librispeech",
             "splits": {"train": ["train-clean-100"], "test": ["test-clean"]}},
            {"name": "noise", "role": "noise", "set": "esc50",
             "splits": {"train": ["fold1", "fold2", "fold3"], "test": ["fold5"]}, "when_short": "loop"},
        ],
        "levels": {"snr_db": {"uniform": [-5, 10]}},
    }
)  # fmt: skip


def built(tmp_path, catalogs, name="corpus", recipe=SHORT, **options):
    return mixing.mix(recipe, tmp_path / name, catalogs=catalogs, **({"workers": 0} | options))


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*.flac"))}


def test_any_number_of_workers_makes_the_same_corpus(tmp_path, catalogs):
    manifests = [built(tmp_path, catalogs, f"with-{count}", workers=count) for count in (0, 1, 2, 3)]
    assert len({manifest.corpus_hash for manifest in manifests}) == 1
    assert all(manifest.table.equals(manifests[0].table) for manifest in manifests)
    assert files(tmp_path / "with-0") == files(tmp_path / "with-3")


def test_a_row_alone_is_the_row_in_bulk(tmp_path, catalogs, roots):
    manifest = built(tmp_path, catalogs)
    for number in (17, 3, 45):
        row = manifest[number]
        alone = mixing.render({**row, "proof": None}, roots)
        assert alone.proof == row["proof"]


def test_on_the_fly_gives_the_samples_that_were_rendered(tmp_path, catalogs):
    built(tmp_path, catalogs)
    built(tmp_path, catalogs, "planned", plan_only=True)
    rendered = Corpus(tmp_path / "corpus")
    for other in (Corpus(tmp_path / "corpus", on_the_fly=True), Corpus(tmp_path / "planned")):
        assert len(other) == len(rendered) == 46
        for one, two in zip(rendered, other, strict=True):
            assert np.array_equal(one.mixture, two.mixture)
            assert all(np.array_equal(one.sources[name], two.sources[name]) for name in one.sources)
            assert np.array_equal(one.mixture, one.sources["speech"] + one.sources["noise"])


def test_a_planned_corpus_is_rendered_later_and_a_finished_one_left_alone(tmp_path, catalogs):
    planned = built(tmp_path, catalogs, plan_only=True)
    assert all(row["proof"] is None for row in planned)
    made = built(tmp_path, catalogs)
    assert made.metadata["plan_hash"] == planned.metadata["plan_hash"]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "corpus").rglob("*")}
    again = built(tmp_path, catalogs)
    assert again.corpus_hash == made.corpus_hash
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "corpus").rglob("*")} == before


def test_a_stopped_build_goes_on_and_ends_the_same(tmp_path, catalogs, monkeypatch):
    whole = built(tmp_path, catalogs, "whole")
    real, seen = shards.render_shard, []

    def dies_in_the_second_shard(task):
        seen.append(task.number)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(task)

    monkeypatch.setattr(shards, "render_shard", dies_in_the_second_shard)
    with pytest.raises(KeyboardInterrupt):
        built(tmp_path, catalogs)
    assert not (tmp_path / "corpus" / "manifest.parquet").exists()
    monkeypatch.setattr(shards, "render_shard", real)
    resumed = built(tmp_path, catalogs)
    assert resumed.corpus_hash == whole.corpus_hash
    assert not (tmp_path / "corpus" / ".work").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 3}, "seed: 0 there, 3 asked for"),
        ({"recipe": SHORT.model_copy(update={"length": 0.7})}, "length: `0.5` there, `0.7` asked for"),
        ({"recipe": SHORT.model_copy(update={"name": "other"})}, "name: `short` there, `other` asked for"),
        ({"container": "wav"}, "holds this corpus as flac"),
    ],
)
def test_another_corpus_is_never_written_over(tmp_path, catalogs, change, words):
    built(tmp_path, catalogs)
    before = files(tmp_path / "corpus")
    with pytest.raises(PlaceError, match=words):
        built(tmp_path, catalogs, **change)
    assert files(tmp_path / "corpus") == before


def test_a_folder_with_other_things_is_refused(tmp_path, catalogs):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "thesis.tex").write_text("years of work")
    with pytest.raises(PlaceError, match=r"holds no corpus \(`thesis.tex`"):
        built(tmp_path, catalogs)


def test_an_unfinished_build_of_another_corpus_is_refused_with_the_difference(tmp_path, catalogs, monkeypatch):
    interrupted(tmp_path, catalogs, monkeypatch)
    words = (
        r"unfinished build of another corpus lies here \(levels.snr_db.uniform\[1\]: `10.0` there, `15.0` asked for\)"
    )
    louder = SHORT.model_dump(exclude_defaults=True) | {"levels": {"snr_db": {"uniform": [-5, 15]}}}
    with pytest.raises(PlaceError, match=words):
        built(tmp_path, catalogs, recipe=recipes.parse(louder))
    with pytest.raises(PlaceError, match="unfinished build as flac"):
        built(tmp_path, catalogs, container="wav")


def interrupted(tmp_path, catalogs, monkeypatch):
    """Leave a build with its first shard done."""
    real = shards.render_shard

    def only_the_first(shard):
        if shard.number:
            raise KeyboardInterrupt
        return real(shard)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "render_shard", only_the_first)
        with pytest.raises(KeyboardInterrupt):
            built(tmp_path, catalogs)


def test_after_a_stop_of_the_machine_files_are_looked_at_again(tmp_path, catalogs, monkeypatch):
    whole = built(tmp_path, catalogs, "whole")
    interrupted(tmp_path, catalogs, monkeypatch)
    (tmp_path / "corpus" / ".work" / "boot").write_text("another start of the machine")
    lost = tmp_path / "corpus" / "audio" / "train" / "train-000000" / "speech.flac"
    lost.write_bytes(b"")  # the name was on the disk, the samples were not
    assert built(tmp_path, catalogs).corpus_hash == whole.corpus_hash
    assert files(tmp_path / "corpus") == files(tmp_path / "whole")


def test_a_source_that_comes_back_is_mixed_by_the_same_command(tmp_path, catalogs, roots):
    whole = built(tmp_path, catalogs, "whole")
    copy = tmp_path / "esc50"
    shutil.copytree(roots["esc50"], copy)
    gone = next(copy.rglob("5-*-12.wav"))
    gone.rename(tmp_path / gone.name)
    failed = built(tmp_path, catalogs, roots={"esc50": copy})
    assert failed.corpus_hash != whole.corpus_hash
    again = built(tmp_path, catalogs, roots={"esc50": copy})
    assert again.corpus_hash == failed.corpus_hash
    (tmp_path / gone.name).rename(gone)
    assert built(tmp_path, catalogs, roots={"esc50": copy}).corpus_hash == whole.corpus_hash
    assert files(tmp_path / "corpus") == files(tmp_path / "whole")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_wrong_root_ends_the_build_early_and_the_right_one_goes_on(tmp_path, catalogs, roots, workers):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(TooManyFailedError, match=r"(?s)mixtures failed, the last: source_missing.*--max-failed"):
        built(tmp_path, catalogs, roots={"esc50": empty}, workers=workers)
    assert not (tmp_path / "corpus" / "manifest.parquet").exists()
    assert built(tmp_path, catalogs).corpus_hash == built(tmp_path, catalogs, "whole").corpus_hash


@pytest.mark.parametrize("pack", ["always", "never"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_pack_changes_nothing(tmp_path, catalogs, pack, workers):
    options = {"pack": pack, "workers": workers, "cache": tmp_path / "cache"}
    assert built(tmp_path, catalogs, **options).corpus_hash == built(tmp_path, catalogs, "whole").corpus_hash
    assert (tmp_path / "cache").exists() == (pack == "always")


def test_a_disk_that_is_too_small_is_refused_before_the_first_mixture(tmp_path, catalogs, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=10_000)
    monkeypatch.setattr(mixing.sizing.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(PlaceError, match=r"(?s)needs about 1.\d MB more, and 0.0 MB are free.*--mixtures SPLIT=N"):
        built(tmp_path, catalogs)
    assert not (tmp_path / "corpus" / "audio").exists()
    monkeypatch.undo()
    assert len(built(tmp_path, catalogs, mixtures={"test": 1})) == 1  # as the hint says


def test_a_build_that_is_not_finished_says_so_where_a_corpus_is_wanted(tmp_path, catalogs, roots):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TooManyFailedError):
        built(tmp_path, catalogs, roots={"esc50": tmp_path / "empty"})
    with pytest.raises(TableError, match=r"(?s)is not finished.*run the same `sepbench mix` again"):
        mixing.verify(tmp_path / "corpus", workers=0)


def test_wav_holds_the_same_samples(tmp_path, catalogs):
    assert built(tmp_path, catalogs).corpus_hash == built(tmp_path, catalogs, "wav", container="wav").corpus_hash
    assert not mixing.verify(tmp_path / "wav", workers=0).differences


def test_an_unknown_container_is_refused(tmp_path, catalogs):
    with pytest.raises(UsageError, match="unknown container `mp3`"):
        built(tmp_path, catalogs, container="mp3")


def test_a_missing_root_is_named_with_the_remedy(tmp_path, catalogs):
    with pytest.raises(PlaceError, match=r"(?s)public set `esc50` is not there.*--root esc50=DIR"):
        built(tmp_path, catalogs, roots={"esc50": tmp_path / "nowhere"})


def test_roots_come_from_the_environment(tmp_path, catalogs, monkeypatch):
    monkeypatch.setenv("SEPBENCH_ROOTS", f"esc50={tmp_path / 'nowhere'}")
    with pytest.raises(PlaceError, match="nowhere"):
        built(tmp_path, catalogs)
    monkeypatch.setenv("SEPBENCH_ROOTS", "esc50")
    with pytest.raises(UsageError, match="expected SET=DIR, got `esc50`"):
        built(tmp_path, catalogs)


def test_a_source_that_is_gone_is_a_row_with_a_reason_and_the_rest_is_made(tmp_path, catalogs, roots):
    copy = tmp_path / "esc50"
    shutil.copytree(roots["esc50"], copy)
    gone = next(copy.rglob("5-*-12.wav"))
    gone.unlink()
    manifest = built(tmp_path, catalogs, roots={"esc50": copy})
    statuses = [row["proof"]["status"] for row in manifest]
    assert set(statuses) == {"ok", "source_missing"}
    assert 0 < statuses.count("source_missing") < 20
    assert all(gone.name in row["proof"]["reason"] for row in manifest if row["proof"]["status"] != "ok")
    assert Corpus(tmp_path / "corpus").skipped == statuses.count("source_missing")


def test_the_manifest_says_what_it_was_made_from(tmp_path, catalogs):
    built(tmp_path, catalogs)
    manifest = Manifest.read(tmp_path / "corpus")
    assert manifest.metadata["recipe"]["name"] == "short"
    assert recipes.parse(manifest.metadata["recipe"]) == SHORT
    long = manifest.sources()
    assert len(long) == 92
    assert {"mixture_id", "split", "name", "label.speaker", "label.category"} <= set(long.columns)


class TestVerify:
    def test_a_sound_corpus_has_no_differences(self, tmp_path, catalogs):
        built(tmp_path, catalogs)
        assert mixing.verify(tmp_path / "corpus", workers=2) == mixing.Verification(46, [])

    def test_a_file_with_other_samples_is_named(self, tmp_path, catalogs):
        built(tmp_path, catalogs)
        folder = tmp_path / "corpus" / "audio" / "test" / "test-000007"
        shutil.copy(folder / "noise.flac", folder / "speech.flac")
        (difference,) = mixing.verify(tmp_path / "corpus", workers=0).differences
        assert difference.mixture_id == "test-000007"
        assert difference.kind == "audio"
        assert "speech.flac: holds other samples" in difference.words

    def test_a_missing_and_a_damaged_file_are_named(self, tmp_path, catalogs):
        built(tmp_path, catalogs)
        folder = tmp_path / "corpus" / "audio" / "test" / "test-000007"
        (folder / "speech.flac").unlink()
        content = bytearray((folder / "noise.flac").read_bytes())
        content[len(content) // 2] ^= 16
        (folder / "noise.flac").write_bytes(content)
        found = mixing.verify(tmp_path / "corpus", workers=0).differences
        assert [one.kind for one in found] == ["audio", "audio"]

    def test_a_changed_source_is_told_from_a_changed_mix(self, tmp_path, catalogs, roots):
        built(tmp_path, catalogs)
        copy = tmp_path / "esc50"
        shutil.copytree(roots["esc50"], copy)
        fire, wind = next(copy.rglob("5-*-12.wav")), next(copy.rglob("5-*-16.wav"))
        shutil.copy(wind, fire)
        kinds = {one.kind for one in mixing.verify(tmp_path / "corpus", roots={"esc50": copy}, workers=0).differences}
        assert kinds == {"source"}

    def test_an_altered_manifest_is_found(self, tmp_path, catalogs):
        manifest = built(tmp_path, catalogs)
        rows = list(manifest)
        rows[4]["snr_mdb"] += 1
        import pyarrow as pa

        Manifest(pa.Table.from_pylist(rows, schema=manifest.table.schema), manifest.metadata).write(tmp_path / "corpus")
        found = mixing.verify(tmp_path / "corpus", workers=0).differences
        assert {one.kind for one in found} == {"manifest", "mix"}
        assert found[-1].mixture_id == rows[4]["mixture_id"]

    def test_a_plan_has_nothing_to_verify(self, tmp_path, catalogs):
        built(tmp_path, catalogs, plan_only=True)
        with pytest.raises(UsageError, match="planned but not rendered"):
            mixing.verify(tmp_path / "corpus")

    def test_some_rows_are_enough_for_a_look(self, tmp_path, catalogs):
        built(tmp_path, catalogs)
        assert mixing.verify(tmp_path / "corpus", limit=5, workers=0).rows == 5


def test_nothing_is_left_where_the_recipe_asks_too_much(tmp_path, catalogs):
    with pytest.raises(RecipeError):
        built(tmp_path, {"librispeech": catalogs["librispeech"]})
    assert not (tmp_path / "corpus").exists()


def test_a_second_run_on_the_folder_is_refused(tmp_path, catalogs):
    from sepbench.storage import locked

    with locked(tmp_path / "corpus"), pytest.raises(PlaceError, match=r"another run is writing here \(process \d+ on"):
        built(tmp_path, catalogs)


def test_work_in_progress_holds_no_paths_of_the_build(tmp_path, catalogs, monkeypatch):
    interrupted(tmp_path, catalogs, monkeypatch)
    left = [path for path in (tmp_path / "corpus" / ".work").iterdir() if path.name != "plan.parquet"]
    assert {path.name for path in left} >= {"000000.parquet", "boot", "unusable.json"}
    assert not any(str(tmp_path).encode() in path.read_bytes() for path in left)


def test_counts_can_be_given_instead_of_the_recipes(tmp_path, catalogs):
    manifest = built(tmp_path, catalogs, mixtures={"test": 3})
    assert [row["mixture_id"] for row in manifest] == ["test-000000", "test-000001", "test-000002"]
    whole = built(tmp_path, catalogs, "whole")
    assert list(manifest) == [row for row in whole if row["split"] == "test"][:3]
    with pytest.raises(RecipeError, match=r"short: `splits.tset"):
        built(tmp_path, catalogs, "odd", mixtures={"tset": 3})
