"""Transforms in recipes: drawn by the plan, frozen in the row, applied before the gain, named in the proof."""

import json

import numpy as np
import pytest
from test_grammar import NOISE, RATE, TALKERS, achieved, recipe, rows
from test_grammar import tables as tables  # a fixture

from sepbench import Corpus, catalog, mixing
from sepbench.errors import RecipeError
from sepbench.loudness import integrated_loudness

SPEECH = TALKERS | {"name": "speech"}
ROOMS = "folder-rooms"


def with_transforms(*transforms):
    return SPEECH | {"transforms": list(transforms)}


def parameters(row, place=0, step=0):
    return json.loads(row["sources"][place]["transforms"][step]["parameters"])


@pytest.fixture(scope="module")
def with_rooms(tables, tmp_path_factory):
    """The catalogs, and one of a set of three rooms: noise that dies away, after a direct sound."""
    import soundfile

    folder = tmp_path_factory.mktemp("rooms")
    for number in range(3):
        noise = np.random.default_rng(number).normal(size=8000)
        response = 0.1 * noise * np.exp(-np.arange(8000) / 1500)
        response[0] = 0.9
        soundfile.write(folder / f"room{number}.wav", np.rint(response * 32000).astype(np.int16), RATE)
    catalog.index("folder", folder, folder / "rooms.parquet", workers=0, options={"licence": "CC0-1.0"})
    return tables | {ROOMS: catalog.read(folder / "rooms.parquet")}, folder


def test_parameters_are_drawn_in_their_ranges_and_stand_in_the_row(tables):
    chain = {"name": "clip", "level_dbfs": {"uniform": [-20, -3]}}, {"name": "low_pass", "corner_hz": 4000}
    drawn = rows(tables, with_transforms(*chain), length=1.0)
    levels = [parameters(row)["level_dbfs"] for row in drawn]
    assert all(-20000 <= level <= -3000 for level in levels)
    assert len(set(levels)) > 20
    assert all([one["name"] for one in row["sources"][0]["transforms"]] == ["clip", "low_pass"] for row in drawn)


def test_a_probability_is_how_often_it_happens(tables):
    drawn = rows(tables, with_transforms({"name": "polarity", "probability": 0.3}), length=1.0, splits={"test": 600})
    share = np.mean([bool(row["sources"][0]["transforms"]) for row in drawn])
    assert abs(share - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 600)


def test_a_row_with_transforms_alone_is_the_row_in_bulk_and_made_twice_the_same(tables, roots):
    chain = {"name": "gaussian_noise", "snr_db": 20}, {"name": "compress_dynamics"}
    asked = recipe(with_transforms(*chain), NOISE, levels={"snr_db": 5}, length=1.0)
    plan = mixing.Plan(asked, tables)
    bulk = list(plan)
    assert plan.row(17) == bulk[17]
    made = mixing.render(bulk[17], roots)
    assert mixing.render(plan.row(17), roots).proof == made.proof
    assert mixing.render({**bulk[17], "proof": made.proof}, roots).proof == made.proof


def test_the_proof_names_what_is_not_exact_and_nothing_else(tables, roots):
    row = rows(
        tables, with_transforms({"name": "low_pass", "corner_hz": 4000}, {"name": "polarity"}), NOISE, length=1.0
    )[0]
    (stage,) = mixing.render(row, roots).proof["float_stages"]
    assert stage.startswith("low_pass speech: scipy ")


def test_levels_are_reached_after_the_transforms(tables, roots):
    chain = {"name": "tanh_distortion"}, {"name": "normalise"}
    for row, made in achieved(
        tables, roots, with_transforms(*chain), NOISE, levels={"snr_db": {"uniform": [-5, 10]}}, length=1.0
    ):
        assert made.proof["achieved_snr_db"] == pytest.approx(row["snr_mdb"] / 1000, abs=0.001)


def test_a_loudness_is_that_of_the_source(tables, roots):
    sources = SPEECH | {"loudness_lufs": {"uniform": [-33, -25]}}, NOISE | {"loudness_lufs": {"uniform": [-38, -30]}}
    for row, made in achieved(tables, roots, *sources, length=3.0):
        for place, name in enumerate(("speech", "noise")):
            wanted = parameters(row, place)["loudness_lufs"] / 1000
            assert integrated_loudness(made.stems[name], RATE, 1 << 15) == pytest.approx(wanted, abs=0.1)


