"""The rules that `Transform` and `Parameter` hold for all, and what becomes of a stranger who breaks them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench import transforms
from sepbench.errors import MissingExtraError, SignalError, TransformError, UnknownNameError, UsageError
from sepbench.transforms import Parameter, Transform, packages

SAMPLES = np.array([[0.1, -0.2, 0.3]])


def stranger(function, **more):
    parameters = {"gain": Parameter("Gain.", "", 0, 2, 1.0)}
    return Transform("stranger", "Title", "Definition.", "Reference.", parameters, function, lambda: "mine 1.0", **more)


def test_parameters_arrive_by_name_and_in_their_units():
    seen = {}

    def function(samples, sample_rate, **given):
        seen.update(given, sample_rate=sample_rate)
        return samples * given["gain"]

    made = stranger(function).apply(SAMPLES, 16000, {"gain": 1500})
    assert seen == {"gain": 1.5, "sample_rate": 16000}
    np.testing.assert_array_equal(made, SAMPLES * 1.5)


@pytest.mark.parametrize(
    ("function", "came"),
    [
        (lambda samples, rate, gain: samples[:, :-1], r"got float64 \(1, 2\)"),
        (lambda samples, rate, gain: samples[0], r"got float64 \(3,\)"),
        (lambda samples, rate, gain: samples.astype(np.float32), r"got float32 \(1, 3\)"),
        (lambda samples, rate, gain: None, "got NoneType"),
        (lambda samples, rate, gain: samples / np.where(samples > 0, 1.0, np.nan), "NaN or infinity"),
    ],
)
def test_what_breaks_the_contract_is_named(function, came):
    with pytest.raises(TransformError, match=came):
        stranger(function).apply(SAMPLES, 16000, {"gain": 1000})


def test_a_transform_can_not_write_into_what_it_was_given():
    def function(samples, sample_rate, gain):
        samples *= gain
        return samples

    with pytest.raises(ValueError, match="read-only"):
        stranger(function).apply(SAMPLES, 16000, {"gain": 1000})


def test_what_comes_out_is_never_the_input_itself():
    made = stranger(lambda samples, sample_rate, gain: samples).apply(SAMPLES, 16000, {"gain": 1000})
    made[:] = 0
    assert SAMPLES.any()


def test_integers_and_single_precision_are_taken_too():
    same = stranger(lambda samples, sample_rate, gain: samples)
    for samples in (np.array([[1, 2]]), np.array([[0.5, 0.25]], dtype=np.float32)):
        np.testing.assert_array_equal(same.apply(samples, 16000, {"gain": 1000}), samples)


@pytest.mark.parametrize(
    ("parameters", "recordings", "message"),
    [
        ({}, {}, "expected the parameters gain, got none"),
        ({"gain": 1000, "gian": 1}, {}, "expected the parameters gain, got gain, gian"),
        ({"gain": 1000}, {"response": SAMPLES}, r"expected the recordings \[\], got \['response'\]"),
    ],
)
def test_parameters_and_recordings_are_complete(parameters, recordings, message):
    with pytest.raises(UsageError, match=message):
        stranger(lambda samples, sample_rate, gain: samples).apply(SAMPLES, 16000, parameters, recordings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gian": 1.0}, "no parameter `gian`\nhint: did you mean `gain`"),
        ({"gain": 3.0}, "`gain`: expected a number from 0 to 2, got `3.0`"),
        ({"gain": "loud"}, "`gain`: expected a number from 0 to 2, got `loud`"),
        ({"gain": float("nan")}, "`gain`: expected a number from 0 to 2, got `nan`"),
    ],
)
def test_a_plan_beyond_the_range_is_refused(given, message):
    with pytest.raises(UsageError) as refused:
        stranger(lambda samples, sample_rate, gain: samples).planned(**given)
    assert message in str(refused.value)


@pytest.mark.parametrize("value", [2001, -1, 1.5, True, "1000", None, 10**30])
def test_a_row_beyond_the_range_is_refused_too(value):
    with pytest.raises(UsageError, match="`stranger`: `gain`: expected a number from 0 to 2, got"):
        stranger(lambda samples, sample_rate, gain: samples).apply(SAMPLES, 16000, {"gain": value})


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5, "1"])
def test_a_seed_that_no_plan_draws_is_refused(seed):
    with pytest.raises(UsageError, match="`seed`: expected a number from 0 to"):
        transforms.load("packet_loss").planned(seed=seed)


def test_what_has_no_default_is_asked_for():
    with pytest.raises(UsageError, match="`gaussian_noise` needs `seed`: The noise is made from it"):
        transforms.load("gaussian_noise").planned()


@given(value=st.integers(-(2**31), 2**31), per_unit=st.sampled_from([1, 10, 1000, 100_000]))
def test_an_integer_of_the_row_survives_its_unit(value, per_unit):
    parameter = Parameter("Any.", "", -(2.0**31), 2.0**31, per_unit=per_unit)
    assert parameter.planned(parameter.value(value)) == value


@given(frames=st.integers(1, 10**7), rate=st.integers(500, 2000))
def test_frames_needed_are_the_fewest_that_give_those_asked_for(frames, rate):
    stretch = stranger(None, pace=lambda gain: Fraction(str(gain)))
    needed = stretch.frames_needed(frames, {"gain": rate})
    assert stretch.frames_made(needed, {"gain": rate}) >= frames
    assert needed == 1 or stretch.frames_made(needed - 1, {"gain": rate}) < frames


def test_fewer_samples_than_are_needed_are_refused_and_not_padded():
    with pytest.raises(UsageError, match="expected 4 samples, of which 4 come, got 3"):
        stranger(lambda samples, sample_rate, gain: samples).apply(SAMPLES, 16000, {"gain": 1000}, frames=4)


def test_nothing_needs_nothing():
    assert stranger(None).frames_needed(0, {"gain": 1000}) == 0


@pytest.mark.parametrize("samples", [np.zeros(3), np.zeros((1, 0)), np.zeros((1, 2, 3)), np.zeros((0, 3))])
def test_other_shapes_are_refused(samples):
    with pytest.raises(SignalError, match="expected samples of shape"):
        stranger(lambda samples, sample_rate, gain: samples).apply(samples, 16000, {"gain": 1000})


def test_what_is_no_transform_is_refused(monkeypatch):
    monkeypatch.setattr(transforms.shelf, "load", lambda *_: len)
    with pytest.raises(UsageError, match="expected a Transform, got builtin_function_or_method"):
        transforms.load("clip")


def test_a_row_of_a_stranger_names_no_file_to_be_run():
    for address in ("sepbench.transforms.clipping:CLIP", "evil.py:RUN"):
        with pytest.raises(UnknownNameError, match="unknown transform"):
            transforms.load(address)


def test_the_version_of_what_is_not_installed_is_not_made_up():
    with pytest.raises(MissingExtraError, match="`no-such-package` is not installed"):
        packages.made_by("no-such-package")()
