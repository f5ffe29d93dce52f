"""Rendering: what came out is measured, not believed."""

import math
from pathlib import PurePosixPath

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sepbench import catalog, mixing
from sepbench import recipe as recipes
from sepbench.audio import pcm_sha256
from sepbench.catalog import Item
from sepbench.resample import resample


def snr_db(target, rest):
    return 10 * math.log10(np.sum(target.astype(np.float64) ** 2) / np.sum(rest.astype(np.float64) ** 2))


class Synthetic:
    """A public set of two recordings: signals as a test wants them."""

    name = version = title = url = licence = layout = "synthetic"

    def items(self, root):
        for path in sorted(root.glob("*.wav")):
            yield Item(path.stem, PurePosixPath(path.name), group=path.stem)


def planned(tmp_path, signals, *, rate=16000, **changes):
    """Plan the one row that mixes `a` with `b`; give it with its roots."""
    root = tmp_path / "set"
    root.mkdir(exist_ok=True)
    for name, signal in signals.items():
        soundfile.write(root / f"{name}.wav", signal, rate, subtype="PCM_16")
    catalog.index(Synthetic(), root, tmp_path / "c.parquet", workers=0)
    content = {
        "name": "r", "version": 1, "sample_rate": 16000, "length": "target", "splits": {"test": 1},
        "sources": [
            {"name": "a", "role": "target", "set": "synthetic", "where": {"item": "a"}},
            {"name": "b", "role": "noise", "set": "synthetic", "where": {"item": "b"}, "when_short": "loop"},
        ],
        "levels": {"snr_db": 0},
    }  # fmt: skip
    manifest = mixing.plan(recipes.parse(content | changes), {"synthetic": catalog.read(tmp_path / "c.parquet")})
    return manifest[0], {"synthetic": root}


def mixed(tmp_path, signals, **changes):
    """Render the one row that mixes `a` with `b`."""
    row, roots = planned(tmp_path, signals, **changes)
    return row, mixing.render(row, roots)


def noise(seed, frames, level=0.1, channels=1):
    values = np.random.default_rng(seed).normal(0, level * 2**15, (frames, channels))
    return np.clip(np.rint(values), -(2**15), 2**15 - 1).astype(np.int16)


@settings(max_examples=25, deadline=None)
@given(
    snr=st.integers(-25_000, 25_000),
    levels=st.tuples(st.floats(0.002, 0.3), st.floats(0.002, 0.3)),
    rate=st.sampled_from([8000, 16000, 44100]),
    bits=st.sampled_from([16, 24]),
)
def test_the_achieved_snr_is_the_wanted_one(tmp_path_factory, snr, levels, rate, bits):
    signals = {"a": noise(1, 8000, levels[0]), "b": noise(2, 5000, levels[1])}
    row, made = mixed(tmp_path_factory.mktemp("r"), signals, rate=rate, bits=bits, levels={"snr_db": snr / 1000})
    assert made.proof["status"] == "ok"
    achieved = snr_db(made.stems["a"], made.mixture - made.stems["a"])
    assert achieved == pytest.approx(made.proof["achieved_snr_db"], abs=1e-9)
    # rounding moves each sample by half a step at most, so the RMS of a stem by no more than half a step
    steps = [10 ** (stem["rms_dbfs"] / 20) * 2 ** (bits - 1) for stem in made.proof["stems"]]
    bound = sum(20 * math.log10(1 + 0.5 / (step - 0.5)) for step in steps if step > 1)
    if min(steps) > 1:
        assert achieved == pytest.approx(row["snr_mdb"] / 1000, abs=bound + 1e-6)


@pytest.mark.parametrize("recipe", ["speech-demo", "vocals-demo"])
def test_real_recordings_reach_the_wanted_snr_within_a_thousandth_of_a_decibel(recipe, tables, roots):
    for row in mixing.plan(recipes.load(recipe), tables):
        made = mixing.render(row, roots)
        assert np.array_equal(made.mixture, sum(made.stems.values()))
        if row["snr_mdb"] is not None:
            target = made.stems["speech"]
            assert snr_db(target, made.mixture - target) == pytest.approx(row["snr_mdb"] / 1000, abs=0.001)


def test_the_mixture_is_the_sum_of_the_stored_stems(tmp_path):
    _, made = mixed(tmp_path, {"a": noise(1, 8000), "b": noise(2, 8000)}, levels={"snr_db": 3.217})
    assert np.array_equal(made.mixture, made.stems["a"] + made.stems["b"])


def test_the_target_keeps_its_samples(tmp_path):
    signals = {"a": noise(1, 8000), "b": noise(2, 8000)}
    _, made = mixed(tmp_path, signals)
    assert np.array_equal(made.stems["a"][0], signals["a"][:, 0])


def test_one_common_gain_keeps_the_peak_and_the_ratio(tmp_path):
    _, made = mixed(
        tmp_path, {"a": noise(1, 8000, 0.3), "b": noise(2, 8000, 0.3)}, levels={"snr_db": -6, "peak_dbfs": -3}
    )
    common = made.proof["common_gain"]
    assert common["mantissa"] / 2 ** common["shift"] < 1
    limit = 10 ** (-3 / 20) * 2**15
    assert limit - 4 <= made.proof["peak"] <= limit or max(s["peak"] for s in made.proof["stems"]) >= limit - 4
    assert all(np.abs(signal).max() <= limit for signal in (made.mixture, *made.stems.values()))
    assert made.proof["achieved_snr_db"] == pytest.approx(-6, abs=0.001)
    assert made.proof["clipped_samples"] == 0


