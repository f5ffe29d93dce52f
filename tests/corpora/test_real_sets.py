"""The readers on real excerpts: `SEPBENCH_TEST_SETS` names a folder that holds sets under their published names."""

import os
from pathlib import Path

import pytest

from sepbench import catalog, shelf
from sepbench.audio import file_of
from sepbench.errors import LayoutError, MissingExtraError

FOLDER = os.environ.get("SEPBENCH_TEST_SETS", "")
PLACES = {
    "cmu-arctic": "ARCTIC",
    "dagstuhl-choirset": "DagstuhlChoirSet_V1.2.3",
    "demand": "DEMAND",
    "dns-noise": "datasets_fullband",
    "esc50": "ESC-50-master",
    "fsd50k": "FSD50K",
    "librispeech": "LibriSpeech",
    "libritts": "LibriTTS",
    "libritts-r": "LibriTTS_R",
    "ljspeech": "LJSpeech-1.1",
    "medleydb": "MedleyDB",
    "mir-1k": "MIR-1K",
    "moisesdb": "moisesdb",
    "musan": "musan",
    "musdb18": "musdb18",
    "musdb18hq": "musdb18hq",
    "rirs-noises": "RIRS_NOISES",
    "rooms": "RIRs",
    "slakh2100": "slakh2100*",
    "urbansound8k": "UrbanSound8K",
    "vctk": "VCTK-Corpus*",
    "vocadito": "vocadito",
    "vocalset": "VocalSet1-2",
    "voicebank-demand": "VoiceBank-DEMAND*",
    "wham-noise": "wham_noise",
}

pytestmark = [
    pytest.mark.real_sets,
    pytest.mark.skipif(not FOLDER, reason="SEPBENCH_TEST_SETS names no folder with public sets"),
]


@pytest.fixture
def top(name: str) -> Path:
    tops = sorted(Path(FOLDER).glob(PLACES[name]))
    if not tops:
        pytest.skip(f"{FOLDER} holds no {PLACES[name]}")
    reader = shelf.load("sets", name)()
    try:
        getattr(reader, "require", lambda: None)()
    except MissingExtraError as error:
        pytest.skip(error.message)
    return tops[-1]


@pytest.mark.parametrize("name", PLACES)
def test_real_set_is_indexed_whole(name: str, top: Path, tmp_path: Path) -> None:
    table = catalog.index(name, top, tmp_path / "catalog.parquet", workers=0)
    rows = table.to_pylist()
    audio = {path for suffix in ("wav", "flac", "mp4") for path in top.rglob(f"[!.]*.{suffix}")}
    assert {file_of(top / row["path"])[0] for row in rows} <= audio
    assert {row["status"] for row in rows} <= {"ok", "silent"}, [row["reason"] for row in rows if row["reason"]]
    groups = {(row["group"], row["split"]) for row in rows}
    assert len(groups) == len({group for group, _ in groups}), "a group is in two splits"


@pytest.mark.parametrize("name", [name for name in PLACES if name not in ("rooms", "voicebank-demand")])
def test_real_set_is_found_from_above(name: str, top: Path) -> None:
    reader = shelf.load("sets", name)()
    assert [item.item for item in reader.items(top.parent)] == [item.item for item in reader.items(top)]


def test_table_of_a_set_that_lists_more_than_is_there_is_refused(tmp_path: Path) -> None:
    """An excerpt of ESC-50 with the table of the whole set: it must not pass for the set."""
    top = Path(FOLDER, "ESC-50-master")
    if not top.is_dir():
        pytest.skip(f"{FOLDER} holds no ESC-50-master")
    (tmp_path / "audio").symlink_to((top / "audio").resolve())
    (tmp_path / "meta").mkdir()
    table = (top / "meta" / "esc50.csv").read_text().splitlines()
    more = [f"5-{number}-A-0.wav,5,0,dog,False,{number},A" for number in range(2 * len(table))]
    (tmp_path / "meta" / "esc50.csv").write_text("\n".join([*table, *more]))
    with pytest.raises(LayoutError, match="recordings are not there"):
        list(shelf.load("sets", "esc50")().items(tmp_path))
