"""The readers on real excerpts: `SEPBENCH_TEST_SETS` names a folder that holds sets under their published names."""

import os
from pathlib import Path

import pytest

from sepbench import catalog

FOLDER = os.environ.get("SEPBENCH_TEST_SETS", "")
PLACES = {
    "esc50": "ESC-50-master",
    "librispeech": "LibriSpeech",
    "libritts": "LibriTTS",
    "musdb18hq": "musdb18hq",
    "urbansound8k": "UrbanSound8K",
    "vctk": "VCTK-Corpus*",
}

pytestmark = [
    pytest.mark.real_sets,
    pytest.mark.skipif(not FOLDER, reason="SEPBENCH_TEST_SETS names no folder with public sets"),
]


@pytest.mark.parametrize("name", PLACES)
def test_real_set_is_indexed_whole(name: str, tmp_path: Path) -> None:
    tops = sorted(Path(FOLDER).glob(PLACES[name]))
    if not tops:
        pytest.skip(f"{FOLDER} holds no {PLACES[name]}")
    table = catalog.index(name, tops[-1], tmp_path / "catalog.parquet", workers=0)
    rows = table.to_pylist()
    audio = {path for suffix in ("wav", "flac") for path in tops[-1].rglob(f"[!.]*.{suffix}")}
    assert {tops[-1] / row["path"] for row in rows} <= audio
    assert {row["status"] for row in rows} <= {"ok", "silent"}, [row["reason"] for row in rows if row["reason"]]
    groups = {(row["group"], row["split"]) for row in rows}
    assert len(groups) == len({group for group, _ in groups}), "a group is in two splits"
    from_above = catalog.index(name, Path(FOLDER), tmp_path / "above.parquet", workers=0)
    told = ["path", "reason"]  # both name the file from the root that was given
    assert from_above.drop_columns(told).equals(table.drop_columns(told))
