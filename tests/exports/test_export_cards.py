"""The card, the licences and the citations: written from the recipe, the rows and the catalogs."""

import pytest
import yaml
from small_corpora import NOISE, SPEECH, of, recipe

import sepbench
from sepbench import exports, mixing
from sepbench.errors import TableError, UsageError
from sepbench.exports.citing import authors, parsed
from sepbench.exports.licensing import conditions, licence_of_the_whole, licences_page, terms_url
from sepbench.exports.origins import Count, Origin, origins


def origin(set_, *licences, **more):
    return Origin(set_, licences={one: Count(1, 1) for one in licences}, **more)


def header_of(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_the_card_says_what_is_in_the_corpus_and_how_it_was_made(talk):
    card = exports.card(talk)
    header = header_of(card)
    assert header["pretty_name"] == 'Speech & "noise": 100 %'
    assert header["license"] == "other"
    assert header["license_name"] == licence_of_the_whole(exports.Contents(talk).origins)
    for words in (
        "| train | 3 |",
        "| speech | target |",
        "- For tests.",
        sepbench.Corpus(talk).corpus_hash,
        '"snr_db": {',
    ):
        assert words in card


def test_one_licence_for_all_is_called_by_its_name(songs, catalogs, tmp_path):
    speech = of([SPEECH], "test")[0] | {"where": {"speaker": "9005"}}
    made = recipe("one", length=0.5, splits={"test": 2}, sources=[speech], levels={})
    mixing.mix(made, tmp_path / "corpus", catalogs=catalogs, workers=0, pack="never")
    assert header_of(exports.card(tmp_path / "corpus"))["license"] == "cc-by-3.0"


def test_a_card_needs_audio_to_speak_of(catalogs, tmp_path):
    sepbench.mix("speech-demo", tmp_path / "plan", catalogs=catalogs, plan_only=True, workers=0)
    with pytest.raises(TableError, match="planned but not rendered"):
        exports.card(tmp_path / "plan")


def test_every_recording_is_counted_once_and_every_use_each_time(talk):
    rows = list(sepbench.Manifest.read(talk))
    for found in exports.Contents(talk).origins:
        uses = [one for row in rows for one in row["sources"] if one["set"] == found.set]
        assert sum(count.uses for count in found.licences.values()) == len(uses)
        assert sum(count.recordings for count in found.licences.values()) == len({one["item"] for one in uses})


def test_rooms_are_sources_too(catalogs, tmp_path):
    import numpy as np
    import soundfile

    (tmp_path / "rooms/hall").mkdir(parents=True)
    for number in range(2):
        response = np.zeros(800)
        response[[40, 300 + number]] = 0.9, 0.3
        soundfile.write(tmp_path / f"rooms/hall/{number}.wav", response, 16000)
    sepbench.index("rooms", tmp_path / "rooms", tmp_path / "rooms.parquet", workers=0, options={"licence": "CC0-1.0"})
    room = {"name": "room", "set": "rooms"}
    speech = of([SPEECH], "test")[0] | {"transforms": [room]}
    made = recipe("hall", length=0.5, splits={"test": 3}, sources=[speech, *of([NOISE], "test")])
    mixing.mix(
        made, tmp_path / "corpus", catalogs=catalogs | {"rooms": tmp_path / "rooms.parquet"}, workers=0, pack="never"
    )
    (rooms,) = [one for one in origins(sepbench.Manifest.read(tmp_path / "corpus").batches()) if one.set == "rooms"]
    assert rooms.licences["CC0-1.0"].uses == 3
    assert "| rooms | CC0-1.0 |" in exports.licences(tmp_path / "corpus")


def test_the_licence_of_the_whole_is_all_of_them():
    assert licence_of_the_whole([origin("a", "CC-BY-4.0"), origin("b", "CC0-1.0 OR MIT", "CC-BY-4.0")]) == (
        "CC-BY-4.0 AND (CC0-1.0 OR MIT)"
    )
    assert licence_of_the_whole([origin("b", "CC0-1.0 OR MIT")]) == "CC0-1.0 OR MIT"


def test_conditions_are_said_with_the_set_that_brings_them():
    found = [origin("esc50", "CC-BY-NC-3.0"), origin("demand", "CC-BY-SA-3.0"), origin("medleydb", "CC-BY-NC-SA-4.0")]
    sentences = conditions(
        [*found, origin("moisesdb", "LicenseRef-MoisesDB"), origin("mine", "unknown"), origin("x", "MIT")]
    )
    assert [sentence.split(":")[0] for sentence in sentences[:4]] == [
        "No commercial use", "What is made of it is shared under the same licence, if at all",
        "Terms of the set's own", "Nobody has said under which licence the recordings are",
    ]  # fmt: skip
    assert "`CC-BY-NC-SA-4.0` of medleydb" in sentences[0]
    assert sentences[-1].startswith("CC-BY-NC-SA-4.0 and CC-BY-SA-3.0 each ask for themselves")
    assert conditions([origin("librispeech", "CC-BY-4.0")]) == []


def test_terms_are_never_those_of_another_licence():
    own = origin("mir-1k", "LicenseRef-MIR-1K", licence="LicenseRef-MIR-1K", licence_url="https://example.org/terms")
    assert terms_url("LicenseRef-MIR-1K", own) == "https://example.org/terms"
    assert terms_url("LicenseRef-other", own) == ""
    assert terms_url("CC-BY-SA-3.0", own) == "https://creativecommons.org/licenses/by-sa/3.0/"
    assert terms_url("Apache-2.0", own) == "https://spdx.org/licenses/Apache-2.0.html"


def test_whoever_made_a_set_is_named(talk):
    page = exports.licences(talk)
    assert "by Vassil Panayotov, Guoguo Chen, Daniel Povey and Sanjeev Khudanpur, https://www.openslr.org/12" in page
    assert "| esc50 |" in page


def test_the_version_of_a_set_is_that_of_its_catalog(talk, catalogs):
    (esc,) = [
        one for one in exports.Contents(talk, catalogs={"esc50": catalogs["esc50"]}).origins if one.set == "esc50"
    ]
    assert esc.version == "2.0.0"


def test_a_set_that_nobody_knows_is_named_and_nothing_is_made_up():
    found = origin("their-own-noise", "CC-BY-4.0")
    page = licences_page("x", [found])
    assert "- their-own-noise; CC-BY-4.0" in page


def test_sets_with_a_suffix_are_read_by_their_reader(songs):
    from sepbench.exports.origins import _origin

    assert _origin("folder-street", {}, "").title == "a folder of recordings"
    assert _origin("libritts-r", {}, "").title == "LibriTTS-R"
    assert "% folder: no entry is known" in exports.citations(songs)


def test_texts_of_a_recipe_do_no_harm_to_latex(talk):
    first = exports.citations(talk).split("\n\n")[0]
    assert parsed(first)["title"] == 'Speech \\& "noise": 100 \\%'


@pytest.mark.parametrize(
    "entry",
    ["", "@misc{a, title = {x}", "@misc{a, title = {x}, title = {y}}", "@misc{a, x = {y}} @misc{b, x = {y}}", "x"],
)
def test_what_is_no_single_entry_is_refused(entry):
    with pytest.raises(UsageError, match="BibTeX"):
        parsed(entry)


def test_authors_are_written_as_people_write_them():
    assert authors(r"@misc{a, author = {Wei{\ss}, Christof and G{\'o}mez, Emilia}}") == "Christof Weiß and Emilia Gómez"
    assert authors("@misc{a, author = {Le Roux, Jonathan}}") == "Jonathan Le Roux"


def test_whom_the_recipe_follows_is_cited(catalogs, tmp_path):
    entry = "@misc{they2020, title = {Theirs}}"
    chosen = recipe("theirs", bibtex=[entry], sources=of([SPEECH, NOISE], "test"), splits={"test": 1})
    mixing.mix(chosen, tmp_path / "corpus", catalogs=catalogs, workers=0)
    assert entry in exports.citations(tmp_path / "corpus")
