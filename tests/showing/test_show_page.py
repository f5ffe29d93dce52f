"""The page of a corpus: its numbers are those of the manifest, it needs nothing else, and strangers' names are text."""

import base64
import io
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest
import soundfile

import sepbench
from sepbench import manifest
from sepbench.errors import PlaceError, TableError, UsageError
from sepbench.manifest import Manifest
from sepbench.showing import examples
from sepbench.showing.survey import survey

VOID = {"meta", "img", "link", "br", "input", "hr", "path", "rect"}


class Page(HTMLParser):
    """Which elements there are, and whether each that is opened is closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.texts, self.attributes = [], Counter(), [], []
        self.cells, self.row = {}, None
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen[tag] += 1
        self.attributes += [(tag, *one) for one in attrs]
        if tag == "tr":
            self.row = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen[tag] += 1
        self.attributes += [(tag, *one) for one in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1] == "td" and self.row and "data-level" in self.row:
            self.cells.setdefault((self.row["data-level"], self.row["data-split"]), []).append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def shown(corpus, tmp_path_factory):
    return sepbench.show(corpus, tmp_path_factory.mktemp("page") / "page.html")


@pytest.fixture(scope="module")
def page(shown):
    return Page(shown.page.read_text("utf-8"))


@pytest.fixture(scope="module")
def frame(corpus):
    """The manifest as pandas reads it, with levels as columns."""
    table = Manifest.read(corpus).table.to_pandas()
    for name in ("achieved_snr_db", "active_snr_db", "loudness_lufs"):
        table[name] = [proof[name] for proof in table["proof"]]
    table["snr_db"] = table["snr_mdb"] / 1000
    table["duration_s"] = table["frames"] / table["sample_rate"]
    table["peak_dbfs"] = [20 * np.log10(proof["peak"] / 2**15) for proof in table["proof"]]
    table["stem:noise"] = [proof["stems"][1]["rms_dbfs"] for proof in table["proof"]]
    gains = [proof["common_gain"] for proof in table["proof"]]
    table["common_gain_db"] = [20 * np.log10(gain["mantissa"] / 2.0 ** gain["shift"]) for gain in gains]
    return table


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(
    "name",
    ["snr_db", "achieved_snr_db", "active_snr_db", "duration_s", "loudness_lufs", "peak_dbfs", "common_gain_db", "stem:noise"],
)  # fmt: skip
def test_the_numbers_of_a_level_are_those_of_pandas(page, frame, name, split):
    values = frame.loc[frame["split"] == split, name].astype(float)
    found = [float(cell.replace("−", "-").replace(",", "")) for cell in page.cells[name, split]]
    expected = [values.count(), values.mean(), values.min(), values.median(), values.max()]
    assert found == pytest.approx(expected, abs=0.00501)  # two decimals are printed


def test_groups_recordings_and_labels_are_counted_as_pandas_counts_them(corpus):
    manifest_ = Manifest.read(corpus)
    long = manifest_.sources()
    found = survey(manifest_)
    assert [(pool.split, pool.source) for pool in found.pools] == [
        ("train", "speech"), ("test", "speech"), ("train", "noise"), ("test", "noise"),
    ]  # fmt: skip
    for pool in found.pools:
        mine = long[(long["split"] == pool.split) & (long["name"] == pool.source)]
        assert {use.name: use.n for use in pool.groups} == mine["group"].value_counts().to_dict()
        assert {use.name: use.n for use in pool.recordings} == mine["item"].value_counts().to_dict()
        assert [use.n for use in pool.recordings] == sorted((use.n for use in pool.recordings), reverse=True)
    for source, name in (("speech", "speaker"), ("speech", "sex"), ("noise", "class")):
        counted = long[long["name"] == source][f"label.{name}"].value_counts().to_dict()
        assert dict(found.labels[source][name]) == counted


def test_the_page_says_what_the_corpus_is(page, corpus):
    about = Manifest.read(corpus).metadata
    for words in ("small, version 1, seed 0", about["plan_hash"], about["corpus_hash"], "16 kHz, mono, 16 bits"):
        assert words in page.text
    assert page.seen["h1"] == 1


def test_the_page_needs_nothing_else(shown, page):
    text = shown.page.read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert not re.search(r"https?:|//[a-z]|<script|<link|@import|url\(", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text))
    sources = [value for _, name, value in page.attributes if name in ("src", "href")]
    assert all(value.startswith(("data:", "#")) for value in sources)
    ids = {value for _, name, value in page.attributes if name == "id"}
    assert {value[1:] for _, name, value in page.attributes if name == "href"} <= ids
    assert not [one for one in page.attributes if one[1] == "style"], "the policy forbids them"


def test_pictures_have_words_for_those_who_can_not_see_them(page):
    assert page.seen["img"] == sum(1 for tag, name, value in page.attributes if (tag, name) == ("img", "alt") and value)
    labelled = [one for one in page.attributes if one[0] == "svg" and one[1] in ("aria-label", "aria-hidden")]
    assert len(labelled) == page.seen["svg"]
    assert page.seen["audio"] == sum(1 for one in page.attributes if one[:2] == ("audio", "aria-label"))


def test_what_is_heard_is_what_lies_in_the_corpus(shown, page, corpus):
    assert shown.examples == 4
    sounds = [value for tag, name, value in page.attributes if (tag, name) == ("audio", "src")]
    assert len(sounds) == 4 * 3
    found = survey(Manifest.read(corpus))
    for place, sound in zip(examples.spread(found, 4), sounds[::3], strict=True):
        row = Manifest.read(corpus)[place]
        heard, rate = soundfile.read(io.BytesIO(base64.b64decode(sound.partition(",")[2])), dtype="int16")
        stored, _ = soundfile.read(corpus / "audio" / row["split"] / row["mixture_id"] / "mixture.flac", dtype="int16")
        assert rate == 16000
        assert np.array_equal(heard, stored)


def test_examples_go_from_the_lowest_ratio_to_the_highest(corpus, frame):
    found = survey(Manifest.read(corpus))
    for count in (1, 2, 5, 100):
        ratios = frame["achieved_snr_db"][examples.spread(found, count)].tolist()
        assert ratios == sorted(ratios)
        assert len(ratios) == min(count, len(frame))
    assert (ratios[0], ratios[-1]) == (frame["achieved_snr_db"].min(), frame["achieved_snr_db"].max())


def test_a_long_mixture_is_cut_and_the_page_says_so(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "_LONGEST_S", 0.25)
    text = Page(sepbench.show(corpus, tmp_path / "p.html", examples=1).page.read_text("utf-8")).text
    assert "you hear 0.25 s from 0.1 s of 0.5 s" in text


def test_one_split_is_shown_alone(corpus, tmp_path):
    shown = sepbench.show(corpus, tmp_path / "p.html", split="test", examples=2)
    page = Page(shown.page.read_text("utf-8"))
    assert shown.mixtures == 8
    assert {split for _, split in page.cells} == {"test"}
    assert "train-0" not in page.text


def test_a_corpus_that_was_only_planned_shows_what_a_plan_knows(plan, tmp_path):
    shown = sepbench.show(plan, tmp_path / "p.html", examples=2)
    page = Page(shown.page.read_text("utf-8"))
    assert "planned, not rendered" in page.text
    assert "Corpus hash" not in page.text
    assert {name for name, _ in page.cells} == {"snr_db", "duration_s", "sources"}
    assert shown.examples == 2, "its examples are made on the fly"


def test_without_recordings_the_page_says_why_nothing_can_be_heard(plan, tmp_path):
    nowhere = {"librispeech": tmp_path, "esc50": tmp_path}
    shown = sepbench.show(plan / "manifest.parquet", tmp_path / "p.html", roots=nowhere)
    assert shown.examples == 0
    assert re.search("No example is here: .*LibriSpeech", Page(shown.page.read_text("utf-8")).text)


def test_no_examples_are_a_page_without_sound(corpus, tmp_path):
    shown = sepbench.show(corpus, tmp_path / "p.html", examples=0)
    assert Page(shown.page.read_text("utf-8")).seen["audio"] == 0


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><b>",
    "`x` </title>",
    "{{ 7*7 }}",
    "漢字 🎵",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_stranger_s_text_is_shown_as_it_is_and_adds_nothing(corpus, page, tmp_path, name):
    whole = Manifest.read(corpus)
    rows = whole.table.to_pylist()
    for row in rows:
        row["licence"] = name
        row["proof"]["float_stages"] = [name]
        row["proof"] |= {"status": "silent_source", "reason": name}
        for source in row["sources"]:
            source["labels"] = [{"name": name, "value": name}]
            source |= {"item": name, "group": name, "set": name, "licence": name}
    recipe = whole.metadata["recipe"] | {"title": name, "description": name, "name": name}
    (tmp_path / "odd").mkdir()
    manifest.write([pa.RecordBatch.from_pylist(rows, manifest.SCHEMA)], tmp_path / "odd" / "manifest.parquet",
                   whole.metadata | {"recipe": recipe, "sepbench": name})  # fmt: skip
    odd = Page(sepbench.show(tmp_path / "odd", tmp_path / "p.html").page.read_text("utf-8"))
    assert set(odd.seen) <= set(page.seen) | {"strong"}
    assert odd.seen["b"] == odd.seen["script"] == 0
    assert odd.seen["style"] == odd.seen["title"] == odd.seen["h1"] == 1
    assert " ".join(name.split()) in odd.text


def test_a_corpus_whose_audio_is_gone_is_heard_from_its_recordings(corpus, shown, tmp_path):
    shutil.copy(corpus / "manifest.parquet", tmp_path)
    again = sepbench.show(tmp_path, tmp_path / "p.html")
    assert again.page.read_bytes() == shown.page.read_bytes()


def test_the_same_corpus_gives_the_same_bytes(shown, corpus, tmp_path):
    again = sepbench.show(corpus, tmp_path / "again.html")
    assert again.page.read_bytes() == shown.page.read_bytes()


def test_a_page_lies_beside_the_corpus_under_its_name_and_not_in_it(plan):
    for corpus in (plan, plan / "manifest.parquet"):
        shown = sepbench.show(corpus, examples=0, force=True)
        assert shown.page == plan.with_name("small.html").resolve()
    assert sorted(path.name for path in plan.iterdir()) == ["manifest.parquet"]


def test_a_page_that_is_there_is_kept_unless_it_may_be_replaced(corpus, tmp_path):
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(PlaceError, match=r"mine\.html: is there already"):
        sepbench.show(corpus, tmp_path / "mine.html")
    assert (tmp_path / "mine.html").read_text() == "mine"
    sepbench.show(corpus, tmp_path / "mine.html", examples=0, force=True)
    assert (tmp_path / "mine.html").read_text("utf-8").startswith("<!doctype html>")


def test_nothing_is_left_of_a_page_that_could_not_be_made(corpus, tmp_path, monkeypatch):
    (tmp_path / "mine.html").write_text("mine")

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("sepbench.storage.os.replace", fail)
    with pytest.raises(KeyboardInterrupt):
        sepbench.show(corpus, tmp_path / "mine.html", examples=0, force=True)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"examples": -1}, UsageError, "at least 0 examples, got -1"),
        ({"split": "vald"}, UsageError, "the split `vald` has no mixtures"),
        ({"out": "manifest.parquet"}, UsageError, "expected the name of a page"),
        ({"out": "folder.html"}, PlaceError, "is a folder"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(corpus, tmp_path, monkeypatch, options, error, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(error, match=words):
        sepbench.show(corpus, **({"out": "p.html", "force": True} | options))
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(TableError, match="there is no such manifest"):
        sepbench.show(tmp_path, tmp_path / "p.html")


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on PATH")
def test_a_browser_has_nothing_to_complain_of(shown, tmp_path):
    loud = tmp_path / "page.html"  # sounds are decoded at once, so that the policy can object
    loud.write_text(shown.page.read_text("utf-8").replace('preload="none"', 'preload="auto"'), "utf-8")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--v=0",
        "--virtual-time-budget=3000", "--dump-dom", loud.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert "</html>" in done.stdout
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