def test_a_stretched_excerpt_fills_its_place(tables, roots):
    slow = {"name": "time_stretch", "rate": {"uniform": [0.8, 1.25]}}
    for row in rows(tables, SPEECH | {"when_short": "exclude", "transforms": [slow]}, length=1.5)[:6]:
        rate = parameters(row)["rate"] / 1000
        assert row["sources"][0]["frames"] == pytest.approx(1.5 * RATE * rate, abs=2)
        made = mixing.render(row, roots)
        assert made.proof["status"] == "ok"
        assert made.mixture.shape == (1, 1.5 * RATE)
        assert made.mixture[:, -800:].any()


def test_a_recording_must_be_long_enough_for_the_fastest_stretch(tables):
    fast = {"name": "time_stretch", "rate": {"uniform": [1, 2]}}
    slow = rows(tables, SPEECH | {"when_short": "exclude"}, length=1.8)
    quick = rows(tables, SPEECH | {"when_short": "exclude", "transforms": [fast]}, length=1.8)
    assert {row["sources"][0]["item"] for row in quick} < {row["sources"][0]["item"] for row in slow}


def in_a_room(**changes):
    return with_transforms({"name": "room", "set": ROOMS, "early_ms": 20} | changes)


def test_a_room_is_drawn_from_its_set_and_named_in_row_and_licence(with_rooms, roots):
    tables, folder = with_rooms
    drawn = rows(tables, in_a_room(), NOISE, levels={"snr_db": 5}, length=1.0)
    rooms = [parameters(row)["impulse_response"] for row in drawn]
    assert {room["item"] for room in rooms} == {"room0", "room1", "room2"}
    assert all("CC0-1.0" in row["licence"] for row in drawn)
    made = mixing.render(drawn[0], roots | {ROOMS: folder})
    assert made.proof["status"] == "ok"


def test_talkers_may_share_a_room(tables, tmp_path_factory):
    """Three rooms of two responses each: with `shared` both talkers are in one, each with a response of its own."""
    import trees

    folder = tmp_path_factory.mktemp("shared")
    for room in range(3):
        for place in range(2):
            trees.audio(folder, f"room{room}/{place}.wav")
    catalog.index("folder", folder, folder / "rooms.parquet", workers=0, options={"pattern": "(?P<group>[^/]+)/.*"})
    everything = tables | {ROOMS: catalog.read(folder / "rooms.parquet")}

    def rooms(shared):
        talkers = in_a_room(shared=shared) | {"name": "speaker{n}", "count": 2}
        drawn = rows(everything, talkers, length=1.0, splits={"test": 60})
        return [[parameters(row, place)["impulse_response"]["item"] for place in (0, 1)] for row in drawn]

    together, apart = ([{one.partition("/")[0] for one in pair} for pair in rooms(shared)] for shared in (True, False))
    assert all(len(pair) == 1 for pair in together)
    assert set.union(*together) == {"room0", "room1", "room2"}
    assert any(len(pair) == 2 for pair in apart)
    assert any(one != other for one, other in rooms(True))


def test_the_early_part_is_the_target_and_the_late_part_a_stem_with_its_gain(with_rooms, roots):
    tables, folder = with_rooms
    everywhere = roots | {ROOMS: folder}
    quiet = {"level_dbfs": -35}  # so that no common gain differs
    early = rows(tables, in_a_room(reference="early") | quiet, NOISE, levels={"snr_db": 5}, length=1.0)
    whole = rows(tables, in_a_room() | quiet, NOISE, levels={"snr_db": 5}, length=1.0)
    for one, other in list(zip(early, whole, strict=True))[:6]:
        assert [(s["name"], s["role"], s["follows"]) for s in one["sources"]] == [
            ("speech", "target", None), ("speech-late", "noise", "speech"), ("noise", "noise", None),
        ]  # fmt: skip
        made, reverberant = mixing.render(one, everywhere), mixing.render(other, everywhere)
        assert made.proof["gains"][0] == made.proof["gains"][1]
        assert np.array_equal(made.mixture, sum(made.stems.values()))
        heard = made.stems["speech"].astype(int) + made.stems["speech-late"]
        assert np.abs(heard - reverberant.stems["speech"]).max() <= 2
        # the ratio is that of what is heard of the talker, early and late, to the noise
        assert made.proof["achieved_snr_db"] == pytest.approx(5, abs=0.001)


def test_a_room_that_is_gone_is_a_source_that_is_missing(with_rooms, roots, tmp_path):
    tables, _ = with_rooms
    row = rows(tables, in_a_room(), length=1.0)[0]
    assert mixing.render(row, roots | {ROOMS: tmp_path}).proof["status"] == "source_missing"
    assert mixing.render(row, roots).proof["status"] == "source_missing"


