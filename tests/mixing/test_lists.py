"""Corpora that were published as lists: exact to the list, equal to its own script where that is asked for, nothing dropped."""

import csv

import librimix
import numpy as np
import pyarrow as pa
import pytest
import trees

from sepbench import Corpus, Manifest, catalog, mixing, recipe
from sepbench.audio import read_pcm
from sepbench.cli import main
from sepbench.errors import PlaceError, RecipeError, TableError, UsageError
from sepbench.mixing.layout import audio_path
from sepbench.mixing.listed import Listed


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return librimix.make(tmp_path_factory.mktemp("librimix"))


@pytest.fixture(scope="module")
def catalogs(places, tmp_path_factory):
    return librimix.index(tmp_path_factory.mktemp("catalogs"), places)


def made(name, places, catalogs, out, **options):
    how = {"catalogs": catalogs, "roots": {"librimix": places["librimix"]}, "workers": 0} | options
    return mixing.mix(librimix.small(name), out, **how)


def samples(folder, row, stem):
    return read_pcm(audio_path(folder, row, stem, "flac")).samples[0].astype(int)


FILES = {"speaker1": "s1", "speaker2": "s2", "speaker3": "s3", "noise": "noise"}


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("talkers", [2, 3])
def test_the_faithful_form_is_the_script_sample_by_sample(places, catalogs, tmp_path, talkers, mode, rate):
    script = librimix.by_script(places, talkers, rate, mode, tmp_path)
    for kind in ("clean", "both", "single"):
        name = f"libri{talkers}mix-{rate // 1000}k-{mode}-{kind}-faithful"
        manifest = made(name, places, catalogs, tmp_path / kind)
        assert not manifest.failures()
        assert [row["mixture_id"] for row in manifest] == list(script)
        for row in manifest:
            files = script[row["mixture_id"]]
            for stem in (stem["name"] for stem in row["proof"]["stems"]):
                np.testing.assert_array_equal(samples(tmp_path / kind, row, stem), files[FILES[stem]])
            np.testing.assert_array_equal(samples(tmp_path / kind, row, "mixture"), files[f"mix_{kind}"])
            assert row["proof"]["float_stages"][0].startswith("rendering librimix: numpy ")


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("talkers", [2, 3])
def test_the_exact_form_is_within_two_steps_of_the_script_at_16_khz(places, catalogs, tmp_path, talkers, mode):
    """Each file of the script is rounded down from single precision, each stem here half to even: one step, and two in a sum."""
    script = librimix.by_script(places, talkers, 16000, mode, tmp_path)
    manifest = made(f"libri{talkers}mix-16k-{mode}-both", places, catalogs, tmp_path / "corpus")
    for row in manifest:
        files = script[row["mixture_id"]]
        stems = [stem["name"] for stem in row["proof"]["stems"]]
        for stem in stems:
            assert np.abs(samples(tmp_path / "corpus", row, stem) - files[FILES[stem]]).max() <= 1
        mixture = samples(tmp_path / "corpus", row, "mixture")
        assert np.abs(mixture - files["mix_both"]).max() <= 2
        np.testing.assert_array_equal(mixture, sum(samples(tmp_path / "corpus", row, stem) for stem in stems))
    assert not mixing.verify(tmp_path / "corpus", roots=places, workers=0).differences


