"""When so much fails that something must be wrong as a whole, the build ends; one bad recording among many is a note."""

import pytest
import tinycorpus

from sepbench.cli import main
from sepbench.errors import TooManyFailedError
from sepbench.manifest import Manifest
from sepbench.mixing import shards
from sepbench.mixing.rendering import Rendered, failed_proof

ROWS = 2000


@pytest.fixture
def empty(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_a_wrong_root_ends_with_code_5_and_words(many, tmp_path, empty, capsys):
    words = tinycorpus.command(many, tmp_path / "corpus", 60, workers=0)[3:]
    assert main([*words, f"--root=librispeech={empty}"]) == 5
    sentence, hint = capsys.readouterr().err.splitlines()[-2:]
    assert " of " in sentence
    assert " mixtures failed, the last: source_missing: " in sentence
    assert "is the root of each set the right one, and its disk mounted?" in hint
    assert "--max-failed 1 goes on regardless" in hint
    assert not (tmp_path / "corpus" / "manifest.parquet").exists()
    assert main(words) in (0, 3)
    many.assert_is(tmp_path / "corpus")


def test_max_failed_1_goes_on_whatever_fails(two_catalogs, tmp_path, empty):
    """More than a hundred in a row, and every single one."""
    recipe = tinycorpus.recipe(300)
    made = tinycorpus.Reference(recipe, two_catalogs, None, {})
    with pytest.raises(TooManyFailedError):
        made.mix(tmp_path / "corpus", roots={"esc50": empty})
    manifest = made.mix(tmp_path / "corpus", roots={"esc50": empty}, max_failed=1.0)
    assert {row["proof"]["status"] for row in manifest} == {"source_missing", "silent_source"}


def test_one_bad_recording_among_two_thousand_mixtures_is_code_3_and_a_count(
    two_catalogs, tmp_path, monkeypatch, capsys
):
    """Its mixtures say why; all others are made."""
    made = tinycorpus.Reference(tinycorpus.recipe(ROWS, length=0.02), two_catalogs, None, {})
    only_once(monkeypatch, "train-000000")
    words = tinycorpus.command(made, tmp_path / "corpus", ROWS, workers=0, pack="never")[3:]
    (tmp_path / "tiny.toml").write_text(tinycorpus.toml(ROWS, length=0.02))
    assert main(words) == 3
    said = capsys.readouterr().out
    assert "train-000000: source_unreadable: bad.flac: can't be decoded" in said
    assert f" of {ROWS} mixtures have no audio; the manifest says why" in said
    failed = Manifest.read(tmp_path / "corpus").failures()
    assert [one.mixture_id for one in failed if one.status != "silent_source"] == ["train-000000"]


def only_once(monkeypatch, name):
    """Let the recording be bad that one mixture uses."""
    real = shards.render

    def render(one, *arguments, **options):
        if one["mixture_id"] != name:
            return real(one, *arguments, **options)
        return Rendered(None, {}, failed_proof("source_unreadable", "bad.flac: can't be decoded"))

    monkeypatch.setattr(shards, "render", render)
