"""Scoring: every item is a row, a failure is a row with a reason, and the rest is scored."""

import json
import math
import shutil

import numpy as np
import pytest

from sepbench import Corpus, evaluate, metrics, mixing, scores
from sepbench import recipe as recipes
from sepbench.errors import PlaceError, SeparatorError, UsageError
from sepbench.leaderboard import collect

RECIPE = {
    "name": "scored", "version": 1, "title": "Scored", "sample_rate": 16000, "length": 1.0, "splits": {"train": 2, "test": 8},
    "metrics": ["snr", "si_sdr"], "notes": ["A caveat."],
    "sources": [
        {"name": "speech", "role": "target", "set": "librispeech",
         "splits": {"train": ["train-clean-100"], "test": ["test-clean"]}},
        {"name": "noise", "role": "noise", "set": "esc50", "splits": {"train": ["fold1"], "test": ["fold5"]}},
    ],
    "levels": {"snr_db": 0.0},
}  # fmt: skip

SEPARATORS = '''
import os, signal
import numpy as np

class Half:
    """Half of the mixture."""
    sample_rate, targets, version = 16000, ("speech",), "1"
    def separate(self, mixture):
        return {"speech": mixture / 2}

class Dies(Half):
    def separate(self, mixture):
        if abs(float(mixture[0, 100]) - MARK) < 1e-9:
            os.kill(os.getpid(), signal.SIGSEGV)
        return {"speech": mixture / 2}

class Broken(Half):
    def separate(self, mixture):
        return {"speech": np.full_like(mixture, np.nan)}

class Trained(Half):
    training = {"groups": ["librispeech:9005", "librispeech:nobody", "esc50:900001"]}

class Gain(Half):
    name = "gain"
    def __init__(self, factor=1.0, loud=False):
        self.factor = factor * (10 if loud else 1)
    def separate(self, mixture):
        return {"speech": mixture * self.factor}
'''


