import numpy as np
import pytest
from tones import FakeCorpus, example

from sepbench.draws import draws_for
from sepbench.errors import SilentSignalError, UsageError
from sepbench.models.config import read_config
from sepbench.training.augment import coloured, played
from sepbench.training.batches import batches, make_batch
from sepbench.training.pack import Pack


@pytest.fixture
def config(folder):
    return read_config(folder)


def changed(config, **values):
    return config.model_copy(update={"training": config.training.model_copy(update=values)})


def level_db(signal):
    return 10 * np.log10(np.square(signal, dtype=np.float64).mean(-1))


@pytest.fixture
def pack(corpora):
    return Pack(corpora["train"], ["speech"])


def test_a_pack_holds_each_target_and_the_sum_of_the_rest(corpora):
    pack = Pack(corpora["train"], ["speech"])
    sources = corpora["train"][1].sources
    np.testing.assert_array_equal(pack.stems[0][1] / 32768, sources["speech"][0])
    np.testing.assert_array_equal(pack.stems[1][1] / 32768, (sources["noise"] + sources["hum"])[0])


@pytest.mark.parametrize(("bits", "kind"), [(16, np.int16), (24, np.float32)])
def test_16_bit_samples_stay_16_bit_and_others_stay_what_they_are(bits, kind):
    corpus = FakeCorpus([example(0, "train", bits=bits)])
    stem = Pack(corpus, ["speech"]).stems[0][0]
    assert stem.dtype == kind
    scale = 32768 if kind == np.int16 else 1
    np.testing.assert_array_equal(stem / np.float32(scale), corpus[0].sources["speech"][0])


def test_each_channel_is_a_signal_of_its_own():
    corpus = FakeCorpus([example(0, "train", channels=2), example(1, "train")])
    assert [len(stems) for stems in Pack(corpus, ["speech"]).stems] == [3, 3]


def test_targets_that_add_up_to_the_mixture_leave_no_rest(corpora):
    assert len(Pack(corpora["train"], ["speech", "noise", "hum"]).stems) == 3


def test_a_corpus_of_nothing_but_the_target_is_refused(corpora):
    for one in corpora["train"]:
        one.sources = {"speech": one.sources["speech"]}
    with pytest.raises(UsageError, match="holds nothing but `speech`"):
        Pack(corpora["train"], ["speech"])


def test_a_target_that_the_corpus_lacks_is_named(corpora):
    with pytest.raises(UsageError, match="has no source `speach`") as caught:
        Pack(corpora["train"], ["speach"])
    assert "did you mean `speech`" in caught.value.hint


def test_a_silent_target_is_refused(corpora):
    for one in corpora["train"]:
        one.sources["speech"] = 0 * one.sources["speech"]
    with pytest.raises(SilentSignalError, match="every `speech`"):
        Pack(corpora["train"], ["speech"])


def test_a_batch_depends_on_the_seed_and_the_step_alone(pack, config):
    first, again = make_batch(pack, config, 3, 17), make_batch(pack, config, 3, 17)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    for seed, step in ((3, 18), (4, 17)):
        assert not np.array_equal(first.mixtures, make_batch(pack, config, seed, step).mixtures)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_neither_the_batches_nor_their_order(pack, config, workers):
    plain = list(batches(pack, config, 0, range(5, 15)))
    threaded = list(batches(pack, config, 0, range(5, 15), workers=workers))
    assert [step for step, _ in threaded] == list(range(5, 15))
    for (_, one), (_, two) in zip(plain, threaded, strict=True):
        np.testing.assert_array_equal(one.mixtures, two.mixtures)
        np.testing.assert_array_equal(one.targets, two.targets)


def test_batches_have_the_shapes_that_the_description_asks_for(pack, config):
    batch = make_batch(pack, changed(config, batch_size=3, segment_s=0.2), 0, 0)
    assert batch.mixtures.shape == (3, 1600)
    assert batch.targets.shape == (3, 1, 1600)
    assert batch.mixtures.dtype == batch.targets.dtype == np.float32


