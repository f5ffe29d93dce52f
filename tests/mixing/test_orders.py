"""A corpus made again from its manifest alone: the same to the last sample, or withheld with the reason."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from test_building import built, files

from sepbench import Manifest, mixing, parquet
from sepbench.cli import main
from sepbench.errors import PlaceError, TableError, UsageError
from sepbench.manifest import FILE_NAME, SCHEMA, VERSION
from sepbench.mixing import rendering


@pytest.fixture(scope="module")
def made(tmp_path_factory, catalogs):
    folder = tmp_path_factory.mktemp("made")
    return built(folder, catalogs), folder / "corpus"


def moved(corpus, folder):
    """Give a copy of the manifest, as somebody is sent it: no audio, no catalogs."""
    return Path(shutil.copy(corpus / FILE_NAME, folder / "sent.parquet"))


@pytest.mark.parametrize("options", [{}, {"workers": 2}, {"pack": "always"}], ids=str)
def test_a_manifest_alone_gives_the_corpus_again(made, tmp_path, roots, options):
    manifest, corpus = made
    again = mixing.mix(moved(corpus, tmp_path), tmp_path / "again", roots=roots, cache=tmp_path / "c",
                       **({"workers": 0} | options))  # fmt: skip
    assert again.corpus_hash == manifest.corpus_hash
    assert again.table.equals(manifest.table)
    assert files(tmp_path / "again") == files(corpus)


def test_the_folder_of_a_corpus_stands_for_its_manifest_and_another_container_for_the_same_corpus(made, tmp_path):
    manifest, corpus = made
    again = mixing.mix(corpus, tmp_path / "again", container="wav", workers=0)
    assert again.corpus_hash == manifest.corpus_hash
    assert len(list((tmp_path / "again").rglob("*.wav"))) == 3 * len(manifest)


def test_a_plan_is_rendered_where_it_lies(tmp_path, catalogs, made):
    built(tmp_path, catalogs, "planned", plan_only=True)
    again = mixing.mix(tmp_path / "planned", tmp_path / "planned", workers=0)
    assert again.corpus_hash == made[0].corpus_hash
    assert mixing.verify(tmp_path / "planned", workers=0, limit=5).differences == []


def test_the_recorded_gains_are_taken_not_computed_anew(made, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a gain was computed")

    monkeypatch.setattr(rendering.mixdown, "_wanted_gains", refuse)
    assert mixing.mix(made[1], tmp_path / "again", workers=0).corpus_hash == made[0].corpus_hash


def test_what_does_not_come_out_as_proven_is_withheld(made, tmp_path, capsys):
    manifest, _ = made
    altered = manifest.table.to_pylist()
    altered[3]["proof"]["stems"][1]["stem_pcm_sha256"] = "0" * 64
    write(altered, manifest.metadata, tmp_path / "altered.parquet")
    code = main(["mix", str(tmp_path / "altered.parquet"), "--out", str(tmp_path / "again"), "--workers", "0"])
    assert code == 3
    (failure,) = Manifest.read(tmp_path / "again").failures()
    assert failure.mixture_id == manifest[3]["mixture_id"]
    assert failure.status == "not_as_proven"
    assert failure.reason == "the stem `noise` comes out with other samples than the manifest says"
    assert not mixing.audio_path(tmp_path / "again", manifest[3], "mixture", "flac").exists()
    assert "another corpus than" in capsys.readouterr().out


def write(rows, metadata, path):
    parquet.write_parquet(pa.Table.from_pylist(rows, SCHEMA), path, kind="manifest", version=VERSION, metadata=metadata)


def test_rows_that_are_not_those_of_the_hash_are_refused(made, tmp_path):
    rows = made[0].table.to_pylist()
    rows[0]["snr_mdb"] += 1
    write(rows, made[0].metadata, tmp_path / "altered.parquet")
    with pytest.raises(TableError, match="its rows have the plan_hash"):
        mixing.mix(tmp_path / "altered.parquet", tmp_path / "again")


def test_a_stopped_rendering_of_a_manifest_goes_on(made, tmp_path, monkeypatch):
    real, seen = mixing.shards.render, []

    def render(row, recordings):
        seen.append(row["mixture_id"])
        if len(seen) == 10:
            raise KeyboardInterrupt
        return real(row, recordings)

    monkeypatch.setattr(mixing.shards, "render", render)
    with pytest.raises(KeyboardInterrupt):
        mixing.mix(made[1], tmp_path / "again", workers=0)
    assert mixing.mix(made[1], tmp_path / "again", workers=0).corpus_hash == made[0].corpus_hash
    assert len(seen) == len(made[0]) + 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 0}, "it takes no seed"),
        ({"mixtures": {"train": 1}}, "it takes no mixtures"),
        ({"catalogs": {"esc50": "esc50.parquet"}, "seed": 3}, "it takes no catalogs and no seed"),
        ({"plan_only": True}, "it takes no plan_only"),
    ],
)
def test_a_manifest_takes_nothing_that_would_change_its_mixtures(made, tmp_path, options, words):
    with pytest.raises(UsageError, match=words):
        mixing.mix(moved(made[1], tmp_path), tmp_path / "again", **options)


def test_a_missing_root_is_named(made, tmp_path):
    manifest, _ = made
    write(manifest.table.to_pylist(), manifest.metadata | {"root_hints": {}}, tmp_path / "sent.parquet")
    with pytest.raises(PlaceError, match="the folder of the public set `esc50` is not known"):
        mixing.mix(tmp_path / "sent.parquet", tmp_path / "again")


def test_a_corpus_beside_a_recipe_of_its_name_does_not_hide_it(made, tmp_path, catalogs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made[1], tmp_path / "speech-demo")
    planned = mixing.mix("speech-demo", tmp_path / "planned", catalogs=catalogs, plan_only=True)
    assert planned.name == "speech-demo"


def test_rows_that_failed_for_want_of_a_recording_are_tried_from_the_manifest_too(tmp_path, catalogs, roots, made):
    copy = tmp_path / "esc50"
    shutil.copytree(roots["esc50"], copy)
    gone = next(copy.rglob("5-*-12.wav"))
    gone.unlink()
    lacking = built(tmp_path, catalogs, "lacking", roots={"esc50": copy}, max_failed=1)
    assert lacking.failures()
    again = mixing.mix(tmp_path / "lacking", tmp_path / "again", roots=roots, workers=0)
    assert again.corpus_hash == made[0].corpus_hash
    assert np.array_equal(
        *(np.frombuffer(b"".join(files(at).values()), np.uint8) for at in (tmp_path / "again", made[1]))
    )