def test_a_mixture_that_would_clip_is_given_up_where_the_recipe_says_so(tmp_path):
    _, made = mixed(
        tmp_path, {"a": noise(1, 8000, 0.3), "b": noise(2, 8000, 0.3)}, levels={"snr_db": -6, "clipping": "fail"}
    )
    assert made.proof["status"] == "clipped"
    assert "dB above -1 dBFS" in made.proof["reason"]
    assert made.stems == {}


def test_an_excerpt_is_a_cut_of_the_whole_resampled_recording(tmp_path):
    signals = {"a": noise(1, 44100), "b": noise(2, 44100)}
    row, made = mixed(tmp_path, signals, rate=44100, length=0.5, levels={"snr_db": 0}, bits=24)
    whole = resample(signals["a"].T.astype(np.int32) << 8, 44100, 16000)
    start = row["sources"][0]["start"]
    assert start > 0
    assert np.array_equal(made.stems["a"], whole[:, start : start + 8000])


def test_a_short_noise_is_looped_from_its_start(tmp_path):
    signals = {"a": noise(1, 8000), "b": noise(2, 3000)}
    row, made = mixed(tmp_path, signals, bits=24)
    source = row["sources"][1]
    assert source["loop"]
    looped = signals["b"][(source["start"] + np.arange(8000)) % 3000, 0].astype(np.float64)
    scale = made.stems["b"][0] @ looped / (looped @ looped)
    # every sample is the looped one times the gain, rounded to a step of 24 bits
    assert np.abs(made.stems["b"][0] - scale * looped).max() <= 0.51


@pytest.mark.parametrize(("policy", "expected"), [("mean", [250, 0, -250]), ("first", [200, 100, -500])])
def test_stereo_becomes_mono_as_the_recipe_says(tmp_path, policy, expected):
    stereo = np.array([[2, 3], [1, -1], [-5, 0]], np.int16) * 100
    sources = [{"name": "a", "role": "target", "set": "synthetic", "where": {"item": "a"}, "downmix": policy}]
    _, made = mixed(tmp_path, {"a": stereo}, sources=sources, levels={}, bits=24)
    assert made.mixture[0].tolist() == [value << 8 for value in expected]


def test_mono_becomes_stereo_by_copying(tmp_path):
    _, made = mixed(tmp_path, {"a": noise(1, 4000), "b": noise(2, 4000)}, channels=2)
    assert made.mixture.shape == (2, 4000)
    assert np.array_equal(made.mixture[0], made.mixture[1])


def test_digital_silence_is_a_status_not_a_mixture(tmp_path):
    quiet = noise(2, 8000)
    quiet[:7000] = 0
    sources = [
        {"name": "a", "role": "target", "set": "synthetic", "where": {"item": "a"}},
        {"name": "b", "role": "noise", "set": "synthetic", "where": {"item": "b"}},
    ]
    statuses = set()
    for seed in range(6):
        root = tmp_path / str(seed)
        root.mkdir()
        _, made = mixed(root, {"a": noise(1, 8000), "b": quiet}, sources=sources, length=0.1, seed=seed)
        statuses.add(made.proof["status"])
        if made.proof["status"] != "ok":
            assert "digital silence" in made.proof["reason"]
    assert "silent_source" in statuses


@pytest.mark.parametrize(
    ("content", "status"),
    [(noise(3, 8000), "source_changed"), (b"RIFF", "source_unreadable"), (None, "source_missing")],
)
def test_a_source_that_is_not_what_was_indexed_is_not_mixed(tmp_path, content, status):
    row, roots = planned(tmp_path, {"a": noise(1, 8000), "b": noise(2, 8000)})
    path = roots["synthetic"] / "b.wav"
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        soundfile.write(path, content, 16000)
    made = mixing.render(row, roots)
    assert made.proof["status"] == status
    assert str(path) in made.proof["reason"]
    assert made.stems == {}


def test_a_path_that_leaves_its_root_is_refused(tmp_path):
    row, roots = planned(tmp_path, {"a": noise(1, 8000), "b": noise(2, 8000)})
    row["sources"][0]["path"] = "../outside.wav"
    proof = mixing.render(row, roots).proof
    assert proof["status"] == "source_unreadable"
    assert "leaves the folder" in proof["reason"]


def test_frozen_gains_and_computed_gains_give_the_same_samples(tmp_path):
    row, made = mixed(tmp_path, {"a": noise(1, 8000), "b": noise(2, 8000)}, levels={"snr_db": -7.3})
    frozen = mixing.render({**row, "proof": made.proof}, {"synthetic": tmp_path / "set"})
    assert np.array_equal(frozen.mixture, made.mixture)
    assert frozen.proof == made.proof


def test_sources_with_their_own_levels_reach_them(tmp_path):
    sources = [
        {"name": "a", "role": "target", "set": "synthetic", "where": {"item": "a"}, "level_dbfs": -26},
        {"name": "b", "role": "noise", "set": "synthetic", "where": {"item": "b"}, "snr_db": 12.5},
    ]
    _, made = mixed(tmp_path, {"a": noise(1, 8000, 0.01), "b": noise(2, 8000)}, sources=sources, levels={}, bits=24)
    assert made.proof["stems"][0]["rms_dbfs"] == pytest.approx(-26, abs=0.001)
    assert made.proof["achieved_snr_db"] == pytest.approx(12.5, abs=0.001)


def test_the_hashes_are_those_of_the_samples(tmp_path):
    _, made = mixed(tmp_path, {"a": noise(1, 8000), "b": noise(2, 8000)})
    assert made.proof["mixture_pcm_sha256"] == pcm_sha256(made.mixture, 16000, 16)
    assert [stem["stem_pcm_sha256"] for stem in made.proof["stems"]] == [
        pcm_sha256(stem, 16000, 16) for stem in made.stems.values()
    ]
