"""Canonical JSON defines hashes: an array is written as its values are, byte for byte."""

import string

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench.canonical import canonical_json, canonical_rows, texts_of

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),  # a surrogate alone is no UTF-8
    st.text(string.printable + '"\\\x00\x7fé日😀', max_size=8),
)
LABEL = pa.struct([("value", pa.string()), ("name", pa.string())])
TYPE = pa.struct(
    [
        ("z", pa.string()), ("é \"", pa.string()), ("whole", pa.int64()), ("small", pa.int8()), ("yes", pa.bool_()),
        ("labels", pa.list_(LABEL)), ("deep", pa.struct([("lists", pa.list_(pa.list_(pa.int32())))])),
    ]
)  # fmt: skip


def maybe(strategy):
    return st.none() | strategy


def records(**fields):
    return st.fixed_dictionaries({name: maybe(strategy) for name, strategy in fields.items()})


ROWS = records(
    **{"z": TEXTS, "é \"": TEXTS, "yes": st.booleans()},
    whole=st.integers(-(2**63), 2**63 - 1),
    small=st.integers(-128, 127),
    labels=st.lists(maybe(records(name=TEXTS, value=TEXTS)), max_size=3),
    deep=records(lists=st.lists(maybe(st.lists(maybe(st.integers(-5, 5)), max_size=3)), max_size=3)),
)  # fmt: skip


@given(st.lists(maybe(ROWS), max_size=6), st.integers(0, 3))
def test_an_array_is_written_as_its_values_are(rows, skipped):
    array = pa.array(rows, TYPE).slice(min(skipped, len(rows)))
    written = canonical_rows(array).to_pylist()
    assert written == [None if row is None else canonical_json(row).decode() for row in array.to_pylist()]


@given(st.lists(TEXTS, max_size=5), st.integers(0, 3))
def test_the_bytes_of_strings_are_theirs(texts, skipped):
    array = pa.array(texts, pa.string()).slice(min(skipped, len(texts)))
    assert [bytes(one).decode() for one in texts_of(array)] == texts[min(skipped, len(texts)) :]


def test_no_float_is_hashed():
    with pytest.raises(TypeError, match="covers no float"):
        canonical_json({"level": 1.0})
    with pytest.raises(TypeError, match="covers no float"):
        canonical_rows(pa.array([{"level": 1.0}]))
