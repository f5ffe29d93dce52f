"""Kaldi and ESPnet: tables that their own checks would accept."""

import json
import shlex
import subprocess

import pytest
from openers import OPENERS, assert_same_samples
from small_corpora import NOISE, SPEECH, of, recipe

import sepbench
from sepbench import Corpus, mixing
from sepbench.exports.kaldi import speaker_of


def table(path):
    return dict(line.split(" ", 1) for line in path.read_text(encoding="utf-8").splitlines())


@pytest.fixture(scope="module")
def folder(talk, tmp_path_factory):
    out = tmp_path_factory.mktemp("kaldi") / "out"
    sepbench.export(talk, "kaldi", out)
    return out


@pytest.mark.parametrize("corpus", ["talk", "crowd", "songs"])
def test_all_tables_of_a_folder_have_the_same_keys_in_the_order_of_their_bytes(corpus, tmp_path, request):
    sepbench.export(request.getfixturevalue(corpus), "kaldi", tmp_path / "out")
    for data in (tmp_path / "out/data").iterdir():
        keys = list(table(data / "wav.scp"))
        assert keys == sorted(keys, key=str.encode)
        for path in data.iterdir():
            if path.name not in ("spk2utt", "stems.json"):
                assert list(table(path)) == keys, path
        speakers = table(data / "utt2spk")
        # validate_data_dir.sh: one order for both, which the name of the speaker at the beginning gives
        assert sorted(speakers.items(), key=lambda pair: (pair[1].encode(), pair[0].encode())) == list(speakers.items())
        assert all(key.startswith(f"{speaker}-") for key, speaker in speakers.items())
        spoken = {speaker: words.split() for speaker, words in table(data / "spk2utt").items()}
        assert list(spoken) == sorted(spoken, key=str.encode)
        assert {key: speaker for speaker, keys in spoken.items() for key in keys} == speakers


def test_targets_are_speakers_and_the_rest_is_noise(folder):
    data = folder / "data/test"
    assert json.loads((data / "stems.json").read_text()) == {"spk1": ["speech"], "noise1": ["noise"]}
    assert {path.name for path in data.iterdir()} == {"wav.scp", "spk1.scp", "noise1.scp", "utt2spk", "spk2utt", "utt2dur", "stems.json"}  # fmt: skip
    assert all(path.endswith("/speech.flac") for path in table(data / "spk1.scp").values())


def test_mixtures_of_two_and_of_three_talkers_have_folders_of_their_own(crowd, tmp_path):
    sepbench.export(crowd, "kaldi", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/data").iterdir()) == ["test_2spk1noise", "test_3spk1noise"]
    assert (tmp_path / "out/data/test_3spk1noise/spk3.scp").exists()
    assert not (tmp_path / "out/data/test_2spk1noise/spk3.scp").exists()


def test_what_is_said_is_there_where_all_of_it_is_known(catalogs, tmp_path):
    speech = of([SPEECH], "test")[0] | {"where": {"speaker": "9008"}}
    made = recipe("said", splits={"test": 4}, sources=[speech, *of([NOISE], "test")])
    mixing.mix(made, tmp_path / "corpus", catalogs=catalogs, workers=0, pack="never")
    sepbench.export(tmp_path / "corpus", "kaldi", tmp_path / "out", catalogs=catalogs)
    words = table(tmp_path / "out/data/test/text")
    assert words == table(tmp_path / "out/data/test/text_spk1")
    assert len(words) == 4
    assert any("UNLESS TO BE RATHER COLD HEARTED" in text for text in words.values())


def test_words_of_a_piece_of_an_utterance_are_not_claimed(catalogs, tmp_path):
    speech = of([SPEECH], "test")[0] | {"where": {"speaker": "9008"}}
    made = recipe("piece", length=1.0, splits={"test": 2}, sources=[speech, *of([NOISE], "test")])
    mixing.mix(made, tmp_path / "corpus", catalogs=catalogs, workers=0, pack="never")
    sepbench.export(tmp_path / "corpus", "kaldi", tmp_path / "out", catalogs=catalogs)
    assert not (tmp_path / "out/data/test/text").exists()


def test_relative_paths_hold_in_the_folder_wherever_it_is(talk, tmp_path, monkeypatch):
    sepbench.export(talk, "kaldi", tmp_path / "out", options={"paths": "relative"})
    (tmp_path / "out").rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    assert_same_samples(OPENERS["kaldi"](tmp_path / "moved"), Corpus(talk))


def test_a_pipe_gives_wav_and_is_safe_for_odd_folders(talk, tmp_path):
    sepbench.export(talk, "kaldi", tmp_path / "it's; here", options={"flac": "pipe"})
    for said in table(tmp_path / "it's; here/data/test/wav.scp").values():
        *command, path, bar = shlex.split(said)
        assert (command, bar) == (["flac", "-c", "-d", "-s"], "|")
        assert subprocess.run(["test", "-f", path]).returncode == 0


def test_wav_is_never_piped(songs, tmp_path):
    sepbench.export(songs, "kaldi", tmp_path / "out", options={"flac": "pipe"})
    assert all(path.endswith(".wav") for path in table(tmp_path / "out/data/test/wav.scp").values())


def test_different_talkers_never_get_one_name():
    def name(*groups):
        return speaker_of({"role": "target", "set": "vctk", "group": group} for group in groups)

    names = [name("p_1"), name("p 1"), name("p-1"), name("p1"), name("p", "1"), name()]
    assert len(set(names)) == len(names)
    assert all(set(one) <= set("abcdefghijklmnopqrstuvwxyz0123456789_") for one in names)
