"""A room is a convolution whose direct sound does not move; its parts are the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench.audio import read_pcm
from sepbench.errors import SignalError, SilentSignalError
from sepbench.transforms.room import direct_sound, room

RATE = 16000


def response(seed=0, channels=1, direct=120, frames=4000):
    """Make noise that decays by 60 dB in 0.2 s, after a direct sound with precursors."""
    draws = np.random.default_rng(seed)
    tail = 0.3 * draws.standard_normal((channels, frames)) * 10 ** (-3 * np.arange(frames) / (0.2 * RATE))
    made = np.zeros((channels, direct + frames))
    made[:, direct:] = tail
    made[:, direct - 4 : direct + 1] = [0.05, -0.1, 0.15, -0.3, 1.5]
    return made


def heard(samples, impulse_response, part="all", early_ms=50.0, response_gain="none"):
    return room(
        samples, RATE, impulse_response=impulse_response, part=part, early_ms=early_ms, response_gain=response_gain
    )


@given(
    seed=st.integers(0, 99),
    frames=st.integers(1, 9000),
    early_ms=st.floats(0, 500),
    gain=st.sampled_from(["none", "energy", "direct"]),
    channels=st.sampled_from([(1, 1), (2, 1), (2, 2)]),
)
def test_early_and_late_are_the_whole(seed, frames, early_ms, gain, channels):
    samples = np.random.default_rng(seed).standard_normal((channels[0], frames))
    whole, early, late = (
        heard(samples, response(seed, channels[1]), part, early_ms, gain) for part in ("all", "early", "late")
    )
    np.testing.assert_allclose(early + late, whole, atol=1e-12 * max(1, np.abs(whole).max()))


def test_it_is_the_convolution_from_the_direct_sound_on(speech):
    samples, impulse_response = speech[:, :3000], response()
    direct = np.convolve(samples[0], impulse_response[0])[120 : 120 + 3000]
    np.testing.assert_allclose(heard(samples, impulse_response)[0], direct, atol=1e-12)


@pytest.mark.parametrize("direct", [4, 120, 3999])
def test_the_signal_does_not_move(lag, direct):
    samples = np.random.default_rng(0).standard_normal((1, 20000))
    for part in ("all", "early"):
        assert lag(samples, heard(samples, response(direct=direct), part)) == 0


@pytest.mark.parametrize("early_ms", [0.0, 10.0, 50.0])
def test_the_early_part_ends_when_it_is_asked_to(early_ms):
    click, edge = np.eye(1, 5000), round(early_ms / 1000 * RATE) + 1
    early, late = (heard(click, response(), part, early_ms)[0] for part in ("early", "late"))
    assert np.abs(early[edge:]).max() < 1e-12 < np.abs(early[edge - 1])
    assert np.abs(late[:edge]).max(initial=0) < 1e-12 < np.abs(late[edge])


def test_a_response_that_ends_with_its_direct_sound_is_no_exception():
    samples = np.arange(1.0, 6.0)[None]
    np.testing.assert_allclose(heard(samples, np.array([[0.0, 0.0, 0.5]])), samples / 2, atol=1e-15)
    assert not heard(samples, np.array([[0.0, 0.0, 0.5]]), "late").any()


def test_gains_are_what_their_definition_says():
    noise = np.random.default_rng(1).standard_normal((2, 50000))
    for channels in (1, 2):
        impulse_response = response(channels=channels)
        level = np.square(heard(noise, impulse_response, response_gain="energy")[:, 4000:]).mean()
        assert 10 * np.log10(level / np.square(noise).mean()) == pytest.approx(0, abs=0.3)
        assert heard(np.eye(2, 9) + np.eye(2, 9, -1), impulse_response, response_gain="direct")[0, 0] == pytest.approx(
            1
        )


@given(gain=st.floats(1e-3, 1e3))
def test_with_a_gain_of_its_own_the_level_of_the_response_does_not_matter(gain):
    samples = np.random.default_rng(1).standard_normal((1, 500))
    for kind in ("energy", "direct"):
        np.testing.assert_allclose(
            heard(samples, gain * response(), response_gain=kind),
            heard(samples, response(), response_gain=kind),
            atol=1e-11,
        )


def test_what_lies_between_two_ears_stays():
    ears = np.zeros((2, 50))
    ears[0, 10], ears[1, 14] = 1.0, 0.6
    made = heard(np.eye(2, 20) + np.eye(2, 20, -1), ears)
    assert direct_sound(ears, RATE) == 10
    assert np.argmax(np.abs(made[0])) == 0
    assert np.argmax(np.abs(made[1])) == 4


def test_a_reflection_that_is_louder_than_the_direct_sound_does_not_take_its_place():
    impulse_response = response()
    impulse_response[0, 120 + RATE // 200] = 4.0  # 5 ms later, 8 dB louder
    assert direct_sound(impulse_response, RATE) == 120
    impulse_response[0, 20] = 0.39  # noise before it, more than 20 dB below the maximum
    assert direct_sound(impulse_response, RATE) == 120


def test_channels_that_do_not_fit_are_refused():
    with pytest.raises(SignalError, match="the impulse response has 2 channels, the signal has 1"):
        heard(np.ones((1, 10)), response(channels=2))


def test_a_silent_response_is_refused():
    with pytest.raises(SilentSignalError, match="the impulse response is silent"):
        heard(np.ones((1, 10)), np.zeros((1, 10)))


@pytest.mark.real_sets
def test_little_of_a_real_response_comes_before_its_direct_sound(test_sets):
    found = sorted((test_sets / "RIRs").rglob("*.wav"))
    assert found
    for path in found:
        pcm = read_pcm(path)
        direct = direct_sound(pcm.samples, pcm.sample_rate)
        before = pcm.samples[:, : max(0, direct - pcm.sample_rate // 1000)].astype(float)
        assert np.square(before).sum() < 0.02 * np.square(pcm.samples.astype(float)).sum(), path.name
