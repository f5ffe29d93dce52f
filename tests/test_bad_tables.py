"""A manifest or a catalog that can't be true is refused in one sentence, before anything that it names is opened."""

import re
import shutil

import bad_tables
import commands
import pytest
from bad_tables import CATALOGS, CORPUS, FILES, METADATA, ROWS, SOUND

from sepbench import Corpus, catalog, recipe, soundness
from sepbench.cli import main
from sepbench.errors import TableError, UsageError
from sepbench.manifest import FILE_NAME
from sepbench.tour import RECORDINGS

MUCH_MEMORY = 700 << 20


def names(changes):
    return [change.name for change in changes]


def refused(words, capsys, corpus):
    """Assert that command line and library refuse a corpus in the same words."""
    code = main(["verify", str(corpus), "--workers", "0"])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert re.fullmatch(r"error: [^\n]*\nhint: [^\n]+\n", err), err
    assert re.search(words, err), err
    assert str(corpus / FILE_NAME) in err
    with pytest.raises(TableError):
        Corpus(corpus)


@pytest.mark.parametrize("one", FILES, ids=names(FILES))
def test_what_is_no_manifest_is_refused(tmp_path, capsys, one):
    (tmp_path / "corpus").mkdir()
    one.make(tmp_path / "corpus")
    refused(one.words, capsys, tmp_path / "corpus")
    assert not (tmp_path / "corpus" / "trapped").exists()


@pytest.mark.parametrize("one", ROWS, ids=names(ROWS))
def test_a_row_that_cannot_be_true_is_refused_with_its_column_and_value(tmp_path, capsys, one):
    rows = list(SOUND)
    one.make(rows)
    bad_tables.write(tmp_path / "corpus", bad_tables.table_of(rows))
    refused(one.words, capsys, tmp_path / "corpus")


@pytest.mark.parametrize("one", METADATA, ids=names(METADATA))
def test_metadata_that_cannot_be_true_are_refused(tmp_path, capsys, one):
    (tmp_path / "corpus").mkdir()
    bad_tables.sealed(tmp_path / "corpus" / FILE_NAME, SOUND.table, one.make())
    refused(one.words, capsys, tmp_path / "corpus")


@pytest.mark.parametrize("one", [one for one in FILES if one.name in ("many-rows", "long-text", "repeated-text")], ids=lambda one: one.name)  # fmt: skip
def test_what_repeats_takes_no_memory_before_it_is_refused(tmp_path, one):
    (tmp_path / "corpus").mkdir()
    one.make(tmp_path / "corpus")
    run = commands.sepbench("verify", tmp_path / "corpus")
    assert run.code == 2
    assert re.search(one.words, run.err)
    assert run.peak_bytes < MUCH_MEMORY
    assert (tmp_path / "corpus" / FILE_NAME).stat().st_size < 200_000


@pytest.mark.parametrize("one", CATALOGS, ids=names(CATALOGS))
def test_a_catalog_that_cannot_be_true_is_refused(tmp_path, capsys, catalogs, one):
    altered = bad_tables.write_catalog(tmp_path / "c.parquet", catalogs["librispeech"], one.make)
    places = [f"--catalog=librispeech={altered}", f"--catalog=esc50={catalogs['esc50']}"]
    code = main(["mix", "speech-demo", "--out", str(tmp_path / "corpus"), *places])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"error: {altered}: [^\n]*\nhint: [^\n]+\n", err), err
    assert re.search(one.words, err), err
    assert not (tmp_path / "corpus").exists()


# --- what is odd, and good -------------------------------------------------------------------------------------------


def verified(folder, roots, table, **options):
    """Verify a corpus with another manifest beside the same audio; give exit code and differences."""
    shutil.copytree(CORPUS, folder, dirs_exist_ok=True)
    bad_tables.write(folder, table, **options)
    return main(["verify", str(folder), "--workers", "0", *(f"--root={name}={place}" for name, place in roots.items())])


def test_the_order_of_rows_is_free(tmp_path, roots):
    table = SOUND.table
    assert verified(tmp_path / "corpus", roots, table.take([2, 0, 1])) == 0