@pytest.mark.parametrize("options", [{}, {"colour": 0.375, "speed": 0.2, "second_noise": 1.0}])
def test_the_ratio_of_target_and_rest_is_the_one_that_was_drawn(pack, config, options):
    batch = make_batch(pack, changed(config, snr_db=(7.0, 7.0), batch_size=8, **options), 0, 0)
    rest = batch.mixtures - batch.targets.sum(1)
    # float32 samples, gains and sums
    np.testing.assert_allclose(level_db(batch.targets[:, 0]) - level_db(rest), 7, atol=1e-3)


def test_ratios_and_gains_stay_within_their_limits_and_vary(pack, config):
    loud = make_batch(pack, changed(config, gain_db=(0.0, 0.0), batch_size=40), 0, 0)
    batch = make_batch(pack, changed(config, gain_db=(-6.0, 6.0), batch_size=40), 0, 0)
    gains = level_db(batch.targets[:, 0]) - level_db(loud.targets[:, 0])
    ratios = level_db(batch.targets[:, 0]) - level_db(batch.mixtures - batch.targets[:, 0])
    for values, low, high in ((gains, -6, 6), (ratios, -5, 15)):
        assert low - 1e-3 <= values.min() < values.max() <= high + 1e-3
        assert np.ptp(values) > (high - low) / 2


def test_several_targets_come_from_mixtures_of_their_own(corpora, folder):
    text = (folder / "config.toml").read_text().replace('["speech"]', '["speech", "hum"]')
    (folder / "config.toml").write_text(text)
    config = read_config(folder)
    batch = make_batch(Pack(corpora["train"], config.targets), config, 0, 0)
    assert batch.targets.shape == (2, 2, 800)


def test_a_signal_shorter_than_the_segment_lies_within_silence(config):
    corpus = FakeCorpus([example(0, "train", seconds=0.05)])
    batch = make_batch(Pack(corpus, ["speech"]), changed(config, segment_s=0.2), 0, 0)
    heard = np.flatnonzero(batch.targets[0, 0])
    assert 0 < np.ptp(heard) < 400


def test_segments_are_not_silent_where_most_of_a_signal_is(config):
    one = example(0, "train", seconds=2)
    one.sources["speech"] = one.sources["speech"].copy()
    one.sources["speech"][:, 1600:] = 0
    pack = Pack(FakeCorpus([one]), ["speech"])
    for step in range(10):
        assert (make_batch(pack, config, 0, step).targets[:, 0] != 0).any(-1).all()


def test_a_signal_with_hardly_a_sound_is_refused_in_the_end(config):
    one = example(0, "train", seconds=2)
    one.sources["speech"] = np.zeros_like(one.sources["speech"])
    one.sources["speech"][0, -1] = 0.5
    one.sources["speech"][0, 0] = 0.5
    pack = Pack(FakeCorpus([one]), ["speech"])
    with pytest.raises(SilentSignalError, match="segments in a row were silent"):
        make_batch(pack, changed(config, batch_size=400), 0, 0)


def draws(item):
    return draws_for("test", 1, 0, "train", str(item), "augment")


def test_colour_changes_levels_by_less_than_its_limit_and_no_colour_nothing():
    signal = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    np.testing.assert_array_equal(coloured(signal, draws(0), 0.0), signal)
    spectra = [
        np.abs(np.fft.rfft(coloured(np.eye(1, 512, dtype=np.float32)[0], draws(item), 0.375))) for item in range(9)
    ]
    # 1 - 2 · 0.375 and 1 + 2 · 0.375, in float32
    assert 0.25 - 1e-6 <= np.min(spectra) < np.max(spectra) <= 1.75 + 1e-6
    assert np.ptp([spectrum[0] for spectrum in spectra]) > 0.3


def test_speed_moves_the_pitch_by_less_than_its_limit_and_no_speed_nothing():
    time = np.arange(5000) / 8000
    tone = np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    np.testing.assert_array_equal(played(tone, 4000, draws(0), 0.0), tone[:4000])
    peaks = [np.abs(np.fft.rfft(played(tone, 4000, draws(item), 0.2))).argmax() * 2 for item in range(20)]
    assert 799 <= min(peaks) < 900 < 1100 < max(peaks) <= 1201
