"""Mixtures that somebody else made: taken as they are, paired by name, never by order, and nothing dropped in silence."""

import numpy as np
import pytest
import soundfile

from sepbench import Corpus, Manifest, mixing
from sepbench.audio import read_pcm
from sepbench.cli import main
from sepbench.errors import LayoutError, PlaceError, UsageError
from sepbench.mixing.adopting import pair

PATTERNS = {"mixture": "noisy/*.wav", "speech": "clean/*.wav"}
RATE = 16000


def write(path, samples, rate=RATE, subtype="PCM_16"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype)


@pytest.fixture
def pairs(tmp_path):
    """Five pairs, in folders whose listings have other orders."""
    root = tmp_path / "set"
    for number in (3, 1, 4, 0, 2):
        draws = np.random.default_rng(number)
        clean = draws.integers(-8000, 8000, 1600 + 100 * number).astype(np.int16)
        write(root / "clean" / f"p{number}.wav", clean)
        write(root / "noisy" / f"p{number}.wav", clean + draws.integers(-900, 900, len(clean)).astype(np.int16))
    return root


def test_the_mixture_and_the_stems_are_the_recordings_themselves(pairs, tmp_path):
    manifest, left_out = pair(pairs, tmp_path / "corpus", PATTERNS, workers=0)
    assert left_out == []
    corpus = Corpus(tmp_path / "corpus")
    assert len(manifest) == len(corpus) == 5
    for example in corpus:
        noisy, clean = (
            read_pcm(pairs / kind / f"{example.mixture_id}.wav").samples / 2**15 for kind in ("noisy", "clean")
        )
        assert np.array_equal(example.mixture, noisy)
        assert np.array_equal(example.sources["speech"], clean)
        assert np.array_equal(example.sources["noise"], noisy - clean)
        assert example.targets == ("speech",)


def test_its_audio_can_be_written_and_verified(pairs, tmp_path):
    pair(pairs, tmp_path / "corpus", PATTERNS, workers=0)
    made = mixing.mix(tmp_path / "corpus", tmp_path / "rendered", workers=0)
    assert not made.failures()
    assert made.table["proof"][0]["float_stages"].as_py() == []
    assert not mixing.verify(tmp_path / "rendered", workers=0).differences
    assert np.array_equal(
        read_pcm(tmp_path / "rendered/audio/test/p3/mixture.flac").samples, read_pcm(pairs / "noisy/p3.wav").samples
    )


def test_a_group_is_part_of_the_name(pairs, tmp_path):
    pair(pairs, tmp_path / "corpus", PATTERNS, group="(p)[0-9]", workers=0)
    assert {source["group"] for row in Manifest.read(tmp_path / "corpus") for source in row["sources"]} == {"p"}
    own, _ = pair(pairs, tmp_path / "own", PATTERNS, workers=0)
    assert [row["sources"][0]["group"] for row in own] == [f"p{number}" for number in range(5)]


@pytest.mark.parametrize("pattern", ["/noisy/*.wav", "../noisy/*.wav", "noisy/../*.wav", "C:/noisy/*.wav"])
def test_a_pattern_that_leads_out_of_the_folder_is_refused(pairs, tmp_path, pattern):
    with pytest.raises(UsageError, match="is no plain path below"):
        pair(pairs, tmp_path / "corpus", PATTERNS | {"mixture": pattern}, workers=0)


@pytest.mark.parametrize(
    ("group", "kind", "words"),
    [
        ("(p", UsageError, "not a regular expression"),
        ("p.", UsageError, "no parentheses"),
        ("(q).", LayoutError, "`p0` has no group"),
    ],
)
def test_a_group_that_is_none_is_refused(pairs, tmp_path, group, kind, words):
    with pytest.raises(kind, match=words):
        pair(pairs, tmp_path / "corpus", PATTERNS, group=group, workers=0)
    assert not (tmp_path / "corpus").exists()


def test_separators_are_scored_on_it(pairs, tmp_path):
    from sepbench import scores
    from sepbench.evaluate import score

    pair(pairs, tmp_path / "corpus", PATTERNS, workers=0)
    (folder,) = score(["mixture"], tmp_path / "corpus", tmp_path / "results", metric_names=["snr"], workers=0)
    rows = [row for row in scores.read(folder / scores.FILE_NAME)[0].to_pylist() if row["metric"] == "snr"]
    assert {row["mixture_id"] for row in rows} == {f"p{number}" for number in range(5)}
    for row in rows:
        noisy, clean = (
            read_pcm(pairs / kind / f"{row['mixture_id']}.wav").samples.astype(float) for kind in ("noisy", "clean")
        )
        assert row["value"] == pytest.approx(10 * np.log10((clean**2).sum() / ((noisy - clean) ** 2).sum()), abs=1e-9)