@pytest.fixture(scope="module")
def corpus(catalogs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scoring") / "corpus"
    mixing.mix(recipes.parse(RECIPE), folder, catalogs=catalogs, workers=0)
    return folder


@pytest.fixture
def module(tmp_path, corpus):
    """Where the separators of these tests are; one of them dies on the third mixture."""
    mark = float(Corpus(corpus, split="test")[2].mixture[0, 100])
    (tmp_path / "own.py").write_text(SEPARATORS.replace("MARK", repr(mark)))
    return tmp_path / "own.py"


def scored(name, corpus, out, **options):
    (folder,) = evaluate.score([str(name)], corpus, out, **({"workers": 0} | options))
    return scores.read(folder / scores.FILE_NAME)[0].to_pylist(), json.loads((folder / "result.json").read_text())


def values(rows, metric):
    return {row["mixture_id"]: row["value"] for row in rows if row["metric"] == metric}


def test_every_item_and_metric_is_a_row_and_improvement_is_the_difference(tmp_path, corpus):
    options = {"metric_names": ["snr", "si_sdr", "bss_eval_sources"], "limit": 3}
    rows, _ = scored("spectral-gate", corpus, tmp_path, **options)
    before, _ = scored("mixture", corpus, tmp_path, **options)
    ids = {"snr", "si_sdr", "sdr_v3_512", "sir_v3_512", "sar_v3_512"}
    assert {row["metric"] for row in rows} == ids | {f"{name}_i" for name in ids - {"sar_v3_512"}}
    assert len(rows) == 3 * 9
    for metric in ("snr", "si_sdr", "sdr_v3_512"):
        after, mixture, gain = values(rows, metric), values(before, metric), values(rows, f"{metric}_i")
        assert gain == pytest.approx({key: after[key] - mixture[key] for key in after}, abs=1e-9)


def test_what_needs_no_reference_and_what_ranks_nothing_stand_beside_the_others(tmp_path, corpus, module):
    names = ["loudness", "level_difference", "lsd"]
    rows, result = scored(f"{module}:Half", corpus, tmp_path, metric_names=names, limit=2)
    assert {row["metric"] for row in rows} == {"loudness", "level_difference", "loudness_difference", "lsd", "lsd_i"}
    assert {row["status"] for row in rows} == {"ok"}
    assert result["metrics"]["loudness"]["higher_is_better"] is None
    assert [one.label for one in collect([tmp_path])] == ["half"]


def test_the_mixtures_own_snr_is_the_corpus_s(tmp_path, corpus):
    rows, _ = scored("mixture", corpus, tmp_path)
    assert values(rows, "snr") == pytest.approx(dict.fromkeys(values(rows, "snr"), 0.0), abs=0.001)
    assert {row["snr_db"] for row in rows} == {0.0}


def test_a_score_is_what_the_metric_gives_on_the_estimate(tmp_path, corpus, module):
    rows, _ = scored(f"{module}:Half", corpus, tmp_path)
    for example in Corpus(corpus, split="test"):
        expected = metrics.snr(example.sources["speech"][0], example.mixture[0] / 2)
        assert values(rows, "snr")[example.mixture_id] == pytest.approx(float(expected), abs=1e-9)


def test_workers_change_nothing(tmp_path, corpus, module):
    alone, _ = scored(f"{module}:Half", corpus, tmp_path / "0")
    together, _ = scored(f"{module}:Half", corpus, tmp_path / "2", workers=2)
    timeless = [[{**row, "separate_s": None, "value": None} for row in rows] for rows in (alone, together)]
    assert timeless[0] == timeless[1]
    # a solver with another number of threads differs in the last digits
    for one, two in zip(alone, together, strict=True):
        assert (one["value"] is None) == (two["value"] is None)
        assert one["value"] is None or one["value"] == pytest.approx(two["value"], abs=1e-9)


def test_a_separator_that_crashes_costs_its_item_only(tmp_path, corpus, module):
    first, second = evaluate.score([f"{module}:Dies", "mixture"], corpus, tmp_path / "r", workers=2)
    dies, mixture = (scores.read(folder / scores.FILE_NAME)[0].to_pylist() for folder in (first, second))
    lost = {row["mixture_id"] for row in dies if row["status"] == "separator_failed"}
    assert lost == {"test-000002"}
    assert {row["reason"] for row in dies if row["mixture_id"] in lost} == {"the worker process was killed by SIGSEGV"}
    assert len(dies) == len(mixture) == 8 * 4
    assert {row["status"] for row in mixture} == {"ok"}


def test_nan_is_a_status_and_never_a_value(tmp_path, corpus, module):
    rows, result = scored(f"{module}:Broken", corpus, tmp_path)
    assert {row["status"] for row in rows} == {"nonfinite_estimate"}
    assert all(row["value"] is None for row in rows)
    assert result["examples"] == []


def test_a_result_describes_itself_and_the_leaderboard_takes_it(tmp_path, corpus, module):
    _, result = scored(f"{module}:Half", corpus, tmp_path)
    assert result["corpus"]["hash"] == Corpus(corpus).corpus_hash
    assert result["corpus"]["notes"] == ["A caveat."]
    assert result["separator"]["description"] == "Half of the mixture."
    assert result["cost"]["audio_s"] == pytest.approx(8.0)
    assert [example["which"] for example in result["examples"]] == ["best", "median", "worst"]
    gains = [example["value"] for example in result["examples"]]
    assert gains == sorted(gains, reverse=True)
    (found,) = collect([tmp_path])
    assert found.label == "half"


def test_scores_of_the_same_version_are_not_made_again(tmp_path, corpus, module):
    (folder,) = evaluate.score([f"{module}:Half"], corpus, tmp_path / "r", workers=0)
    stamp = (folder / "result.json").stat().st_mtime_ns
    evaluate.score([f"{module}:Half"], corpus, tmp_path / "r", workers=0)
    assert (folder / "result.json").stat().st_mtime_ns == stamp
    evaluate.score([f"{module}:Half"], corpus, tmp_path / "r", workers=0, force=True)
    assert (folder / "result.json").stat().st_mtime_ns > stamp


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("mixtures 8; asked for were 2", {"limit": 2}),
        ("metrics si_sdr, snr; asked for were snr", {"metric_names": ["snr"]}),
        ("options factor=0.1; asked for were factor=0.5", {"options": {"factor": "0.5"}}),
    ],
)
def test_scores_that_were_asked_for_in_another_way_are_not_lost(tmp_path, corpus, module, what, other):
    out, asked = tmp_path / "r", {"options": {"factor": "0.1"}, "workers": 0}
    (folder,) = evaluate.score([f"{module}:Gain"], corpus, out, **asked)
    before = (folder / "result.json").read_bytes()
    assert json.loads(before)["separator"]["options"] == {"factor": "0.1"}
    with pytest.raises(PlaceError, match=f"holds scores with {what}"):
        evaluate.score([f"{module}:Gain"], corpus, out, **(asked | other))
    assert (folder / "result.json").read_bytes() == before
    evaluate.score([f"{module}:Gain"], corpus, out, force=True, **(asked | other))
    assert (folder / "result.json").read_bytes() != before


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path, corpus, monkeypatch):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setattr(evaluate.scoring, "_run", lambda *_: pytest.fail("worked in vain"))
    with pytest.raises(PlaceError, match="can't be written"):
        evaluate.score(["mixture"], corpus, tmp_path / "taken", workers=0)


