"""What holds for every registered rendering, ours or a stranger's."""

import numpy as np
import pytest

from sepbench import recipe, renderings
from sepbench.errors import RecipeError, SignalError, UnknownNameError
from sepbench.renderings import Heard, Rendering, as_libsndfile_writes

NAMES = renderings.names()


@pytest.fixture(params=NAMES)
def rendering(request):
    return renderings.load(request.param)


def test_it_says_what_it_is_and_whose(rendering):
    assert isinstance(rendering, Rendering)
    assert rendering.name in NAMES
    assert rendering.definition.endswith(".")
    assert rendering.reference
    assert any(digit.isdigit() for digit in rendering.stage())


@pytest.mark.parametrize(
    "parameters", [{}, {"gains": []}, {"gains": ["x"], "longest": 3}, {"gains": None, "longest": None}]
)
def test_odd_parameters_of_a_row_are_an_error_with_words(rendering, parameters):
    sources = [Heard("speech", "target", np.ones((1, 9)))]
    row = {"channels": 1, "frames": 9, "bits": 16, "sample_rate": 16000, "snr_mdb": None, "level_mdbfs": None}
    with pytest.raises(SignalError):
        rendering.make(row, sources, parameters)


def test_what_has_another_shape_than_the_row_says_is_refused():
    sources = [Heard("speech", "target", np.ones((1, 9)))]
    row = {"channels": 2, "frames": 9, "bits": 16, "sample_rate": 16000}
    with pytest.raises(SignalError, match="has shape"):
        renderings.load("librimix").make(row, sources, {"gains": ["1"], "longest": 9})


def test_a_rendering_that_leaves_out_a_source_of_the_row_is_refused():
    sources = [
        Heard(name, role, np.ones((1, 9)))
        for name, role in (("speech", "target"), ("music", "noise"), ("noise", "noise"))
    ]
    row = {"channels": 1, "frames": 9, "bits": 16, "sample_rate": 16000, "snr_mdb": 0, "level_mdbfs": -20000}
    with pytest.raises(SignalError, match="gives the stems speech, music, the row has speech, music, noise"):
        renderings.load("dns-master").make(row, sources, {})


SPEECH = {"name": "speech", "role": "target", "set": "librispeech"}
NOISE = {"name": "noise", "role": "noise", "set": "esc50", "when_short": "loop"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rendering": "dns-mastr"}, "unknown rendering `dns-mastr`.*did you mean `dns-master`"),
        ({"rendering": "librimix"}, "is for mixtures that are listed"),
        ({"levels": {"snr_db": 5}}, "needs `levels.level_dbfs`"),
        ({"levels": {"level_dbfs": -25}}, "needs `levels.snr_db`"),
        ({"bits": 24}, "renders mono at 16 bits"),
        ({"channels": 2}, "renders mono at 16 bits"),
    ],
)
def test_a_recipe_that_no_rendering_can_make_is_refused(change, words):
    content = {
        "name": "r", "version": 1, "sample_rate": 16000, "length": 1.0, "splits": {"test": 2}, "sources": [SPEECH, NOISE],
        "levels": {"snr_db": 5, "level_dbfs": -25}, "rendering": "dns-master",
    }  # fmt: skip
    assert recipe.parse(content).rendering == "dns-master"
    with pytest.raises(RecipeError, match=words):
        recipe.parse(content | change)


def test_no_word_of_a_row_leads_to_other_code():
    for name in ("librimx", "file.py:X", "os:getcwd"):
        with pytest.raises(UnknownNameError, match="unknown rendering"):
            renderings.load(name)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floats_become_integers_as_a_file_makes_them(tmp_path, kind):
    import soundfile

    signal = np.random.default_rng(0).uniform(-1.1, 1.1, 20000).astype(kind)
    signal[:5] = [0, 1, -1, 2.0**-16, -(2.0**-16)]
    soundfile.write(tmp_path / "one.wav", signal, 16000, subtype="PCM_16")
    np.testing.assert_array_equal(as_libsndfile_writes(signal), soundfile.read(tmp_path / "one.wav", dtype="int16")[0])