def test_songs_with_stems_that_add_up_have_no_rest(tmp_path):
    for song in ("a song", "b"):
        stems = {
            name: np.random.default_rng(len(name)).integers(-9000, 9000, (800, 2)).astype(np.int16)
            for name in ("vocals", "drums")
        }
        for name, samples in (*stems.items(), ("mixture", sum(stems.values()))):
            write(tmp_path / "set" / "test" / song / f"{name}.wav", samples, 44100)
    names = {name: f"test/*/{name}.wav" for name in ("mixture", "vocals", "drums")}
    pair(tmp_path / "set", tmp_path / "corpus", names, rest="residual", workers=0)
    for example in Corpus(tmp_path / "corpus"):
        assert list(example.sources) == ["vocals", "drums"]
        assert np.array_equal(example.mixture, example.sources["vocals"] + example.sources["drums"])
    assert Manifest.read(tmp_path / "corpus")[0]["mixture_id"] == "a_song"


def test_a_pair_without_a_partner_is_refused_and_named(pairs, tmp_path):
    (pairs / "clean" / "p2.wav").unlink()
    (pairs / "noisy" / "p4.wav").rename(pairs / "noisy" / "q4.wav")
    words = r"3 of 6 mixtures can't be taken: p2: has no speech; p4: has no mixture; q4: has no speech"
    with pytest.raises(LayoutError, match=words):
        pair(pairs, tmp_path / "corpus", PATTERNS, workers=0)
    assert not (tmp_path / "corpus").exists()
    manifest, left_out = pair(pairs, tmp_path / "corpus", PATTERNS, leave_out=True, workers=0)
    assert [row["mixture_id"] for row in manifest] == ["p0", "p1", "p3"]
    assert [one.name for one in left_out] == ["p2", "p4", "q4"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: write(path, np.ones(1700, np.int16), 8000), "has 8000 sample rate, noisy/p1.wav has 16000"),
        (lambda path: write(path, np.ones((1700, 2), np.int16)), "has 2 channels, noisy/p1.wav has 1"),
        (lambda path: write(path, np.ones(1699, np.int16)), "has 1699 samples, noisy/p1.wav has 1700"),
        (lambda path: path.write_bytes(b"RIFF, or so"), "p1.wav"),
    ],
)
def test_recordings_that_do_not_fit_together_are_never_repaired(pairs, tmp_path, spoil, words):
    spoil(pairs / "clean" / "p1.wav")
    with pytest.raises(LayoutError, match="1 of 5 mixtures can't be taken") as error:
        pair(pairs, tmp_path / "corpus", PATTERNS, workers=0)
    assert words in error.value.message


@pytest.mark.parametrize(
    ("patterns", "error", "words"),
    [
        ({"speech": "clean/*.wav"}, UsageError, "expected `mixture` and at least one stem"),
        ({"mixture": "noisy/*.wav"}, UsageError, "expected `mixture` and at least one stem"),
        (PATTERNS | {"noise": "noisy/*.wav"}, UsageError, "`noise` is a stem, and the name of what the stems leave"),
        (PATTERNS | {"speech": "clean/p1.wav"}, UsageError, r"expected one `\*`"),
        (PATTERNS | {"speech": "dry/*.wav"}, LayoutError, r"nothing matches `dry/\*\.wav`"),
    ],
)
def test_patterns_that_name_no_pairs_are_refused(pairs, tmp_path, patterns, error, words):
    with pytest.raises(error, match=words):
        pair(pairs, tmp_path / "corpus", patterns, workers=0)


def test_a_folder_that_is_not_empty_is_left_alone(pairs, tmp_path):
    with pytest.raises(PlaceError, match="is not empty"):
        pair(pairs, pairs, PATTERNS, workers=0)


def test_the_command_indexes_pairs(pairs, tmp_path, capsys):
    (pairs / "clean" / "p2.wav").unlink()
    words = ["index", "folder", "--root", str(pairs), "--out", str(tmp_path / "corpus"), "--workers", "0",
             "--pairs", "mixture=noisy/*.wav", "--pairs", "speech=clean/*.wav"]  # fmt: skip
    assert main(words) == 2
    assert "hint: complete the folder" in capsys.readouterr().err
    assert main([*words, "--leave-out"]) == 3
    said = capsys.readouterr().out
    assert "4 mixtures" in said
    assert "p2: has no speech" in said
