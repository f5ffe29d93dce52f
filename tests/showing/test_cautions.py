"""Cautions: what a careful colleague would say is said, with numbers, and nothing else."""

import pyarrow as pa
import pytest

from sepbench.manifest import SCHEMA, Manifest
from sepbench.showing.cautions import cautions
from sepbench.showing.survey import survey


@pytest.fixture(scope="module")
def metadata(corpus):
    return Manifest.read(corpus).metadata


@pytest.fixture
def rows(corpus):
    """Rows about which there is nothing to say: many groups, each recording once, free licences, nothing turned down."""
    found = Manifest.read(corpus).table.to_pylist()
    for at, row in enumerate(found):
        row["licence"] = "CC0-1.0"
        row["proof"]["common_gain"] = {"mantissa": 1 << 27, "shift": 27}
        for place, source in enumerate(row["sources"]):
            for name in ("group", "item"):
                source[name] = f"{at}-{place}"
            source["source_pcm_sha256"] = f"{at:032x}{place:032x}"
    return found


@pytest.fixture
def said(metadata):
    def cautioned(rows, offsets=()):
        return cautions(survey(Manifest(pa.Table.from_pylist(rows, SCHEMA), metadata)), offsets)

    return cautioned


def test_nothing_is_said_where_nothing_stands_out(said, rows):
    assert said(rows) == []


def leak(rows):
    rows[0]["sources"][1] |= {name: rows[-1]["sources"][1][name] for name in ("item", "group", "source_pcm_sha256")}


def gone(rows):
    rows[3]["proof"] |= {"status": "silent_source", "reason": "`noise` is silent", "achieved_snr_db": None}


def clipped(rows):
    rows[3]["proof"]["clipped_samples"] = 17


def missed(rows):
    rows[3]["proof"]["achieved_snr_db"] = rows[3]["snr_mdb"] / 1000 - 1.5


def turned_down(rows):
    for row in rows[:16]:
        row["proof"]["common_gain"]["shift"] = 28


def far_down(rows):
    rows[4]["proof"]["common_gain"]["shift"] = 31


def one_speaker(rows):
    for row in rows[:24]:
        row["sources"][0]["group"] = "anna"


def often(rows):
    for row in rows[:8]:
        row["sources"][1]["item"] = "hum"


def not_commercial(rows):
    rows[3]["licence"] = "CC-BY-4.0 AND CC-BY-NC-3.0"


def unchanged_only(rows):
    rows[3]["licence"] = "CC-BY-ND-4.0"


def own_licence(rows):
    rows[3]["licence"] = "CC0-1.0 AND LicenseRef-mine"


def no_licence(rows):
    rows[3]["licence"] = ""


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            leak,
            "A leak: in `train` and in `test` there are the same 1 recording and 1 group (speakers, songs, sounds).",
        ),
        (gone, "1 of 32 mixtures (3.1 %) have no audio: silent_source; the first: `noise` is silent"),
        (clipped, "1 of 32 mixtures (3.1 %) have samples at full scale, 17 in the worst"),
        (missed, "1 of 32 mixtures (3.1 %) miss the SNR that was asked for by more than 0.1 dB, the worst by 1.50 dB."),
        (turned_down, "16 of 32 mixtures (50.0 %) were turned down as a whole"),
        (far_down, "1 of 32 mixtures (3.1 %) were turned down by more than 12 dB"),
        (one_speaker, "`train` has 1 group for `speech`: too few"),
        (
            often,
            "One recording, `hum` of esc50, is `noise` in 8 of 24 mixtures (33.3 %) of `train`; there are 17 in all.",
        ),
        (not_commercial, "Some recordings may not be used commercially (CC-BY-NC-3.0 in 1 mixture)."),
        (unchanged_only, "Some recordings may not be shared in altered form"),
        (own_licence, "Some recordings are under licences of their own: read them (LicenseRef-mine in 1 mixture)."),
        (
            no_licence,
            "Some recordings come without a licence that is known: find out what may be done with them (none in 1 mixture).",
        ),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_stands_out_is_said_once_with_its_numbers(said, rows, spoil, words):
    spoil(rows)
    (only,) = said(rows)
    assert words in only


def test_signals_that_are_not_centred_are_counted_and_the_worst_is_named(said, rows):
    (only,) = said(rows, [("`a`", 0.001), ("`b`", -0.02), ("`c`", 0.01)])
    assert only.startswith("2 of 3 signals that can be heard here are not centred (DC): the mean of `b` is -2.00 %")
