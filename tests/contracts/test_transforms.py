"""What holds for every registered transform, ours or a stranger's."""

from __future__ import annotations

import itertools
import pickle
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sepbench import shelf, transforms
from sepbench.errors import SepbenchError, SignalError, UnknownNameError, UsageError
from sepbench.transforms import Transform

NAMES = shelf.names("transforms")
SEED = 123456789
RATE = 16000
SHORT = 7  # samples: shorter than any frame, packet or filter


@pytest.fixture(params=NAMES)
def transform(request) -> Transform:
    return transforms.load(request.param)


def planned(transform, **given):
    seeds = {key: SEED for key, one in transform.parameters.items() if one.kind == "seed"}
    return transform.planned(**seeds, **given)


def recordings(transform, channels=1):
    response = np.zeros((channels, 400))
    response[:, 30], response[:, 31:] = 1.0, 0.05 * np.random.default_rng(2).standard_normal((channels, 369))
    return {key: response for key, one in transform.parameters.items() if one.kind == "recording"}


def apply(transform, samples, sample_rate=RATE, **given):
    return transform.apply(samples, sample_rate, planned(transform, **given), recordings(transform))


def speech_like(channels=1, frames=8000, seed=1):
    draws = np.random.default_rng(seed)
    envelope = 0.3 * np.sin(np.pi * 2.5 * np.arange(frames) / 8000) ** 2
    return envelope * draws.standard_normal((channels, frames)) / 3


def attempted(transform, samples, sample_rate=RATE, **given):
    """Give what comes out, or the error with which it is refused."""
    try:
        return apply(transform, samples, sample_rate, **given)
    except SepbenchError as error:
        return error


def extremes(transform):
    for key, one in transform.parameters.items():
        if one.kind == "number":
            yield from ({key: one.lowest}, {key: one.highest})
        elif one.kind == "word":
            yield from ({key: choice} for choice in one.choices)


def test_the_definition_is_complete(transform):
    assert transform.name in NAMES
    assert re.fullmatch(r"[a-z][a-z0-9_]*", transform.name)
    for text in (transform.title, transform.definition, transform.reference):
        assert text == text.strip() != ""
    assert transform.definition.endswith(".")
    assert "\n" not in transform.definition + transform.reference
    assert transform.function.__doc__ is None or transform.function.__doc__.splitlines()[0].endswith(".")


def test_every_parameter_has_a_meaning_a_range_and_a_default(transform):
    for key, one in transform.parameters.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", key)
        assert one.meaning.endswith(".")
        assert one.kind in ("number", "word", "seed", "recording")
        assert one.per_unit >= 1
        if one.kind == "number":
            assert one.lowest <= one.default <= one.highest
            assert abs(one.highest * one.per_unit) < 2**31
            assert one.value(one.planned(one.default)) == one.default  # the integer loses nothing
        elif one.kind == "word":
            assert len(set(one.choices)) > 1
            assert one.default in one.choices


def test_units_in_names_are_those_of_the_parameter(transform):
    endings = {"db": "dB", "dbfs": "dBFS", "lufs": "LUFS", "hz": "Hz", "s": "s", "ms": "ms", "kbps": "kbit/s"}
    for key, one in transform.parameters.items():
        if (ending := key.rpartition("_")[2]) in endings and "_" in key:
            assert one.unit == endings[ending]


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_shape_and_type_are_kept_and_the_input_untouched(transform, channels, sample_rate):
    samples = speech_like(channels, 20000)
    before = samples.copy()
    made = apply(transform, samples, sample_rate)
    np.testing.assert_array_equal(samples, before)
    assert not np.may_share_memory(made, samples)
    assert made.dtype == np.float64
    assert made.flags.c_contiguous
    assert made.shape == (channels, transform.frames_made(20000, planned(transform)))
    assert made.any()


def test_the_ends_of_all_ranges_work_and_leave_the_global_generators_as_they_were(transform):
    ours, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    for given in ({}, *extremes(transform)):
        made = attempted(transform, speech_like(2), **given)
        if isinstance(made, UsageError):  # what a parameter alone can't know: a corner above half the sample rate
            assert "below" in made.message
            assert made.hint
        else:
            assert np.isfinite(made).all()
        assert random.getstate() == ours
        assert all(np.array_equal(one, other) for one, other in zip(np.random.get_state(), numpys, strict=True))  # noqa: NPY002


