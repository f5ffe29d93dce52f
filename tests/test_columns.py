"""Lists in columns: every element beside the row that it belongs to, of slices too."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sepbench.columns import flattened

KIND = pa.schema([("id", pa.string()), ("of", pa.list_(pa.struct([("n", pa.int64())])))])


@given(st.lists(st.none() | st.lists(st.integers(0, 99), max_size=4), max_size=8), st.integers(0, 8))
def test_elements_stand_beside_their_rows_in_any_slice(lists, start):
    rows = [{"id": str(at), "of": of and [{"n": n} for n in of]} for at, of in enumerate(lists)]
    batch = pa.RecordBatch.from_pylist(rows, KIND).slice(start)
    found = flattened(batch, batch["of"], ["n"], ["id"]).to_pylist()
    assert found == [
        {"row": at, "id": str(at + start), "n": n} for at, of in enumerate(lists[start:]) for n in of or ()
    ]
