from __future__ import annotations

import json

import numpy as np
import pytest

from sepbench.errors import SeparatorError, UnknownNameError, UsageError
from sepbench.separators import Separator, build, checked, described

MIXTURE = np.linspace(-1, 1, 200, dtype=np.float32).reshape(2, 100)


class Giver:
    """Gives back whatever it was made with."""

    sample_rate = 16000
    targets = ("speech",)

    def __init__(self, answer=None):
        self.answer = answer

    def separate(self, mixture):
        return self.answer(mixture) if callable(self.answer) else self.answer


def run(answer, **options):
    return checked(Giver(answer), MIXTURE, sample_rate=16000, targets=("speech",), **options)


@pytest.mark.parametrize(
    ("answer", "said", "hint"),
    [
        (None, "expected a mapping of target to array, got NoneType", "return {'speech': …}"),
        ([MIXTURE], "expected a mapping of target to array, got list", "return {'speech': …}"),
        (MIXTURE, "expected a mapping of target to array, got ndarray", "return {'speech': …}"),
        ({}, "returned no `speech`", "no estimates are known"),
        ({"spech": MIXTURE}, "returned no `speech`", "did you mean `spech`?"),
        ({0: MIXTURE}, "returned no `speech`", "Known estimates: 0"),
        ({"speech": None}, "`speech`: expected an array of floats, got NoneType", "within [-1, 1]"),
        ({"speech": "speech.wav"}, "`speech`: expected an array of floats, got str", "within [-1, 1]"),
        ({"speech": MIXTURE.tolist()}, "`speech`: expected an array of floats, got list", "within [-1, 1]"),
        ({"speech": (MIXTURE * 9).astype(np.int16)}, "expected an array of floats, got an array of int16", "[-1, 1]"),
        ({"speech": MIXTURE + 0j}, "expected an array of floats, got an array of complex64", "[-1, 1]"),
        ({"speech": MIXTURE[0]}, "expected shape (2, 100), got (100,)", "keep the channel axis"),
        ({"speech": MIXTURE[None]}, "expected shape (2, 100), got (1, 2, 100)", "keep the channel axis"),
        ({"speech": MIXTURE.T}, "expected shape (2, 100), got (100, 2)", "it looks transposed"),
        ({"speech": MIXTURE[:1]}, "expected shape (2, 100), got (1, 100)", "as long as the mixture"),
        ({"speech": MIXTURE[:, :99]}, "expected shape (2, 100), got (2, 99)", "as long as the mixture"),
        ({"speech": np.pad(MIXTURE, 1)[1:-1, 1:]}, "expected shape (2, 100), got (2, 101)", "as long as the mixture"),
    ],
)
def test_what_breaks_the_contract_is_refused_with_what_came_and_the_remedy(answer, said, hint):
    with pytest.raises(SeparatorError) as caught:
        run(answer)
    assert caught.value.message.startswith("Giver: ")
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_an_attempt_to_change_the_mixture_is_refused():
    def louder(mixture):
        mixture *= 2
        return {"speech": mixture}

    with pytest.raises(SeparatorError, match="tried to change the mixture") as caught:
        run(louder)
    assert caught.value.hint == "work on a copy"


def test_a_mixture_that_was_changed_all_the_same_is_noticed():
    mixture = MIXTURE.copy()

    def sly(shown):
        shown.flags.writeable = True
        shown[0, 0] = 0.25
        return {"speech": shown}

    with pytest.raises(SeparatorError, match="changed the mixture") as caught:
        checked(Giver(sly), mixture, sample_rate=16000, targets=("speech",))
    assert caught.value.hint == "work on a copy"


def test_other_errors_of_a_separator_are_left_as_they_are():
    def broken(mixture):
        raise ValueError("no model")

    with pytest.raises(ValueError, match=r"^no model$"):
        run(broken)


def test_any_floating_type_comes_back_as_float32():
    for dtype in (np.float16, np.float32, np.float64):
        found = run({"speech": MIXTURE.astype(dtype), "noise": None})
        assert list(found) == ["speech"]
        assert found["speech"].dtype == np.float32


def test_what_float32_can_not_hold_is_infinite_and_not_refused():
    assert np.isinf(run({"speech": np.full((2, 100), 1e300)})["speech"]).all()


def test_tensors_are_taken():
    torch = pytest.importorskip("torch")
    found = run(lambda mixture: {"speech": torch.ones(2, 100, requires_grad=True)})
    np.testing.assert_array_equal(found["speech"], np.ones((2, 100)))


def test_who_takes_any_rate_and_any_target_is_told_them():
    class Curious:
        sample_rate = targets = None

        def separate(self, mixture, *, sample_rate, targets):
            self.told = sample_rate, targets
            return dict.fromkeys(targets, mixture)

    curious = Curious()
    assert set(checked(curious, MIXTURE, sample_rate=8000, targets=("a", "b"))) == {"a", "b"}
    assert curious.told == (8000, ("a", "b"))


def test_only_an_oracle_sees_the_references_and_can_not_change_them():
    class Oracle(Giver):
        needs_references = True

        def separate(self, mixture, *, references):
            references["speech"][:] = 0
            return {"speech": mixture}

    with pytest.raises(SeparatorError, match="read-only"):
        checked(Oracle(), MIXTURE, sample_rate=16000, targets=("speech",), references={"speech": MIXTURE.copy()})
    run({"speech": MIXTURE}, references={"speech": MIXTURE})


def test_options_are_read_as_numbers_and_booleans():
    made = build("spectral-gate", {"quantile": "0.3", "target": "voice"})
    assert (made.quantile, made.targets) == (0.3, ("voice",))


def test_an_unknown_option_is_refused_with_those_that_exist():
    with pytest.raises(UsageError, match="can't be built") as caught:
        build("spectral-gate", {"quantil": "0.3"})
    assert "target, quantile, smoothing, floor_db" in caught.value.hint


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown separator `mixtur`") as caught:
        build("mixtur")
    assert "did you mean `mixture`?" in caught.value.hint


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(
        "class Own:\n"
        '    """Does nothing.\n\n    At length."""\n'
        "    sample_rate, targets, version = 8000, ('speech',), 3\n"
        "    def separate(self, mixture): return {'speech': mixture}\n"
        "    def parameters(self): return iter(())\n"
        "    def __call__(self): raise AssertionError('called')\n"
        "ready = Own()\n"
        "class Lacking: pass\n"
    )
    return path


def test_a_class_or_an_object_in_a_file_is_a_separator(module):
    assert isinstance(build(f"{module}:Own"), Separator)
    assert isinstance(build(f"{module}:ready"), Separator)


def test_an_object_takes_no_options(module):
    with pytest.raises(UsageError, match="takes no options"):
        build(f"{module}:ready", {"a": "1"})


def test_what_lacks_an_attribute_is_refused(module):
    with pytest.raises(SeparatorError, match="has no `sample_rate`"):
        build(f"{module}:Lacking")


def test_a_description_can_be_written_as_json(module):
    about = described(build(f"{module}:Own"), f"{module}:Own")
    assert json.loads(json.dumps(about)) == {
        "name": "own",
        "version": "3",
        "kind": "separator",
        "ranked": True,
        "parameters": None,
        "description": "Does nothing.",
        "training": {},
    }


@pytest.mark.parametrize(("name", "kind"), [("mixture", "trivial"), ("irm", "oracle"), ("hpss", "separator")])
def test_yardsticks_and_oracles_are_never_ranked(name, kind):
    about = described(build(name), name)
    assert (about["name"], about["kind"], about["ranked"]) == (name, kind, kind == "separator")