@pytest.mark.parametrize("unnamed", [[object], [lambda mixture: mixture]])
def test_a_class_that_workers_could_not_find_is_refused(tmp_path, corpus, unnamed):
    with pytest.raises(UsageError, match="expected names of separators") as caught:
        evaluate.score(unnamed, corpus, tmp_path)
    assert "file.py:Class" in caught.value.hint


def test_one_separator_may_be_named_without_a_list(tmp_path, corpus):
    (folder,) = evaluate.score("mixture", corpus, tmp_path, workers=0)
    assert folder.name == "mixture"


def test_scores_on_another_corpus_of_the_same_name_are_kept(tmp_path, corpus, catalogs):
    scored("mixture", corpus, tmp_path / "r")
    mixing.mix(recipes.parse(RECIPE), tmp_path / "other", catalogs=catalogs, workers=0, seed=1)
    with pytest.raises(PlaceError, match="holds scores on another corpus of the name `scored`"):
        scored("mixture", tmp_path / "other", tmp_path / "r")


def test_training_on_what_is_scored_is_stamped(tmp_path, corpus, module):
    _, result = scored(f"{module}:Trained", corpus, tmp_path)
    rows = [source for example in Corpus(corpus, split="test") for source in example.row["sources"]]
    groups = {name: {row["group"] for row in rows if row["name"] == name} for name in ("noise", "speech")}
    assert "9005" in groups["speech"]
    assert "900001" in groups["noise"]
    assert result["leak"] == [
        f"trained on 1 of the {len(groups[name])} groups that `{name}` comes from" for name in ("noise", "speech")
    ]
    assert scored(f"{module}:Half", corpus, tmp_path)[1]["leak"] == []


def test_options_reach_the_class(tmp_path, corpus, module):
    rows, _ = scored(f"{module}:Gain", corpus, tmp_path, options={"factor": "0.1", "loud": "true"})
    plain, _ = scored("mixture", corpus, tmp_path)
    assert values(rows, "snr") == pytest.approx(values(plain, "snr"), abs=1e-5)
    with pytest.raises(UsageError, match=r"(?s)can't be built.*its options: factor, loud"):
        scored(f"{module}:Gain", corpus, tmp_path, options={"volume": "3"})


def test_two_separators_of_one_name_are_refused(tmp_path, corpus):
    with pytest.raises(UsageError, match="two separators have the name `mixture`"):
        evaluate.score(["mixture", "mixture"], corpus, tmp_path, workers=0)


def test_a_planned_corpus_is_scored_on_the_fly(tmp_path, corpus, catalogs):
    mixing.mix(recipes.parse(RECIPE), tmp_path / "planned", catalogs=catalogs, workers=0, plan_only=True)
    rows, _ = scored("mixture", tmp_path / "planned", tmp_path / "r")
    rendered, _ = scored("mixture", corpus, tmp_path / "r2")
    assert values(rows, "si_sdr") == values(rendered, "si_sdr")


def test_conditions_and_groups_come_from_the_manifest(tmp_path, corpus):
    rows, _ = scored("mixture", corpus, tmp_path, limit=1)
    row = Corpus(corpus, split="test")[0].row
    assert rows[0]["group"] == row["sources"][0]["group"]
    labels = {label["name"]: label["value"] for label in rows[0]["conditions"]}
    assert labels["speech.speaker"] == row["sources"][0]["group"]
    assert "noise.category" in labels


def test_separating_files_keeps_rate_channels_and_sum(tmp_path, corpus):
    source = Corpus(corpus, split="test").path / "audio" / "test" / "test-000000" / "mixture.flac"
    shutil.copy(source, tmp_path / "song.flac")
    written = evaluate.separate("spectral-gate", [tmp_path / "song.flac"], tmp_path / "o")
    import soundfile

    parts = {path.stem: soundfile.read(path)[0] for path in written}
    whole, rate = soundfile.read(tmp_path / "song.flac")
    assert rate == 16000
    # each part is rounded to 24 bits
    assert np.abs(parts["speech"] + parts["residual"] - whole).max() <= 2**-23
    with pytest.raises(PlaceError, match="is there already"):
        evaluate.separate("spectral-gate", [tmp_path / "song.flac"], tmp_path / "o")
    assert math.isfinite(float(np.sum(parts["speech"])))


def test_an_estimate_that_is_no_sound_or_too_loud_is_not_written_in_silence(tmp_path, corpus, module):
    source = corpus / "audio" / "test" / "test-000000" / "mixture.flac"
    with pytest.raises(SeparatorError, match="holds samples that are not finite"):
        evaluate.separate(f"{module}:Broken", [source], tmp_path / "nan")
    with pytest.warns(UserWarning, match="samples above full scale are clipped in the file"):
        evaluate.separate(f"{module}:Gain", [source], tmp_path / "loud", options={"factor": "100"}, residual=False)