@pytest.mark.parametrize("what", ["silence", "impulse", "full scale", "constant", "noise"])
def test_no_content_and_no_length_breaks_it(transform, what):
    for frames, sample_rate in itertools.product((1, 2, SHORT, 161, 4000), (8000, 44100)):
        samples = {
            "silence": np.zeros((2, frames)),
            "impulse": np.eye(2, frames),
            "full scale": np.where(np.arange(frames) // 5 % 2, 1.0, -1.0) * np.ones((2, 1)),
            "constant": np.full((2, frames), 0.25),
            "noise": speech_like(2, frames) + 1e-3,
        }[what]
        made = attempted(transform, samples, sample_rate)
        if isinstance(made, SignalError):  # has no answer, and says so: silence that shall have a level, say
            assert what in ("silence", "impulse") or frames < 0.4 * sample_rate
            assert made.hint
            assert transform.name in made.message
        else:
            assert made.shape == (2, transform.frames_made(frames, planned(transform)))
            assert np.isfinite(made).all()


def test_silence_stays_silence_or_is_refused_unless_something_is_added(transform):
    made = attempted(transform, np.zeros((1, 8000)))
    added = transform.name in ("noise_floor", "dc_offset", "subtract")
    assert isinstance(made, SignalError) or np.rint(made * 2**23).any() == added


def test_what_comes_out_depends_on_nothing_but_what_goes_in(transform):
    samples = speech_like(2)
    made = apply(transform, samples)
    apply(transform, speech_like(1, 4000, seed=9), 8000)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002 - the global state is what is tried
    np.testing.assert_array_equal(apply(transform, samples), made)
    np.testing.assert_array_equal(apply(transform, np.asfortranarray(samples)), made)


def test_a_seed_matters_and_nothing_else_is_random(transform):
    seeds = [key for key, one in transform.parameters.items() if one.kind == "seed"]
    samples = speech_like(1, 16000)
    for key in seeds:
        given = planned(transform)
        other = transform.apply(samples, 16000, {**given, key: SEED + 1}, recordings(transform))
        assert not np.array_equal(other, transform.apply(samples, 16000, given, recordings(transform)))


def test_the_stage_names_what_made_it_with_its_version(transform):
    for one in transform.stage().split(", "):
        assert re.fullmatch(r"[A-Za-z][\w.-]* \d+\.\d+[\w.+-]*", one)


@pytest.mark.parametrize("frames", [1, 2, 3, 999, 8000])
def test_the_frames_that_are_needed_give_those_that_are_asked_for(transform, frames):
    for setting in [{}, *extremes(transform)] if transform.pace else [{}]:
        given = planned(transform, **setting)
        needed = transform.frames_needed(frames, given)
        assert transform.frames_made(needed, given) >= frames
        assert needed == 1 or transform.frames_made(needed - 1, given) < frames
        if frames == 8000:
            made = transform.apply(speech_like(1, needed), 16000, given, recordings(transform), frames=frames)
            assert made.shape == (1, frames)


def test_a_transform_crosses_process_borders(transform):
    assert pickle.loads(pickle.dumps(transform)).name == transform.name  # noqa: S301 - our own


def test_what_is_not_finite_is_refused(transform):
    for value in (np.nan, np.inf):
        with pytest.raises(SignalError, match="NaN or infinity"):
            apply(transform, np.array([[0.1, value, 0.2]]))


def test_nothing_is_no_signal(transform):
    with pytest.raises(SignalError, match=r"expected samples of shape \(channel, time\)"):
        apply(transform, np.zeros((1, 0)))


def test_names_are_those_of_the_entry_points():
    assert [transforms.load(name).name for name in NAMES] == NAMES


def test_an_unknown_transform_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="did you mean `normalise`"):
        transforms.load("normalize")


DIGESTS = """
import hashlib, random, sys
import numpy as np
sys.path.insert(0, sys.argv[2])
from test_transforms import NAMES, apply, speech_like
from sepbench import transforms
random.seed(int(sys.argv[1])); np.random.seed(int(sys.argv[1]))
names = NAMES if int(sys.argv[1]) % 2 else NAMES[::-1]
for name in names:
    made = apply(transforms.load(name), speech_like(2))
    print(name, hashlib.sha256(made.tobytes()).hexdigest())
"""


def test_every_process_order_and_number_of_threads_gives_the_same_samples():
    found = []
    for seed, threads in ((1, "1"), (2, "4")):
        ran = subprocess.run(
            [sys.executable, "-c", DIGESTS, str(seed), str(Path(__file__).parent)],
            env={"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(sorted(ran.stdout.split("\n")))
    assert found[0] == found[1]
    assert len(found[0]) == len(NAMES) + 1


def test_importing_the_transforms_imports_nothing_heavy():
    code = (
        "import sys; from sepbench import shelf, transforms; [transforms.load(name) for name in shelf.names('transforms')];"
        "heavy = 'scipy', 'soxr', 'soundfile', 'audiomentations', 'python_stretch', 'librosa', 'torch';"
        "print([name for name in heavy if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