def test_row_groups_are_free(tmp_path, roots):
    assert verified(tmp_path / "corpus", roots, SOUND.table, row_group_size=1) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[1]["sources"][1].update(source_pcm_sha256="0" * 64), "source differs: .* decodes to other samples"),
        (lambda rows: rows[1]["sources"][1].update(path="nowhere.wav"), "source differs: .*nowhere.wav: is not there"),
        (lambda rows: rows[1]["sources"][1].update(start=2**32), "mix differs: .* is digital silence"),
        (lambda rows: rows[1].update(snr_mdb=5), "mix differs"),
    ],
    ids=["other-hash", "unknown-recording", "start-beyond-the-end", "other-level"],
)  # fmt: skip
def test_what_only_the_samples_show_is_a_difference(tmp_path, capsys, roots, change, words):
    rows = list(SOUND)
    change(rows)
    assert verified(tmp_path / "corpus", roots, bad_tables.table_of(rows)) == 1
    assert re.search(r"its plan_hash is \S+, recorded is|" + words, capsys.readouterr().err)


def test_rows_of_another_corpus_are_a_difference(tmp_path, capsys, roots):
    assert verified(tmp_path / "corpus", roots, SOUND.table, metadata={"plan_hash": "sha256:0"}) == 1
    assert "its plan_hash is sha256:6429" in capsys.readouterr().err


def test_a_link_out_of_the_root_is_not_followed(tmp_path, roots):
    speech = tmp_path / "speech"
    shutil.copytree(roots["librispeech"], speech)
    secret = tmp_path / "secret.flac"
    path = speech / SOUND[0]["sources"][0]["path"]
    path.rename(secret)
    path.symlink_to(secret)
    places = [f"--root={name}={place}" for name, place in {**roots, "librispeech": speech}.items()]
    run = commands.sepbench("verify", CORPUS, "--workers", 0, *places)
    assert run.code in (1, 2)
    assert "leaves the folder" in run.err
    assert not {str(secret), str(path)} & run.opened


def test_an_excerpt_beyond_the_end_of_its_recording_is_refused(roots):
    from sepbench.mixing import render

    row = SOUND[0]
    row["sources"][0]["start"] += 10**6
    row["sources"][0]["start"] = _frames(roots, row["sources"][0]) - 100
    assert render(row, roots, frozen=False).proof["status"] == "source_too_short"


def _frames(roots, source):
    from sepbench.audio import read_pcm

    return read_pcm(roots[source["set"]] / source["path"]).frames * 22050 // source["sample_rate"]


# --- the parts -------------------------------------------------------------------------------------------------------


def test_the_splits_are_those_of_recipes():
    assert set(soundness._SPLITS) == set(recipe.SPLITS)


@pytest.mark.parametrize("name", ["mixture", "con", "aux.x", "a."])
def test_a_recipe_refuses_a_stem_that_no_manifest_may_have(name):
    source = {"name": name, "role": "target", "set": "esc50"}
    content = {
        "name": "x",
        "version": 1,
        "sample_rate": 16000,
        "length": 1.0,
        "splits": {"test": 1},
        "sources": [source],
    }
    with pytest.raises(UsageError, match=f"`{name}` can't be the name of a stem"):
        recipe.parse(content)


def test_a_recipe_refuses_levels_beyond_all_sound():
    source = {"name": "a", "role": "target", "set": "esc50", "level_dbfs": 1e308}
    content = {
        "name": "x",
        "version": 1,
        "sample_rate": 16000,
        "length": 1.0,
        "splits": {"test": 1},
        "sources": [source],
    }
    with pytest.raises(UsageError, match="expected finite numbers"):
        recipe.parse(content)


def test_a_table_of_licences_from_a_spreadsheet_is_read(tmp_path):
    (tmp_path / "l.csv").write_bytes("\ufeffpath,licence\r\n*,CC0-1.0\r\n".encode())
    folder = RECORDINGS / "noise" / "ESC-50-master" / "audio"
    table = catalog.index("folder", folder, tmp_path / "c.parquet", workers=0, licences=tmp_path / "l.csv")
    assert set(table["licence"].to_pylist()) == {"CC0-1.0"}


def test_a_table_of_licences_with_a_cut_row_is_refused(tmp_path):
    (tmp_path / "l.csv").write_text("path,licence\n*\n")
    folder = RECORDINGS / "noise" / "ESC-50-master" / "audio"
    with pytest.raises(UsageError, match=r"l\.csv: a row lacks its path or its licence"):
        catalog.index("folder", folder, tmp_path / "c.parquet", workers=0, licences=tmp_path / "l.csv")
