"""Lists in columns, taken apart without a loop over rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["flattened"]


def flattened(batch: pa.RecordBatch, lists: pa.Array, members: Sequence[str], beside: Sequence[str] = ()) -> pa.Table:
    """Give a row for each element of a list of structures.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        What the lists belong to.
    lists : pyarrow.ListArray of struct
        As many as the batch has rows; a null is an empty list.
    members : sequence of str
        Of the structures.
    beside : sequence of str
        Columns of the batch that each element gets a copy of.

    Returns
    -------
    pyarrow.Table
        `row`, the place of the element's row in the batch, then `beside`, then `members`.

    Examples
    --------
    >>> batch = pa.RecordBatch.from_pylist([{"id": "a", "of": [{"n": 1}, {"n": 2}]}, {"id": "b", "of": [{"n": 3}]}])
    >>> flattened(batch, batch["of"], ["n"], ["id"]).to_pylist()[1:]
    [{'row': 0, 'id': 'a', 'n': 2}, {'row': 1, 'id': 'b', 'n': 3}]
    """
    # not `list_parent_indices`, which counts in the array that a slice was taken of
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    rows = pa.array(np.repeat(np.arange(len(batch)), lengths))
    each = lists.flatten()
    columns = {"row": rows} | {name: batch[name].take(rows) for name in beside}
    return pa.table(columns | {name: pc.struct_field(each, name) for name in members})
