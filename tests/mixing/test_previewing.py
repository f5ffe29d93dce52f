"""A preview: the very mixtures that the corpus will have, and nothing of anybody's is lost."""

import pytest
from test_building import SHORT, built

from sepbench import Manifest, mixing
from sepbench.cli import main
from sepbench.errors import PlaceError, UsageError


def test_a_preview_has_the_mixtures_that_the_corpus_will_have(tmp_path, catalogs):
    whole = {row["mixture_id"]: row for row in built(tmp_path, catalogs)}
    few = mixing.preview(SHORT, tmp_path / "few", catalogs=catalogs, workers=0)
    assert [row["mixture_id"] for row in few] == [
        "train-000000",
        "test-000003",
        "test-000012",
        "test-000021",
        "test-000030",
    ]
    for row in few:
        assert row == whole[row["mixture_id"]]
        assert mixing.audio_path(tmp_path / "few", row, "mixture", "wav").is_file()


def test_an_earlier_preview_is_replaced(tmp_path, catalogs):
    mixing.preview(SHORT, tmp_path / "few", catalogs=catalogs, workers=0)
    louder = SHORT.model_copy(update={"version": 2})
    few = mixing.preview(louder, tmp_path / "few", catalogs=catalogs, count=2, workers=0)
    assert len(few) == 2
    assert len(list((tmp_path / "few" / "audio").rglob("mixture.wav"))) == 2


def test_a_corpus_is_never_taken_for_a_preview(tmp_path, catalogs):
    built(tmp_path, catalogs)
    with pytest.raises(PlaceError, match="holds another corpus"):
        mixing.preview(SHORT, tmp_path / "corpus", catalogs=catalogs, workers=0)
    assert len(Manifest.read(tmp_path / "corpus")) == 46


def test_more_than_there_are_is_all_and_none_is_refused(tmp_path, catalogs):
    assert len(mixing.preview(SHORT, tmp_path / "few", catalogs=catalogs, count=1000, workers=0)) == 46
    with pytest.raises(UsageError, match="expected at least 1 mixture, got 0"):
        mixing.preview(SHORT, tmp_path / "few", catalogs=catalogs, count=0)


def test_the_command_says_what_is_in_each_mixture(tmp_path, catalogs, capsys):
    words = [f"--catalog={name}={path}" for name, path in catalogs.items()]
    assert main(["preview", "speech-demo", *words, "-n", "2", "--out", str(tmp_path / "p"), "--workers", "0"]) == 0
    said = capsys.readouterr().out
    assert "mixture.wav: 3.33 s, SNR " in said
    assert "  noise: esc50 " in said
