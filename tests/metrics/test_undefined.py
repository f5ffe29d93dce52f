"""One test per line of the table of values that do not exist."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sepbench import metrics
from sepbench.errors import SignalError
from sepbench.metrics.metric import SATURATED_DB, Score, decibels, matched, together, undefined

V4 = ("sdr_v4", "isr_v4_512", "sir_v4_512", "sar_v4_512")
DECIBEL_IDS = ("snr", "sa_sdr", "sd_sdr", "si_sdr", "si_sdr_zero_mean", "sdr_v3_512", "sir_v3_512", "sar_v3_512", *V4)
LEVEL_FREE = (
    "si_sdr",
    "si_sdr_zero_mean",
    "sdr_v3_512",
    "sir_v3_512",
    "sar_v3_512",
    "stoi",
    "estoi",
    "pesq_wb",
    "pesq_nb",
)
ALL = ("snr", "sa_sdr", "sd_sdr", *LEVEL_FREE, *V4)


@pytest.fixture
def scores(speech_like, noise):
    """Score with every metric, and give the `Score` of each id."""
    pytest.importorskip("pesq")

    def score(change, *, seconds=1.0, references=None, sample_rate=16000):
        speech = speech_like(seconds)
        others = {"noise": 0.1 * noise(len(speech))} if references is None else references
        sources = {"speech": speech, **others}
        mixture = speech + 0.1 * noise(len(speech), seed=1)
        sources, estimate = change({name: s.copy() for name, s in sources.items()}, mixture)
        named = {name: s[None] for name, s in sources.items()}
        found = {}
        for metric in metrics.load():
            found |= metric.score(named, {"speech": estimate[None]}, sample_rate)["speech"]
        return found

    return score


def statuses(found, ids=ALL):
    return {found[name].status for name in ids}


def test_two_sound_signals_have_every_value(scores):
    found = scores(lambda sources, mixture: (sources, mixture))
    assert statuses(found) == {"ok"}
    assert all(isinstance(found[name].value, float) and found[name].reason is None for name in ALL)


def test_silent_reference_is_undefined_for_every_metric(scores):
    found = scores(lambda sources, mixture: ({**sources, "speech": 0 * mixture}, mixture))
    assert statuses(found) == {"silent_reference"}
    assert all(found[name].value is None for name in ALL)


def test_silent_estimate_has_zero_decibel_of_snr(scores):
    found = scores(lambda sources, mixture: (sources, 0 * mixture))
    assert found["snr"] == found["sa_sdr"] == found["sdr_v4"] == Score(0.0)
    assert statuses(found, V4[1:]) == {"silent_estimate"}


def test_silent_estimate_has_no_other_value(scores):
    assert statuses(scores(lambda sources, mixture: (sources, 0 * mixture)), LEVEL_FREE) == {"silent_estimate"}


def test_both_silent_is_the_fault_of_the_reference(scores):
    found = scores(lambda sources, mixture: ({**sources, "speech": 0 * mixture}, 0 * mixture))
    assert statuses(found) == {"silent_reference"}


def test_perfect_estimate_is_saturated(scores):
    found = scores(lambda sources, mixture: (sources, sources["speech"]))
    assert statuses(found, DECIBEL_IDS) == {"saturated_high"}
    assert all(found[name].value is None for name in DECIBEL_IDS)
    assert statuses(found, ("stoi", "estoi", "pesq_wb", "pesq_nb")) == {"ok"}


def test_gain_alone_saturates_what_does_not_hear_it(scores):
    found = scores(lambda sources, mixture: (sources, -3 * sources["speech"]))
    assert found["snr"].value == pytest.approx(-20 * np.log10(4), abs=1e-9)
    assert statuses(found, ("si_sdr", "sdr_v3_512")) == {"saturated_high"}


def test_one_source_has_no_sir_but_sdr_and_sar(scores):
    found = scores(lambda sources, mixture: (sources, mixture), references={})
    assert found["sir_v3_512"] == Score(None, "no_interferer")
    assert statuses(found, ("sdr_v3_512", "sar_v3_512")) == {"ok"}


def test_silent_interferer_is_no_interferer(scores):
    found = scores(lambda sources, mixture: ({**sources, "noise": 0 * mixture}, mixture))
    assert found["sir_v3_512"] == Score(None, "no_interferer")
    assert statuses(found, ("sdr_v3_512", "sar_v3_512")) == {"ok"}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_sample_that_is_not_finite_leaves_no_value(scores, value):
    def broken(sources, mixture):
        mixture[100] = value
        return sources, mixture

    found = scores(broken)
    assert statuses(found) == {"nonfinite_estimate"}
    assert found["snr"].reason == "1 of 16000 samples are NaN or infinity"


def test_broken_reference_is_no_fault_of_the_separator(scores):
    def broken(sources, mixture):
        sources["speech"][0] = np.nan
        return sources, mixture

    assert statuses(scores(broken)) == {"metric_failed"}


@pytest.mark.parametrize("seconds", [0.05, 0.24])
def test_less_than_a_quarter_of_a_second_is_too_short_for_pesq_and_stoi(scores, seconds):
    found = scores(lambda sources, mixture: (sources, mixture), seconds=seconds)
    assert statuses(found, ("pesq_wb", "pesq_nb", "stoi", "estoi")) == {"too_short"}
    assert statuses(found, DECIBEL_IDS) == {"ok"}


def test_less_than_thirty_frames_is_too_short_for_stoi_alone(scores):
    found = scores(lambda sources, mixture: (sources, mixture), seconds=0.39)
    assert statuses(found, ("stoi", "estoi")) == {"too_short"}
    assert "too_short" not in statuses(found, ("pesq_wb", "pesq_nb"))


def test_a_burst_of_fifty_milliseconds_is_no_utterance(scores, noise):
    def burst(sources, mixture):
        sources["speech"][:] = 0
        sources["speech"][8000:8800] = 0.1 * noise(800)
        return sources, mixture

    assert statuses(scores(burst), ("pesq_wb", "pesq_nb")) == {"no_utterance"}


def test_more_than_five_minutes_is_out_of_range_for_pesq():
    speech = np.sin(np.arange(301 * 8000))[None]
    found = metrics.load(["pesq_nb"])[0].score({"speech": speech}, {"speech": speech}, 8000)
    assert found["speech"]["pesq_nb"].status == "out_of_range"


def test_one_sample_is_scored_or_undefined_but_never_an_error(scores):
    found = scores(lambda sources, mixture: ({"speech": np.ones(1)}, np.full(1, 0.5)))
    assert found["snr"].value == pytest.approx(20 * np.log10(2), abs=1e-12)
    assert found["stoi"].status == found["pesq_wb"].status == "too_short"


def test_orthogonal_estimate_is_as_bad_as_silence():
    reference, estimate = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    found = metrics.load(["si_sdr"])[0].score({"a": reference}, {"a": estimate}, 16000)["a"]["si_sdr"]
    assert found.status == "saturated_low"


def test_decibels_saturate_above_one_hundred():
    assert decibels(SATURATED_DB) == Score(100.0)
    assert decibels(np.nextafter(SATURATED_DB, 200)) == Score(None, "saturated_high")
    assert decibels(-250.0) == Score(-250.0)


def test_snr_pools_the_energy_of_the_channels():
    reference, estimate = np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[3.0, 3.0], [2.0, 0.0]])
    found = metrics.load(["snr"])[0].score({"a": reference}, {"a": estimate}, 16000)["a"]
    assert found == {"snr": Score(pytest.approx(10 * np.log10(25 / 5), abs=1e-12))}


def test_other_metrics_take_the_mean_over_channels_and_say_so(noise):
    reference, error = noise(2, 2, 1000)
    found = metrics.load(["si_sdr"])[0].score({"a": reference}, {"a": reference + error}, 16000)["a"]
    mean = metrics.si_sdr(reference, reference + error).mean()
    assert found == {"si_sdr:channel-mean": Score(pytest.approx(mean, abs=1e-12))}


def test_one_undefined_channel_leaves_the_whole_undefined_and_is_named(noise):
    reference = noise(2, 1000)
    estimate = np.stack([reference[0] + 1, 0 * reference[1]])
    found = metrics.load(["si_sdr"])[0].score({"a": reference}, {"a": estimate}, 16000)["a"]
    assert found == {"si_sdr:channel-mean": Score(None, "silent_estimate", "channel 2 of 2")}


def test_what_a_channel_mean_lacks_does_not_depend_on_the_order_of_channels():
    faults = ["metric_failed", "silent_reference", "silent_estimate", "saturated_low", "saturated_high"]
    for heavy, light in pairwise(faults):
        channels = [Score(None, light), Score(1.0), Score(None, heavy)]
        assert together(channels).status == together(channels[::-1]).status == heavy


@pytest.mark.parametrize("constant", [0.1, 0.5, -3.0])
def test_a_constant_is_silent_without_its_mean(noise, constant):
    (metric,) = metrics.load(["si_sdr_zero_mean"])
    sound, flat = noise(1, 16000), np.full((1, 16000), constant)
    assert metric.score({"s": sound}, {"s": flat}, 16000)["s"]["si_sdr_zero_mean"].status == "silent_estimate"
    assert metric.score({"s": flat}, {"s": sound}, 16000)["s"]["si_sdr_zero_mean"].status == "silent_reference"


def test_what_no_whole_frame_hears_has_no_distance(noise):
    (metric,) = metrics.load(["lsd"])
    late = np.zeros((1, 16000))
    late[0, -100:] = 0.5
    for estimate in (noise(1, 16000), late):
        assert metric.score({"s": late}, {"s": estimate}, 16000)["s"]["lsd"].status == "too_short"


@pytest.mark.parametrize("rate", [0, 10, np.nan, np.inf, "16000", None])
@pytest.mark.parametrize("name", ["lsd", "seg_snr", "fw_seg_snr", "loudness"])
def test_a_rate_that_is_none_is_refused(noise, name, rate):
    signal = noise(1, 4000)
    with pytest.raises(SignalError, match="sample rate"):
        getattr(metrics, name)(*([signal] if name == "loudness" else [signal, signal]), rate)


def test_the_reason_of_a_channel_is_kept():
    broken = Score(None, "nonfinite_estimate", "3 of 9 samples")
    assert together([broken]) == broken
    assert together([Score(1.0), broken]).reason == "channel 2 of 2: 3 of 9 samples"
    assert together([Score(1.0), Score(2.0)]) == Score(1.5)


def test_the_corpus_is_blamed_before_the_separator():
    silent, broken = np.zeros(4), np.full(4, np.nan)
    assert undefined(silent, broken).status == "silent_reference"
    assert undefined(np.ones(4), silent, silence_is_defined=True) is None


def test_an_estimate_without_reference_is_refused():
    with pytest.raises(SignalError, match="no reference for the estimate `vocal`") as caught:
        matched({"vocals": np.ones((1, 4))}, "vocal", np.ones((1, 4)), where="snr")
    assert "did you mean `vocals`?" in caught.value.hint


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("name", ["snr", "si_sdr", "sa_sdr", "stoi", "estoi", "bss_eval_sources", "bss_eval_images"])
def test_frames_as_libraries_for_files_give_them_are_refused(noise, name, channels):
    frames = noise(2, 1000, channels) if name == "bss_eval_images" else noise(1000, channels)
    rate = (16000,) if "stoi" in name else ()
    with pytest.raises(SignalError, match=rf"got \({'2, ' if frames.ndim == 3 else ''}1000, {channels}\)") as caught:
        getattr(metrics, name)(frames, frames, *rate)
    assert "(time, channel)" in caught.value.hint


def test_the_scorer_takes_channel_and_time():
    with pytest.raises(SignalError, match=r"\(channel, time\)"):
        matched({"a": np.ones(4)}, "a", np.ones(4), where="snr")


LATER = ("seg_snr", "fw_seg_snr", "lsd", "csig_wb", "cbak_wb", "covl_wb", "level_difference", "loudness_difference")


def test_sound_signals_have_every_other_value_too(scores):
    assert statuses(scores(lambda sources, mixture: (sources, mixture)), LATER) == {"ok"}


def test_silence_in_either_has_no_other_value(scores):
    silent = scores(lambda sources, mixture: ({**sources, "speech": 0 * mixture}, mixture))
    assert statuses(silent, LATER) == {"silent_reference"}
    assert statuses(scores(lambda sources, mixture: (sources, 0 * mixture)), LATER) == {"silent_estimate"}


def test_nan_leaves_no_other_value(scores):
    def broken(sources, mixture):
        mixture[100] = np.nan
        return sources, mixture

    assert statuses(scores(broken), (*LATER, "pes", "eps", "loudness")) == {"nonfinite_estimate"}


def test_of_what_needs_a_reference_only_the_energy_at_silence_is_defined_where_it_is_silent(scores):
    found = scores(lambda sources, mixture: ({**sources, "speech": 0 * mixture}, mixture))
    needy = {name for metric in metrics.load() if metric.needs_reference for name in metric.ids}
    assert {name for name, score in found.items() if score.status == "ok" and name in needy} == {"pes"}


def test_a_rate_may_be_a_float_that_is_whole(speech_like, noise):
    pair = speech_like(1.0), speech_like(1.0) + 0.01 * noise(16000)
    for name in ("seg_snr", "fw_seg_snr", "lsd", "llr", "wss"):
        measure = getattr(metrics, name)
        assert float(measure(*pair, 16000.0)) == float(measure(*pair, 16000))
