"""What is heard in a corpus: taken from columns, it is what the rows say one by one."""

import json

import planned
import pyarrow as pa
import pytest

from sepbench import mixing
from sepbench.manifest import SCHEMA
from sepbench.mixing.hearing import Heard, heard_by_split
from sepbench.overlaps import Unit, units_of

ROOM = {
    "name": "room",
    "parameters": json.dumps({"recording": {"pcm_sha256": "f" * 64, "item": "hall"}, "part": "all"}),
}


@pytest.fixture(scope="module")
def rows():
    recipe, seed, epoch = planned.KINDS["four speakers of one name and two noises"]
    return mixing.plan(recipe, planned.tables(), seed=seed, epoch=epoch).table.to_pylist()


def listened(rows):
    batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
    return heard_by_split([batch.slice(0, 100), batch.slice(100)])


def test_it_is_what_the_rows_say_one_by_one(rows):
    units, recordings = set(), set()
    for row in rows:
        for source in row["sources"]:
            units.update(units_of(source["set"], source["group"], source["item"]))
            recordings.add(source["source_pcm_sha256"])
    assert listened(rows) == {"train": Heard(units, recordings)}


def test_recordings_that_a_transform_takes_are_heard_too_in_their_split_alone(rows):
    first, last = dict(rows[0]), rows[-1] | {"split": "test", "degradations": [ROOM | {"parameters": "no JSON"}]}
    first["sources"] = [
        source | {"transforms": [{"name": "polarity", "parameters": "{}"}, ROOM]} for source in first["sources"]
    ]
    found = listened([first, *rows[1:-1], last])
    assert "f" * 64 in found["train"].recordings
    assert "f" * 64 not in found["test"].recordings
    assert "f" * 64 in listened([*rows[:-1], rows[-1] | {"degradations": [ROOM]}])["train"].recordings


def test_a_talker_that_is_known_by_its_set_and_its_family_counts_once():
    units = {unit for speaker in ("19", "26") for unit in units_of("librispeech", speaker, "x")}
    assert len(units) == 4
    assert Heard(units | {Unit("vocalset", "f1")}).groups == 3