def test_a_corpus_with_rooms_is_verified_made_again_and_read_on_the_fly(with_rooms, tmp_path, catalogs):
    _, folder = with_rooms
    asked = recipe(in_a_room(reference="early"), NOISE, levels={"snr_db": 5}, length=1.0, splits={"test": 4})
    said = []
    places = catalogs | {ROOMS: folder / "rooms.parquet"}
    made = mixing.mix(asked, tmp_path / "corpus", catalogs=places, workers=0, say=said.append)
    assert mixing.verify(tmp_path / "corpus", workers=0).differences == []
    again = mixing.mix(tmp_path / "corpus", tmp_path / "again", container="wav", workers=0, say=said.append)
    assert again.corpus_hash == made.corpus_hash
    assert said[-1] == "the same corpus as the manifest says"
    for rendered, made_now in zip(
        Corpus(tmp_path / "corpus"), Corpus(tmp_path / "corpus", on_the_fly=True), strict=True
    ):
        assert list(rendered.sources) == ["speech", "speech-late", "noise"]
        assert np.array_equal(rendered.mixture, made_now.mixture)


@pytest.mark.parametrize(
    "transform",
    [
        {"name": "low_pass", "corner_hz": {"uniform": [3000, 9000]}},
        {"name": "band_pass", "low_hz": 3000, "high_hz": 2000},
    ],
)
def test_what_no_sample_rate_allows_is_refused_when_the_corpus_is_planned(tables, transform):
    with pytest.raises(RecipeError, match=r"grammar: speech: `?(low|band)_pass"):
        mixing.plan(recipe(with_transforms(transform), length=1.0), tables)


def test_a_room_serves_one_split_only(with_rooms):
    tables, _ = with_rooms
    shared = recipe(in_a_room() | {"shares": {"train": 1, "test": 1}}, splits={"train": 2, "test": 2}, length=1.0)
    with pytest.raises(RecipeError, match="the group `room0` of `folder-rooms` would be in `train` and in `test`"):
        mixing.plan(shared, tables)
    apart = in_a_room(groups={"train": ["room0"], "test": ["room1", "room2"]}) | {"shares": {"train": 1, "test": 1}}
    drawn = list(mixing.plan(recipe(apart, splits={"train": 9, "test": 9}, length=1.0), tables))
    assert {parameters(row)["impulse_response"]["item"] for row in drawn if row["split"] == "train"} == {"room0"}


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        ({"name": "lowpass"}, "unknown transform `lowpass`"),
        ({"name": "low_pass", "cutoff_hz": 3}, "`low_pass` has no parameter `cutoff_hz`"),
        ({"name": "low_pass", "corner_hz": -3}, "`low_pass`: `corner_hz` lies between"),
        ({"name": "clip", "level_dbfs": {"normal": [-10, 3]}}, "`clip`: `level_dbfs` lies between"),
        ({"name": "room"}, "`room` needs the `set` of its `impulse_response`"),
        ({"name": "clip", "set": "esc50"}, "`clip` takes no `set`"),
        ({"name": "clip", "reference": "early"}, "`clip` has no early part"),
        ({"name": "room", "set": ROOMS, "part": "middle"}, "`room`: `part` is one of"),
        ({"name": "clip", "probability": 2}, "less than or equal to 1"),
    ],
)
def test_what_a_transform_can_not_do_is_refused_when_the_recipe_is_read(transform, words):
    with pytest.raises(RecipeError) as error:
        recipe(with_transforms(transform))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "`clip` has the parameters level_dbfs"),
        ("[1]", "`clip` has the parameters"),
        ('{"level_dbfs": 1e9}', "`level_dbfs` can't be 1000000000.0"),
        ('{"level_dbfs": 100000000}', "`level_dbfs` can't be 100000000"),
        ('{"level_dbfs": true}', "`level_dbfs` can't be True"),
        ("{", "the parameters of `clip` are no JSON"),
    ],
)
def test_an_altered_row_gets_a_status_and_no_samples(tables, roots, text, words):
    row = rows(tables, with_transforms({"name": "clip", "level_dbfs": -10}), length=1.0)[0]
    row["sources"][0]["transforms"][0]["parameters"] = text
    proof = mixing.render(row, roots).proof
    assert proof["status"] == "unknown_transform"
    assert words in proof["reason"]


def test_a_transform_of_another_package_that_is_not_here_gets_a_status(tables, roots):
    row = rows(tables, SPEECH, length=1.0)[0]
    row["sources"][0]["transforms"] = [{"name": "vocoder", "parameters": "{}"}]
    proof = mixing.render(row, roots).proof
    assert (proof["status"], "unknown transform `vocoder`" in proof["reason"]) == ("unknown_transform", True)