def test_at_8_khz_the_two_resamplers_agree_where_the_band_does(places, catalogs, tmp_path):
    """White noise has its energy up to the edge, where scipy's short filter aliases; below 3 kHz both are flat."""
    script = librimix.by_script(places, 2, 8000, "min", tmp_path)
    manifest = made("libri2mix-8k-min-clean", places, catalogs, tmp_path / "corpus")
    for row in manifest:
        spectra = [
            np.fft.rfft(signal * np.hanning(len(signal)))
            for signal in (samples(tmp_path / "corpus", row, "mixture"), script[row["mixture_id"]]["mix_clean"])
        ]
        low = slice(0, len(spectra[0]) * 3 // 4)
        assert np.linalg.norm((spectra[0] - spectra[1])[low]) < 0.01 * np.linalg.norm(spectra[1][low])


def test_gains_are_those_of_the_list_to_nine_digits(places, catalogs, tmp_path):
    row = made("libri2mix-16k-min-clean", places, catalogs, tmp_path / "corpus")[0]
    with librimix.list_path(places["librimix"].parent, 2).open() as file:
        listed = file.readlines()[1].split(",")
    for source, text in zip(row["sources"], (listed[2], listed[4]), strict=True):
        assert source["gain_mantissa"] / 2 ** source["gain_shift"] == pytest.approx(float(text), rel=2**-27)


def test_a_faithful_corpus_verifies_is_remade_from_its_manifest_and_made_on_the_fly(places, catalogs, tmp_path):
    made("libri2mix-8k-max-both-faithful", places, catalogs, tmp_path / "corpus")
    assert not mixing.verify(tmp_path / "corpus", roots=places, workers=0).differences
    again = mixing.mix(tmp_path / "corpus", tmp_path / "again", roots=places, workers=0)
    assert again.corpus_hash == Manifest.read(tmp_path / "corpus").corpus_hash
    read, rendered = (Corpus(tmp_path / "corpus", on_the_fly=fly, roots=places) for fly in (False, True))
    for one, other in zip(read, rendered, strict=True):
        np.testing.assert_array_equal(one.mixture, other.mixture)
    with pytest.raises(UsageError, match="are those of a list"):
        rendered.set_epoch(1)


def test_rows_whose_recordings_are_missing_are_counted_and_named(places, tmp_path):
    there = librimix.make(tmp_path / "part")
    for number in (15, 16, 17):
        (there["librispeech"] / f"test-clean/{number}/7/{number}-7-0000.flac").unlink()
    catalogs = librimix.index(tmp_path, there)
    words = r"2 of the 4 mixtures of `test` lack 3 recordings: test-clean/15/7/15-7-0000\.flac"
    with pytest.raises(RecipeError, match=words) as caught:
        made("libri2mix-16k-min-clean", places, catalogs, tmp_path / "corpus")
    assert "--leave-out" in caught.value.hint
    said = []
    manifest = made("libri2mix-16k-min-clean", places, catalogs, tmp_path / "corpus", leave_out=True, say=said.append)
    assert len(manifest) == 2
    assert any("2 of the 4 mixtures" in line for line in said)
    assert "2 of the 4 mixtures" in manifest.metadata["left_out"][0]


def test_a_part_of_a_split_is_the_beginning_of_its_list(places, catalogs, tmp_path):
    whole = made("libri2mix-16k-min-clean", places, catalogs, tmp_path / "whole", plan_only=True)
    few = made("libri2mix-16k-min-clean", places, catalogs, tmp_path / "few", plan_only=True, mixtures={"test": 2})
    assert list(few) == list(whole)[:2]


def rows_of(places):
    with librimix.list_path(places["librimix"].parent, 2).open() as file:
        return [line.strip().split(",") for line in file][1:]


BAD_LISTS = {
    "another version": (lambda rows: (rows[:3], None), RecipeError, "has 3 mixtures, the recipe says 4"),
    "more": (lambda rows: ([*rows, ["x", *rows[0][1:]]], None), RecipeError, "has 5 mixtures, the recipe says 4"),
    "twice": (lambda rows: ([*rows[:3], rows[0]], None), TableError, "has a second `10-7-0000_11-7-0000`"),
    "cut off": (lambda rows: ([*rows[:3], rows[3][:4]], None), TableError, "row 5: is cut off"),
    "no number": (lambda rows: ([[*rows[0][:2], "loud", *rows[0][3:]], *rows[1:]], None), TableError, "row 2: is cut off"),
    "not a gain": (lambda rows: ([[*rows[0][:2], "-1", *rows[0][3:]], *rows[1:]], None), TableError, "gains above 0"),
    "infinite": (lambda rows: ([[*rows[0][:2], "inf", *rows[0][3:]], *rows[1:]], None), TableError, "gains above 0"),
    "other columns": (lambda rows: (rows, ["id", *"abcdef"]), TableError, "is no list of LibriMix"),
    "one talker": (
        lambda rows: ([[one[0], *one[3:]] for one in rows], ["mixture_ID", "source_1_path", "source_1_gain", "noise_path", "noise_gain"]),
        TableError, "has 1 talkers, the recipe asks for speaker1, speaker2",
    ),
    "empty": (lambda rows: ([], None), RecipeError, "has 0 mixtures"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD_LISTS)
def test_a_list_that_is_not_the_recipes_is_refused(places, catalogs, tmp_path, fault):
    change, kind, words = BAD_LISTS[fault]
    rows, header = change(rows_of(places))
    librimix.write_list(tmp_path, 2, rows, header)
    with pytest.raises(kind, match=words) as caught:
        made("libri2mix-16k-min-clean", {"librimix": tmp_path / "lists"}, catalogs, tmp_path / "corpus")
    assert caught.value.hint
    assert not (tmp_path / "corpus").exists()


def test_a_list_that_is_not_there_or_of_another_hash_is_refused(places, catalogs, tmp_path):
    with pytest.raises(PlaceError, match="is not there") as caught:
        made("libri2mix-16k-min-clean", {"librimix": tmp_path}, catalogs, tmp_path / "corpus")
    assert "sepbench fetch librimix" in caught.value.hint
    hashed = librimix.small("libri2mix-16k-min-clean").model_dump(exclude_defaults=True)
    hashed["listed"]["sha256"] = {"metadata/Libri2Mix/libri2mix_test-clean.csv": "0" * 64}
    with pytest.raises(TableError, match="another version than that of the recipe"):
        mixing.mix(recipe.parse(hashed), tmp_path / "corpus", catalogs=catalogs, roots=places, workers=0)


def test_what_only_drawing_has_is_refused(places, catalogs, tmp_path):
    with pytest.raises(UsageError, match="takes no seed"):
        made("libri2mix-16k-min-clean", places, catalogs, tmp_path / "corpus", seed=1)
    with pytest.raises(UsageError, match="is drawn"):
        mixing.mix("speech-demo", tmp_path / "corpus", leave_out=True)
    content = librimix.small("libri2mix-16k-min-clean").model_dump(exclude_defaults=True)
    content["levels"]["snr_db"] = 5
    with pytest.raises(RecipeError, match="mixtures of a list have its levels"):
        recipe.parse(content)
    del content["levels"]
    content["sources"][1]["offset_s"] = 2
    with pytest.raises(RecipeError, match="mixtures of a list take no `offset_s`"):
        recipe.parse(content)


def test_an_unknown_kind_of_list_is_refused_with_the_nearest(places, catalogs, tmp_path):
    content = librimix.small("libri2mix-16k-min-clean").model_dump(exclude_defaults=True)
    content["listed"]["format"] = "librimx"
    with pytest.raises(RecipeError, match="unknown kind of list `librimx`") as caught:
        mixing.mix(recipe.parse(content), tmp_path / "corpus", catalogs=catalogs, roots=places, workers=0)
    assert "librimix" in caught.value.hint


def test_the_command_makes_a_listed_corpus(places, catalogs, tmp_path, capsys):
    words = [word for name, path in catalogs.items() for word in ("--catalog", f"{name}={path}")]
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\nversion = 1\nsample_rate = 16000\nlength = "min"\nsplits = { test = 4 }\n'
        '[listed]\nformat = "librimix"\nset = "librimix"\nfiles = { test = ["metadata/Libri2Mix/libri2mix_test-clean.csv"] }\n'
        '[[sources]]\nname = "speaker1"\nrole = "target"\nset = "librispeech"\n'
    )
    assert main(["mix", str(path), "--out", str(tmp_path / "corpus"), *words, "--root", f"librimix={places['librimix']}", "--workers", "0"]) == 0  # fmt: skip
    assert "4 mixtures" in capsys.readouterr().out


# pairs


@pytest.fixture(scope="module")
def voicebank(tmp_path_factory):
    root = tmp_path_factory.mktemp("voicebank")
    for subset, names in (
        ("trainset_28spk", ("p226_001", "p227_001", "p227_002")),
        ("testset", ("p232_001", "p257_001")),
    ):
        for name in names:
            trees.audio(root, f"clean_{subset}_wav/{name}.wav", sample_rate=48000)
            trees.audio(root, f"noisy_{subset}_wav/{name}.wav", sample_rate=48000)
    path = root / "catalog.parquet"
    catalog.index("voicebank-demand", root, path, workers=0)
    return root, path


def pairs_recipe(name, **counts):
    content = recipe.load(name).model_dump(exclude_defaults=True) | {"splits": counts}
    for source in content["sources"]:
        source["groups"] = {"train": ["p227"], "valid": ["p226"], "test": ["p232", "p257"]}
    return recipe.parse(content)


def test_published_pairs_are_the_recordings_themselves(voicebank, tmp_path):
    root, path = voicebank
    chosen = pairs_recipe("voicebank-demand-48k", train=2, valid=1, test=2)
    manifest = mixing.mix(chosen, tmp_path / "corpus", catalogs={"voicebank-demand": path}, workers=0)
    assert [(row["split"], row["mixture_id"]) for row in manifest] == [
        ("train", "p227_001"), ("train", "p227_002"), ("valid", "p226_001"), ("test", "p232_001"), ("test", "p257_001"),
    ]  # fmt: skip
    for row in manifest:
        subset = "testset" if row["split"] == "test" else "trainset_28spk"
        for stem, kind in (("mixture", "noisy"), ("speech", "clean")):
            published = read_pcm(root / f"{kind}_{subset}_wav" / f"{row['mixture_id']}.wav").samples[0]
            np.testing.assert_array_equal(samples(tmp_path / "corpus", row, stem), published)
        assert row["proof"]["float_stages"] == []
    assert not mixing.verify(tmp_path / "corpus", roots={"voicebank-demand": root}, workers=0).differences


def test_at_16_khz_the_mixture_is_the_resampled_noisy_recording_within_a_step(voicebank, tmp_path):
    from sepbench.resample import resample

    root, path = voicebank
    chosen = pairs_recipe("voicebank-demand-16k", test=2)
    for row in mixing.mix(chosen, tmp_path / "corpus", catalogs={"voicebank-demand": path}, workers=0):
        noisy = read_pcm(root / "noisy_testset_wav" / f"{row['mixture_id']}.wav")
        wanted = resample(noisy.at_24_bits(), 48000, 16000)[0] / 256
        assert np.abs(samples(tmp_path / "corpus", row, "mixture") - wanted).max() <= 1  # two stems, half a step each


def test_another_number_of_pairs_is_refused(voicebank, tmp_path):
    _, path = voicebank
    with pytest.raises(RecipeError, match="split `test`: the list has 2 mixtures, the recipe says 824"):
        mixing.mix(
            pairs_recipe("voicebank-demand-16k", test=824), tmp_path / "corpus", catalogs={"voicebank-demand": path}
        )


# the lists themselves


@pytest.mark.real_sets
@pytest.mark.parametrize("talkers", [2, 3])
def test_the_published_lists_are_those_of_the_recipes(test_sets, tmp_path, talkers):
    """Catalogs made of LibriMix's own tables of lengths stand for the recordings: all 3,000 rows are planned from them."""
    metadata = test_sets / "librimix" / "metadata"
    catalogs = {
        name: table_of_lengths(metadata / path, name, tmp_path)
        for name, path in (("librispeech", "LibriSpeech/test-clean.csv"), ("wham-noise", "Wham_noise/test.csv"))
    }
    rows_of_both = [one for table in catalogs.values() for one in table.to_pylist()]
    lengths = {one["item"]: one["frames"] for one in rows_of_both}
    for rate, mode in ((8000, "min"), (16000, "max")):
        whole = recipe.load(f"libri{talkers}mix-{rate // 1000}k-{mode}-both").model_dump(exclude_defaults=True)
        chosen = recipe.parse(whole | {"splits": {"test": 3000}})
        rows = list(Listed(chosen, catalogs, {"librimix": test_sets / "librimix"}))
        assert len(rows) == 3000
        for row in rows:
            speech = [lengths[source["item"]] for source in row["sources"] if source["role"] == "target"]
            assert len(speech) == talkers
            assert row["frames"] == (min if mode == "min" else max)(-(-frames * rate // 16000) for frames in speech)
            assert row["mixture_id"] == "_".join(one["item"].rpartition("/")[2] for one in row["sources"][:talkers])


def table_of_lengths(path, name, folder):
    """Make a catalog of a table of LibriMix: its items and lengths, and hashes that stand for nothing."""
    with path.open() as file:
        listed = [(row["origin_path"], int(row["length"])) for row in csv.DictReader(file)]
    some = trees.audio(folder, f"{name}/a.wav")
    catalog.index("folder", some.parent, folder / f"{name}.parquet", workers=0)
    like = catalog.read(folder / f"{name}.parquet").to_pylist()[0]
    rows = [
        like
        | {
            "item": f"{where.split('/')[0]}/{where.rpartition('/')[2].rpartition('.')[0]}",
            "path": where,
            "frames": frames,
        }
        for where, frames in listed
    ]
    return pa.Table.from_pylist(rows, catalog.SCHEMA)


@pytest.mark.real_sets
def test_real_recordings_come_out_as_from_the_script(test_sets, tmp_path):
    """Talkers of LibriSpeech, and long recordings of noise cut to the lengths of short ones."""
    speech = sorted((test_sets / "LibriSpeech").glob("train-clean-100/*/*/*.flac"))[:8]
    noises = sorted((test_sets / "speech_commands_v0.02" / "_background_noise_").glob("*.wav"))
    places = librimix.make_of(tmp_path / "real", speech, noises[0])
    catalogs = librimix.index(tmp_path, places)
    for mode, rate in (("min", 16000), ("max", 8000)):
        script = librimix.by_script(places, 2, rate, mode, tmp_path)
        name = f"libri2mix-{rate // 1000}k-{mode}-both-faithful"
        for row in made(name, places, catalogs, tmp_path / name):
            np.testing.assert_array_equal(
                samples(tmp_path / name, row, "mixture"), script[row["mixture_id"]]["mix_both"]
            )
